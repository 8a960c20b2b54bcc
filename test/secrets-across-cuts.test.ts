/**
 * A text is cut after the secrets in it are found, never before (E6, Q9): no part of a secret survives that lies across
 * the end of what is kept, or across the end of what is looked at.
 */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../src/failure.ts'
import { excerptOf } from '../src/scrub/excerpt.ts'
import { rebuilt } from '../src/scrub/rebuilt.ts'
import { jwt } from './support/jwt.ts'
import { note, Rig } from './support/rig.ts'

/** Letters alone: it is found only as a token that is known, so a part of it looks like a word. */
const TOKEN = 'QuietHarborLanternMeadowSilverOrchardVelvetCompassWillowEmber'

/** The longest part of a secret that may be seen. */
const MOST_SEEN = 8

/** The parts of a secret that are too long to be seen in a text. */
function partsIn(text: string, secret: string): readonly string[] {
  const length = MOST_SEEN + 1
  const parts = Array.from({ length: secret.length - length + 1 }, (_, at) =>
    secret.slice(at, at + length),
  )
  return parts.filter((part) => text.includes(part))
}

/** Every place at which a secret lies across the cut, and a few before and behind. */
function offsetsAcross(cut: number, secret: string): readonly number[] {
  const from = cut - secret.length - 4
  return Array.from({ length: secret.length + 8 }, (_, index) => from + index)
}

const paddingOf = (length: number) => '. '.repeat(length / 2 + 1).slice(-length)

const tellOf = (secret: string, at: number) => `${paddingOf(at)}${secret} is what was sent`

/** Each place that keeps a text of a server or of a library. */
const PLACES: readonly (readonly [
  name: string,
  keep: (text: string, tokens: string[]) => string,
])[] = [
  ['the excerpt of a text', (text, tokens) => excerptOf(text, { tokens })],
  [
    'the excerpt of a reply of which only the beginning came',
    (text, tokens) => excerptOf(text, { tokens, isCut: true }),
  ],
  [
    'the excerpt of JSON',
    (text, tokens) => excerptOf(JSON.stringify({ message: text }), { tokens }),
  ],
  [
    'the excerpt of JSON in JSON',
    (text, tokens) =>
      excerptOf(JSON.stringify({ error: JSON.stringify({ detail: text }) }), { tokens }),
  ],
  [
    'the excerpt of several texts in JSON',
    (text, tokens) =>
      excerptOf(JSON.stringify({ title: 'x '.repeat(120), detail: text, code: text }), { tokens }),
  ],
  ['the message of a failure', (text, tokens) => failureOf(new Error(text), tokens).message],
  ['the message of a rebuilt cause', (text, tokens) => rebuilt(new Error(text), tokens).message],
]

// Q9, E6
describe.each(PLACES)('%s shows no part of a secret across', (_name, keep) => {
  const secrets: readonly (readonly [what: string, secret: string, tokens: string[]])[] = [
    ['a token that is known', TOKEN, [TOKEN]],
    ['a token that nobody here knows', jwt({ sub: 'bob', exp: 4_000_000_000_000 }), []],
  ]

  test.each([256, 1024, 2048])('the character %d', (cut) => {
    for (const [what, secret, tokens] of secrets) {
      for (const at of offsetsAcross(cut, secret)) {
        const kept = keep(tellOf(secret, at), tokens)
        expect([what, at, partsIn(kept, secret)]).toEqual([what, at, []])
      }
    }
  })
})

// The control: a text that is cut first shows a part of the token at some of these places.
test('a text that is cut before it is redacted shows a part of the token', () => {
  const seen = offsetsAcross(256, TOKEN).filter((at) => {
    const kept = excerptOf(tellOf(TOKEN, at).slice(0, 256), { tokens: [TOKEN] })
    return partsIn(kept, TOKEN).length > 0
  })
  expect(seen).toEqual([245, 246, 247])
})

// Q9, Q22, T16, E6
describe('a token across the end of what is kept is in no', () => {
  const texts = offsetsAcross(256, TOKEN).map((at) => tellOf(TOKEN, at))

  async function opened(): Promise<Rig> {
    const rig = await Rig.start({ backoff: { baseMs: 1, capMs: 1, jitter: false } })
    await rig.login('alice', TOKEN)
    return rig
  }

  /** The parts of the token that the excerpt of each dead letter shows. */
  async function seenInLetters(rig: Rig): Promise<readonly (readonly string[])[]> {
    const letters = (await rig.whileResting(rig.holdfast.deadLetters())).items
    return letters.map((letter) =>
      partsIn(('excerpt' in letter ? letter.excerpt : null) ?? '', TOKEN),
    )
  }

  test('excerpt of a dead letter', async () => {
    const rig = await opened()
    for (const body of texts) {
      await rig.enqueue('one')
      rig.last.reply(422, { body })
      await rig.advance()
    }
    expect(await seenInLetters(rig)).toEqual(texts.map(() => []))
  })

  test('excerpt of a dead letter whose reply ended within the token', async () => {
    const rig = await opened()
    const lengths = Array.from({ length: 12 }, (_, index) => index + MOST_SEEN)
    for (const length of lengths) {
      await rig.enqueue('one')
      rig.last.reply(422, { body: `refused: ${TOKEN.slice(0, length)}`, isCut: true })
      await rig.advance()
    }
    expect(await seenInLetters(rig)).toEqual(lengths.map(() => []))
  })

  test('excerpt of a dead letter whose kind throws', async () => {
    const throwing = {
      ...note,
      spec: {
        ...note.spec,
        request: ({ payload }: { readonly payload: { readonly text: string } }) => {
          throw new Error(payload.text)
        },
      },
    }
    const rig = await Rig.start({ operations: [throwing] })
    await rig.login('alice', TOKEN)
    for (const text of texts) await rig.enqueue(text)
    await rig.advance()
    expect(await seenInLetters(rig)).toEqual(texts.map(() => []))
  })

  test('event of a failed attempt', async () => {
    const rig = await opened()
    await rig.enqueue('one')
    for (const text of texts) {
      rig.last.fail(new Error(text))
      await rig.advance(1)
    }
    const events = rig.eventsOf('operation.retrying')
    expect(events).toHaveLength(texts.length)
    expect(partsIn(inspect(events, { depth: 20, maxStringLength: null }), TOKEN)).toEqual([])
  })

  test('error of a read that failed', async () => {
    const rig = await opened()
    const errors: unknown[] = []
    for (const text of texts) {
      const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }) })
      const failed = read.catch((thrown: unknown) => errors.push(thrown))
      await rig.advance()
      rig.last.fail(new Error(text))
      await rig.whileResting(failed)
    }
    expect(errors).toHaveLength(texts.length)
    const shown = inspect(errors, { depth: 20, showHidden: true, maxStringLength: null })
    expect(partsIn(shown, TOKEN)).toEqual([])
  })

  test('event of a token source that failed', async () => {
    const failures = [...texts]
    const rig = await Rig.start({
      tokenSource: () => Promise.reject(new Error(failures.shift() ?? 'no more')),
    })
    await rig.login('alice', TOKEN)
    for (const _ of texts) {
      await rig.whileResting(rig.holdfast.refreshToken('alice'))
      await rig.advance()
    }
    const events = rig.eventsOf('token.refreshFailed')
    expect(events.length).toBeGreaterThanOrEqual(texts.length)
    const shown = inspect(events, { depth: 20, showHidden: true, maxStringLength: null })
    expect(partsIn(shown, TOKEN)).toEqual([])
  })
})
