/**
 * Short soak runs on real files and processes; `npm run soak` makes long ones of the same. And that each
 * would notice: a comparison that cannot fail proves nothing.
 */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Dice } from '../src/simulation/search/dice.ts'
import { type AppliedText, judge } from './soak/judge.ts'
import { soak } from './soak/soak.ts'
import { surviveTear } from './soak/torn-wal.ts'
import type { TrialName } from './soak/trials.ts'
import { walRun } from './soak/wal-run.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A machine under load takes seconds to start a process. */
const SLOW_MS = 120_000

async function run(name: TrialName, count: number, from: number) {
  const sums = await soak({ names: [name], counts: { [name]: count }, from })
  const listed = Object.entries(sums[name] ?? {}).map(([what, sum]) => `${sum} ${what}`)
  process.stdout.write(`\n  soak, from seed ${from}: ${listed.join(', ')}\n`)
  return sums[name] ?? {}
}

describe('nothing that was acknowledged is lost, applied twice or out of order', () => {
  // durable-before-ack, no-loss, no-phantom, effect-once, lane-fifo
  test.each([
    ['one process', 5, 5],
    ['two processes, one dispatches', 9, 5],
  ])(
    'in kills of %s at random moments',
    async (_what, from, kills) => {
      const sums = await run('kills', kills, from)
      expect(sums['kills']).toBe(kills)
      expect(sums['acknowledged']).toBeGreaterThan(0)
    },
    SLOW_MS,
  )

  // durable-before-ack, stable-key, host-survives
  test(
    'by a WAL that is torn behind what was synced: it opens, and goes on',
    async () => {
      const sums = await run('torn', 300, 1)
      expect(sums['torn']).toBe(300)
      expect(sums['mayBeLost']).toBeGreaterThan(0)
    },
    SLOW_MS,
  )

  // E2, Q11, typed-failure
  test(
    'by a disk that is full a little later each time: calls are refused with a code',
    async () => {
      const sums = await run('full', 12, 8)
      expect(sums['full']).toBe(12)
      expect(sums['refused']).toBeGreaterThan(12)
      expect(sums['acknowledged']).toBeGreaterThan(0)
    },
    SLOW_MS,
  )
})

describe('it would be noticed', () => {
  test('that the WAL lost what had been synced', async () => {
    const complaints: string[] = []
    // Not in every run that half of the WAL holds what is nowhere else.
    for (let seed = 1; seed <= 10; seed += 1) {
      const folder = temporaryFolder()
      const wal = await walRun(folder, new Dice(seed))
      const bytes = wal.wal.subarray(0, wal.wal.length / 2)
      const torn = { bytes, damage: 'cut', intactUntil: wal.wal.length } as const
      await surviveTear(folder, wal, torn, 'a lie').catch((error: Error) => {
        complaints.push(error.message)
      })
      const honest = { ...torn, intactUntil: bytes.length }
      await surviveTear(folder, wal, honest, join(folder, 'torn.db'))
    }
    expect(complaints.length).toBeGreaterThan(2)
    expect(complaints.join('\n')).toMatch(/a lie: (no-loss|effect-once)/)
  })

  const acknowledged = [1, 2, 3].map((n) => ({ id: `1.${n}.nonce`, text: `a-${n}` }))

  function complaintsAbout(...names: string[]): readonly string[] {
    const applied = names.map((text): AppliedText => ({ user: 'alice', text }))
    return judge({ acknowledged, applied, mayBe: (name) => name.startsWith('a-') })
  }

  test.each([
    ['that one is lost', ['a-1', 'a-3'], /^no-loss: a-2/],
    ['that one was applied twice', ['a-1', 'a-2', 'a-2', 'a-3'], /^effect-once: a-2/],
    ['that nobody made one', ['a-1', 'a-2', 'a-3', 'b-1'], /^no-phantom: nobody made b-1/],
    ['that two are out of order', ['a-1', 'a-3', 'a-2'], /^lane-fifo: a-2/],
  ])('%s', (_what, names, complaint) => {
    expect(complaintsAbout(...names)[0]).toMatch(complaint)
    expect(complaintsAbout('a-1', 'a-2', 'a-3')).toEqual([])
  })
})
