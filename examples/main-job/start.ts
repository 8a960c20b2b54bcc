/**
 * `npm start`: the main job. Recorded editing sessions of three users go through Holdfast to a real
 * server that misbehaves by plan, from an app that is killed and started again; at the end the server
 * must have exactly the recorded texts. Exit codes: 0 it has, 1 it has not, 2 bad input, 130 stopped.
 */
import { styleText } from 'node:util'
import { type Arguments, readArguments } from './arguments.ts'
import { bundledSession } from './bundled-session.ts'
import { Display } from './display.ts'
import { type JobOptions, runJob } from './job.ts'
import { readRecording, RecordingError } from './recording.ts'
import { judge } from './verdict.ts'

async function assignmentsFor(trace: string | null): Promise<JobOptions['assignments']> {
  const bundled = { file: bundledSession, recording: await readRecording(bundledSession) }
  const main = trace === null ? bundled : { file: trace, recording: await readRecording(trace) }
  return [
    { user: 'alice', document: 'main', ...main },
    { user: 'bob', document: 'notes', ...bundled },
    { user: 'carol', document: 'draft', ...bundled },
  ]
}

async function start({ trace, seed, kills, speed, merge }: Arguments): Promise<number> {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort())
  // Nobody reads on: `npm start | head`.
  process.stdout.on('error', () => stopping.abort())
  const display = new Display(process.stdout)
  try {
    const assignments = await assignmentsFor(trace)
    const count = assignments.reduce((sum, one) => sum + one.recording.transactions.length, 0)
    display.say(
      `${count} operations of ${assignments.length} users, seed ${seed}, ${kills} kills\n`,
    )
    const options = { assignments, seed, kills, speed, merges: merge }
    const findings = judge(await runJob(options, display, stopping.signal))
    display.end()
    display.say('')
    for (const { ok, text } of findings) display.finding(ok, text)
    const verdict = findings.every(({ ok }) => ok)
    display.say(`\nverdict: ${verdict}`)
    return verdict ? 0 : 1
  } catch (error) {
    if (stopping.signal.aborted) {
      display.say('\nstopped')
      return 130
    }
    if (!(error instanceof RecordingError)) throw error
    console.error(styleText('red', error.message, { stream: process.stderr }))
    return 2
  }
}

const read = readArguments(process.argv.slice(2))
process.exitCode = 'exitCode' in read ? read.exitCode : await start(read)
