/**
 * What sleep does to the clocks and the timers of a machine. On every system no code runs and no timer fires meanwhile, and
 * the wall clock goes on. The systems differ in the monotonic clock, by which timers are counted:
 *
 * - macOS (`mach_continuous_time`) and Windows (`QueryPerformanceCounter`): it goes on. A timer that was due meanwhile
 *   fires late, at waking.
 * - Linux (`CLOCK_MONOTONIC`): it stands still. Each timer fires later by as long as the machine has slept.
 */

export const SYSTEMS = ['linux', 'macos', 'windows'] as const

export type System = (typeof SYSTEMS)[number]

/** True if the monotonic clock goes on while the machine sleeps. */
export function countsSleep(system: System): boolean {
  return system !== 'linux'
}
