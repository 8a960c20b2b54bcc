/** A journal replays to the same decisions, and the first that differs is found and named. */
import { describe, expect, it, test, vi } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import {
  contentOf,
  decisionsOf,
  divergence,
  type Line,
  record,
  renumbered,
  replaced,
} from './support/journals.ts'
import { RECORDED } from './support/recorded-scenarios.ts'

// Hundreds of replays in one test.
vi.setConfig({ testTimeout: 60_000 })

// The scenario files are replayed in scenarios.test.ts.
describe('a journal replays to the same decisions', () => {
  test.each([...RECORDED])('%s', async (_name, yaml) => {
    const lines = await record(yaml)
    const { fed, decided } = await replay(lines.join('\n'))
    expect(decided).toBe(decisionsOf(lines).length)
    expect(fed).toBe(lines.length - 1 - decided)
    expect(decided).toBeGreaterThan(40)
  })

  it('the same scenario recorded twice gives the same journal', async () => {
    for (const [, yaml] of RECORDED) expect(await record(yaml)).toEqual(await record(yaml))
  })
})

/** Does the journal end behind this line, or another process begin? */
function isLastOfLife(lines: readonly string[], index: number): boolean {
  const next = lines[index + 1]
  return next === undefined || contentOf(next)['in'] === 'start'
}

/** The line with one of its fields changed, another for each line, and with one left out. */
function alterations(line: Line, turn: number): Line[] {
  const names = Object.keys(line).filter((name) => name !== 'line')
  const changed = names[turn % names.length] ?? ''
  const content = Object.keys(contentOf(JSON.stringify(line))).filter((name) => name !== 'out')
  const { [content[turn % content.length] ?? '']: _gone, ...rest } = line
  return [{ ...line, [changed]: altered(line[changed]) }, rest]
}

/** Another value of the same type, as deep down as there is one. */
function altered(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}!`
  if (typeof value === 'boolean') return !value
  if (Array.isArray(value))
    return value.length === 0 ? [0] : [...value.slice(0, -1), altered(value.at(-1))]
  if (value === null) return 'something'
  const entries = Object.entries(value as object)
  const last = entries.pop()
  return last === undefined
    ? { more: 1 }
    : Object.fromEntries([...entries, [last[0], altered(last[1])]])
}

describe.each([...RECORDED])('in the journal %s', (_name, yaml) => {
  it('any altered decision stops the replay at its line', async () => {
    const lines = await record(yaml)
    for (const [turn, index] of decisionsOf(lines).entries()) {
      const line = JSON.parse(lines[index] ?? '') as Line
      for (const other of alterations(line, turn)) {
        const found = await divergence(replaced(lines, index, other))
        expect(found).toMatchObject({
          code: 'REPLAY_DIVERGED',
          line: index,
          expected: contentOf(JSON.stringify(other)),
          actual: contentOf(JSON.stringify(line)),
        })
      }
    }
  })

  it('a decision that is left out stops it at the next line', async () => {
    const lines = await record(yaml)
    for (const index of decisionsOf(lines).filter((at) => !isLastOfLife(lines, at))) {
      const found = await divergence(renumbered(lines.toSpliced(index, 1)))
      expect(found).toMatchObject({
        line: index,
        expected: contentOf(lines[index + 1] ?? ''),
        actual: contentOf(lines[index] ?? ''),
      })
    }
  })

  it('a decision that is left out right before another process begins stops nothing: its process died before it wrote it', async () => {
    const lines = await record(yaml)
    const lasts = decisionsOf(lines).filter((at) => isLastOfLife(lines, at))
    for (const index of lasts) {
      const { fed, decided } = await replay(renumbered(lines.toSpliced(index, 1)).join('\n'))
      expect(fed + decided).toBe(lines.length - 2)
    }
  })

  it('a decision that is added stops it there', async () => {
    const lines = await record(yaml)
    const added = { t: 0, out: 'event', name: 'queue.drained', detail: { added: true } }
    for (let index = 1; index <= lines.length; index += 1) {
      const found = await divergence(renumbered(lines.toSpliced(index, 0, JSON.stringify(added))))
      expect(found).toMatchObject({ line: index, expected: contentOf(JSON.stringify(added)) })
    }
  })

  it('two neighbours that are swapped stop it at the first', async () => {
    const lines = await record(yaml)
    const decisions = new Set(decisionsOf(lines))
    for (const index of decisions) {
      if (isLastOfLife(lines, index)) continue
      const [first, second] = [lines[index] ?? '', lines[index + 1] ?? '']
      const found = await divergence(renumbered(lines.with(index, second).with(index + 1, first)))
      expect(found).toMatchObject({
        line: index,
        expected: contentOf(second),
        actual: contentOf(first),
      })
    }
  })

  it('cut after any line, it replays as far as it goes', async () => {
    const lines = await record(yaml)
    for (let length = 1; length < lines.length; length += 1) {
      const { fed, decided } = await replay(`${lines.slice(0, length).join('\n')}\n`)
      expect(fed + decided).toBe(length - 1)
    }
  })

  it('torn anywhere in its last line, it replays without it', async () => {
    const lines = await record(yaml)
    const last = lines.at(-1) ?? ''
    for (let length = 1; length < last.length; length += 7) {
      const { fed, decided } = await replay(
        [...lines.slice(0, -1), last.slice(0, length)].join('\n'),
      )
      expect(fed + decided).toBe(lines.length - 2)
    }
  })

  it('fields that are unknown are skipped', async () => {
    const lines = await record(yaml)
    const newer = lines.map((text) =>
      JSON.stringify({ ...(JSON.parse(text) as Line), since: 2, more: { a: [1] } }),
    )
    expect(await replay(newer.join('\n'))).toEqual(await replay(lines.join('\n')))
  })

  it('lines that end as on Windows replay', async () => {
    const lines = await record(yaml)
    expect(await divergence([lines.join('\r\n')])).toBeNull()
  })
})

it('what storage answers now is compared with the journal', async () => {
  const lines = await record(RECORDED[0]?.[1] ?? '')
  const index = lines.findIndex((text) => text.includes('"affected":[{'))
  const line = JSON.parse(lines[index] ?? '') as { readonly value: readonly Line[] }
  const other = { ...line, value: [{ ...line.value[0], affected: [] }] }
  const changed = replaced(lines, index, other)
  expect(await divergence(changed, { isAlone: true })).toMatchObject({
    line: index,
    expected: contentOf(JSON.stringify(other)),
    actual: contentOf(lines[index] ?? ''),
  })
})

// Q17
it('what storage answers is compared where another process would have been heard of by the end', async () => {
  const lines = await record(`
    scenario: 1
    name: one operation
    config: { requirement: off }
    steps: [{ at: 0, enqueue: { id: n1, kind: note, payload: { text: one } } }]
  `)
  const index = lines.findIndex((text) => text.includes('"affected":[{'))
  const line = JSON.parse(lines[index] ?? '') as { readonly value: readonly Line[] }
  const other = { ...line, value: [{ ...line.value[0], affected: [] }] }
  const foundIfItEndsAt = async (ms: number): Promise<number | undefined> => {
    const last = { line: lines.length, t: ms, wall: WALL_START + ms, in: 'turn' }
    const changed = [...replaced(lines, index, other), JSON.stringify(last)]
    return (await divergence(changed))?.line
  }
  expect(await foundIfItEndsAt(2000)).toBe(index)
  expect(await foundIfItEndsAt(1999)).not.toBe(index)
})
