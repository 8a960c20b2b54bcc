/** Every alarm of the engine. If an alarm exists once for each lane, user or call, its name ends with that id. */

interface AlarmFacts {
  /** The kind of thing of which each has its own alarm; null: the engine has only a single alarm of this name. */
  readonly each: 'lane' | 'user' | 'read' | 'operation' | 'flush' | 'call' | 'change' | null
  /**
   * True if a part arms it again in a journal that begins in the middle. While an alarm with false is armed, no
   * journal can begin.
   */
  readonly isRestored: boolean
}

export const ALARMS = {
  /** The wait of a lane is over (Q7). */
  backoff: { each: 'lane', isRestored: true },
  /** A lane that could not be read is read again (Q11). */
  reread: { each: 'lane', isRestored: false },
  /** No reply has come in time (Q6). */
  reply: { each: 'lane', isRestored: true },
  /** The token source has not answered in time (T6). */
  source: { each: 'user', isRestored: true },
  /** A token source that failed is asked again (T6). */
  coolDown: { each: 'user', isRestored: true },
  /** The wait after refused tokens is over (T8). */
  wait: { each: 'user', isRestored: true },
  /** The time of an early token has come (T9). */
  early: { each: 'user', isRestored: true },
  /** A vault that was not available is asked again (T1). */
  vault: { each: 'user', isRestored: false },
  /** A flushing logout has waited long enough (I7). */
  logout: { each: 'user', isRestored: true },
  /** A transaction of the app may be over by now. */
  within: { each: 'operation', isRestored: true },
  /** The delay of a reading position is over (R2). */
  read: { each: 'read', isRestored: true },
  /** A read has got no reply in time (R5). */
  'read-reply': { each: 'read', isRestored: true },
  /** A read has waited long enough (R5). */
  'read-deadline': { each: 'read', isRestored: true },
  /** A flush has waited long enough (Q19). */
  flush: { each: 'flush', isRestored: true },
  /** A `sendNow()` has waited long enough (Q7). */
  'send-now': { each: 'call', isRestored: true },
  /** A change that could not be stored is stored again (Q11). */
  record: { each: 'change', isRestored: false },
  /** The requirement source is asked again (I2). */
  requirement: { each: null, isRestored: true },
  /** The requirement source has not answered in time (I2). */
  'requirement-reply': { each: null, isRestored: true },
  /** A captive portal is probed (Q6). */
  portal: { each: null, isRestored: true },
  /** The wait that the server asked of every lane is over (Q7). */
  'rate-limited': { each: null, isRestored: true },
  /** The hold `suspended` ends by itself (Q18). */
  suspended: { each: null, isRestored: true },
  /** A process that waits tries to take over (Q17). */
  'take-over': { each: null, isRestored: true },
  /** A sleep of the machine is looked for (Q18). */
  wake: { each: null, isRestored: true },
  /** Rows that could not be read are read again (E2). */
  reload: { each: null, isRestored: false },
  /** `close()` has waited long enough (Q19). */
  close: { each: null, isRestored: false },
} as const satisfies Readonly<Record<string, AlarmFacts>>

export type AlarmName = keyof typeof ALARMS

/** The name of an alarm that exists once for each `id`. */
export function alarmOf(name: AlarmName, id: string | number): string {
  return `${name}:${id}`
}

/** True if a journal can begin while this alarm is armed. */
export function isRestored(alarm: string): boolean {
  const [name = ''] = alarm.split(':')
  return Object.hasOwn(ALARMS, name) && ALARMS[name as AlarmName].isRestored
}
