/** What is stored of a payload (Q14): what its schema draws is drawn once, and each reading comes to the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Checked } from '../src/operations/checked.ts'
import { storedForm, type StoredForm } from '../src/operations/stored-form.ts'

type Validate = (value: unknown) => Checked | Promise<Checked>

interface Run {
  readonly form: StoredForm
  readonly runCount: number
}

/** The form of the payload under this schema, and how often the schema ran. */
async function run(payload: unknown, validate: Validate): Promise<Run> {
  let runCount = 0
  const counted: Validate = (value) => {
    runCount += 1
    return validate(value)
  }
  const text = JSON.stringify(payload)
  const form = await storedForm(text, await counted(JSON.parse(text)), counted)
  return { form, runCount }
}

function summaryOf({ form, runCount }: Run): object {
  return { stored: form.ok ? (JSON.parse(form.text) as unknown) : undefined, runCount }
}

function by(schema: z.ZodType): Validate {
  return (value) => {
    const { success, data, error } = schema.safeParse(value)
    return success ? { ok: true, payload: data } : { ok: false, why: error.message }
  }
}

const of =
  (make: (value: never) => unknown): Validate =>
  (value) => ({ ok: true, payload: make(value as never) })

/** Draws another number at each call. */
function drawing(): () => number {
  let drawn = 0
  return () => (drawn += 1)
}

const asNumber = z.string().transform(Number)

type Case = readonly [
  name: string,
  payload: unknown,
  schema: () => Validate,
  stored: unknown,
  runCount: number,
]

/** `stored` is what comes back from storage; undefined: the payload is refused. */
const CASES: readonly Case[] = [
  // The common case costs one run.
  ['takes it as it is', { a: 1 }, () => by(z.object({ a: z.number() })), { a: 1 }, 1],
  ['strips a key', { a: 1, b: 2 }, () => by(z.object({ a: z.number() })), { a: 1 }, 2],
  ['draws a default', {}, () => by(z.object({ id: z.number().default(drawing()) })), { id: 1 }, 2],
  [
    'has a default and is given one',
    { id: 7 },
    () => by(z.object({ id: z.number().default(drawing()) })),
    { id: 7 },
    1,
  ],
  ['trims a text', ' a ', () => by(z.string().trim()), 'a', 2],
  ['makes a number of a text', '5', () => by(asNumber), '5', 3],
  ['adds to a text', 'a', () => by(z.string().transform((text) => `${text}!`)), 'a', 3],
  [
    'makes a date of a text',
    '2026-01-01T00:00:00.000Z',
    () => by(z.coerce.date()),
    '2026-01-01T00:00:00.000Z',
    1,
  ],
  ['makes a date of a number', 0, () => by(z.coerce.date()), '1970-01-01T00:00:00.000Z', 2],
  ['makes a bigint of a text', '5', () => by(z.coerce.bigint()), '5', 2],
  [
    'makes a map of a list',
    ['a'],
    () => by(z.array(z.string()).transform((keys) => new Map(keys.map((key) => [key, 1])))),
    ['a'],
    3,
  ],
  ['makes nothing of it', 'a', () => of(() => undefined), 'a', 2],
  ['makes a function of it', 'a', () => of(() => () => 'a'), 'a', 2],
  [
    'makes a circle of it',
    { a: 1 },
    () => of((value: { a: number; self?: unknown }) => Object.assign(value, { self: value })),
    { a: 1 },
    2,
  ],
  [
    'changes the order of keys',
    { b: 1, a: 2 },
    () => by(z.object({ a: z.number(), b: z.number() })),
    { a: 2, b: 1 },
    2,
  ],
  [
    'changes the object that it is given',
    { a: 1 },
    () => of((value: object) => Object.assign(value, { b: 2 })),
    { a: 1, b: 2 },
    2,
  ],
  ['makes NaN of it', 'a', () => of((value) => (value === null ? null : Number.NaN)), null, 2],
  [
    'draws where it takes its own output no more',
    { n: '5' },
    () => by(z.object({ n: asNumber, id: z.number().default(drawing()) })),
    undefined,
    3,
  ],
  ['draws at each run', 'a', () => of(drawing()), undefined, 3],
  ['refuses it', 5, () => by(z.string()), undefined, 1],
]

// Q14
describe.each(CASES)('of a schema that %s', (_name, payload, schema, stored, runCount) => {
  test('the stored form is the one that every reading takes', async () => {
    expect(summaryOf(await run(payload, schema()))).toEqual({ stored, runCount })
  })

  test('the stored form is the same if the schema answers later', async () => {
    const validate = schema()
    const later = await run(payload, async (value) => validate(value))
    expect(summaryOf(later)).toEqual({ stored, runCount })
  })
})

// Q14
test('a payload that is refused because of a draw says so', async () => {
  const { form } = await run('a', of(drawing()))
  expect(form).toEqual({ ok: false, why: expect.stringMatching(/draws something .* random id/) })
})

// Q14
test('whatever a schema does, each reading of what is stored comes to the output of the first run', async () => {
  const draw = drawing()
  const steps: readonly ((value: unknown) => unknown)[] = [
    (value) => value,
    (value) => (typeof value === 'string' ? value.trim() : value),
    (value) => (typeof value === 'string' ? Number(value) : value),
    (value) => (typeof value === 'number' ? String(value) : value),
    (value) => (Array.isArray(value) ? value.toReversed() : value),
    (value) => (isRecord(value) ? { id: draw(), ...value } : value),
    (value) => (isRecord(value) ? { ...value, id: draw() } : value),
    (value) => (isRecord(value) ? Object.fromEntries(Object.entries(value).reverse()) : value),
    (value) => (isRecord(value) ? { wrapped: value } : value),
    (value) => ({ value, at: new Date(0) }),
    () => draw(),
  ]
  const chosen = fc.array(fc.nat(steps.length - 1), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), chosen, fc.boolean(), async (payload, indexes, isLater) => {
      const outputs: string[] = []
      const validate: Validate = (value) => {
        const output = indexes.reduce((made, index) => steps[index]?.(made), value)
        outputs.push(canonical(output))
        const checked: Checked = { ok: true, payload: output }
        return isLater ? Promise.resolve(checked) : checked
      }
      const { form } = await run(payload, validate)
      const [first] = outputs
      const readings = form.ok
        ? [1, 2].map(() => {
            void validate(JSON.parse(form.text))
            return outputs.at(-1)
          })
        : []
      expect(readings.every((reading) => reading === first)).toBe(true)
      // A schema that draws nothing refuses nothing.
      expect(form.ok || indexes.some((index) => [5, 6, 10].includes(index))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}

/** JSON with its keys in order. */
function canonical(value: unknown): string {
  return JSON.stringify(JSON.parse(JSON.stringify(value) ?? 'null'), (_key, part: unknown) =>
    isRecord(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
