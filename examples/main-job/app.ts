/**
 * The app that embeds Holdfast: several users replay recorded editing sessions as operations. It may be
 * killed at any moment; `resume.ts` says how it goes on. It ends when its standard input does, so it
 * never outlives the job that started it.
 */
import {
  createHoldfast,
  type Holdfast,
  httpTransport,
  sqliteStorage,
  type Status,
} from '../../src/index.ts'
import { defineEdit, noteKind } from './kinds.ts'
import { seededChance } from './random.ts'
import { readRecording } from './recording.ts'
import { type AppSettings, say } from './reports.ts'
import { whereToResume } from './resume.ts'
import { ServerLink } from './server-link.ts'
import { settled } from './settled.ts'
import { answerTokenNeeds } from './token-answers.ts'
import { Typing, type Writing } from './typing.ts'

const lanesEveryMs = 100

const settings = JSON.parse(process.argv[2] ?? '{}') as AppSettings
const server = new ServerLink(settings.origin)

function failed(error: Error): void {
  const because =
    error.cause instanceof Error ? `: ${error.cause.stack ?? error.cause.message}` : ''
  say({ type: 'problem', message: error.message + because })
}

async function writingsFrom(next: ReadonlyMap<string, number>): Promise<Writing[]> {
  return Promise.all(
    settings.assignments.map(async ({ user, document, file }) => ({
      user,
      document,
      recording: await readRecording(file),
      next: next.get(user) ?? 0,
    })),
  )
}

function reportFrom(holdfast: Holdfast): void {
  holdfast.on('operation.dropped', ({ id, user, reason }) => {
    say({ type: 'dropped', id, user, reason })
  })
  holdfast.on('operation.dead', ({ id, reason, status }) => {
    say({
      type: 'problem',
      message: `${id} is a dead letter: ${reason}, status ${status ?? 'none'}`,
    })
  })
  holdfast.on('error', ({ error }) => failed(error))
  let shown: Status | null = null
  setInterval(() => {
    const status = holdfast.status()
    if (status !== shown) say({ type: 'lanes', lanes: lanesOf(status) })
    shown = status
  }, lanesEveryMs).unref()
}

function lanesOf({ lanes }: Status) {
  return lanes.map(({ user, pending, holds }) => ({
    user,
    pending,
    holds: holds.map(({ name }) => name),
  }))
}

const next = await whereToResume(settings.database, server, settings.assignments)
say({ type: 'resumed', next: Object.fromEntries(next) })
const writings = await writingsFrom(next)

const edit = defineEdit({ merges: settings.merges })
const holdfast = await createHoldfast({
  storage: sqliteStorage({ file: settings.database }),
  transport: httpTransport({ baseUrl: settings.origin }),
  operations: [edit, noteKind],
  requirement: 'required',
  backoff: { baseMs: 20, capMs: 1_000 },
})
reportFrom(holdfast)
answerTokenNeeds(holdfast, server, seededChance(settings.seed), failed)

let isStopping = false
async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  await holdfast.close()
  process.exit(0)
}
process.once('SIGINT', () => void stop())
process.once('SIGTERM', () => void stop())
process.stdin.once('end', () => void stop())
process.stdin.resume()

try {
  await new Typing(holdfast, edit, settings.speed).run(writings)
  await settled(holdfast, ({ counts }) => counts.pending === 0)
  say({ type: 'finished' })
} catch (error) {
  if (!isStopping) throw error
}
