/**
 * One decision as one line of text: `holdfast <name> <field>=<value> …`. A line is made from what a journal has of the
 * decision, so it holds nothing that a journal does not hold (E6): no payload, no token, no text of a server. Pure.
 */
import type { EventName } from '../events.ts'
import type { JsonRecord, Json, OutLine } from '../journal/lines.ts'
import { printableJson } from '../scrub/printable.ts'
import type { LogLevel } from './logger.ts'

/** An observation that decides nothing, and is in no journal. */
interface Note {
  readonly note: string
  readonly level: LogLevel
  readonly fields: JsonRecord
}

/** A call of the app that was rejected, with the name of the call, which a journal has in another line. */
interface Rejected {
  readonly rejected: string
  readonly code: string
}

export type LogLine = OutLine | Note | Rejected

export interface LogText {
  readonly level: LogLevel
  readonly text: string
}

/** What needs a person is a warning. What an app does all the time without one is a detail. */
const LEVELS: Readonly<Record<EventName, LogLevel>> = {
  'operation.enqueued': 'info',
  'operation.sent': 'debug',
  'operation.retrying': 'warn',
  'operation.completed': 'info',
  'operation.dropped': 'warn',
  'operation.cancelled': 'info',
  'operation.dead': 'error',
  'token.needed': 'warn',
  'token.updated': 'info',
  'token.refused': 'warn',
  'token.refreshFailed': 'warn',
  'identity.changed': 'info',
  'requirement.changed': 'info',
  'lane.held': 'info',
  'lane.released': 'info',
  'queue.paused': 'info',
  'queue.resumed': 'info',
  'queue.drained': 'info',
  'read.deferred': 'info',
  'read.completed': 'debug',
  error: 'error',
}

/** The longest value, in characters: enough to recognise it, too short to flood a log. */
const LONGEST = 200

/** A list shows so many values. An envelope has at most 100 members. */
const MOST_SHOWN = 10

/** A text that needs no quotation marks: no space, no control character, no letter that looks like another one. */
const BARE = /^[\w.:@/+~-]+$/

/** A bare text that would look like another value. */
const WORDS: ReadonlySet<string> = new Set(['null', 'true', 'false'])

/** The line; null: this decision has none. `monotonic`: the present, by the clock of the alarms. */
export function logLineOf(line: LogLine, monotonic: number): LogText | null {
  if ('note' in line) return textOf(line.level, line.note, line.fields)
  if ('rejected' in line) {
    const { rejected: name, code } = line
    return textOf('info', 'call.rejected', { name, code })
  }
  switch (line.out) {
    case 'event':
      return ofEvent(line.name as EventName, line.detail as JsonRecord)
    case 'need': {
      const { user, reason } = line
      if (reason === null) return textOf('debug', 'need.closed', { user })
      return textOf('info', 'need.opened', { user, reason })
    }
    case 'ask':
      return textOf('debug', `ask.${line.name}`, fieldsOfQuestion(line.args))
    case 'alarm':
      return textOf('debug', 'alarm.armed', { name: line.name, inMs: line.at - monotonic })
    case 'alarm.cancelled':
      return textOf('debug', 'alarm.cancelled', { name: line.name })
    case 'call.rejected':
      // The line with the name of the call is made in its place.
      return null
  }
}

function ofEvent(name: EventName, detail: JsonRecord): LogText | null {
  // Errors come from the listeners, because some of them are no decision of the engine.
  if (name === 'error') return null
  const isSuspected = name === 'requirement.changed' && detail['suspected'] === true
  return textOf(isSuspected ? 'warn' : LEVELS[name], name, detail)
}

/** Of a commit only the names of the changes. */
function fieldsOfQuestion(args: Json): JsonRecord {
  if (args === null) return {}
  if (typeof args !== 'object' || Array.isArray(args)) return { of: args }
  const { changes, ...rest } = args as JsonRecord
  if (!Array.isArray(changes)) return rest
  return { ...rest, changes: changes.map((change) => (change as JsonRecord)['change'] ?? null) }
}

/** A line with these fields. A field that is undefined is left out, and so is a nested one. */
export function textOf(level: LogLevel, name: string, fields: JsonRecord): LogText {
  const parts = [`holdfast ${name}`]
  for (const [field, value] of Object.entries(fields)) {
    const shown = value === undefined ? null : shownField(field, value)
    if (shown !== null) parts.push(`${field}=${shown}`)
  }
  return { level, text: parts.join(' ') }
}

function shownField(field: string, value: Json): string | null {
  const isInstant = typeof value === 'number' && (field.endsWith('At') || field === 'since')
  return isInstant ? shownInstant(value) : shownValue(value)
}

function shownValue(value: Json): string | null {
  if (typeof value === 'string') return shownText(value)
  if (typeof value === 'number') return shownNumber(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (!Array.isArray(value)) return null
  const shown = value.slice(0, MOST_SHOWN).map((item: Json) => shownValue(item) ?? '…')
  const more = value.length - shown.length
  return `[${shown.join(',')}${more > 0 ? `,…${more} more` : ''}]`
}

function shownText(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST).toWellFormed()}…` : text
  return BARE.test(cut) && !WORDS.has(cut) ? cut : printableJson(cut)
}

/** Milliseconds to three places: more is noise of the clock. */
function shownNumber(value: number): string {
  return String(Math.round(value * 1000) / 1000)
}

/** An instant that no date can show is shown as its number. */
function shownInstant(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString()
}
