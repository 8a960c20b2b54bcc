/** The kinds of the apps that tests start, and of what is compared with them: both are sent as they are. */
import { z } from 'zod'
import { defineOperation } from '../../src/index.ts'

const post = (user: string | null, body: object) =>
  ({
    method: 'POST',
    path: user === null ? '/anonymous/operations' : `/users/${user}/operations`,
    body,
  }) as const

export const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => post(owner.user, { kind: 'note', ...payload }),
})

export const bundle = defineOperation({
  kind: 'bundle',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => post(owner.user, { kind: 'bundle', texts: [payload.text] }),
  merge: {
    key: () => '',
    combine: (payloads, { owner }) =>
      post(owner.user, { kind: 'bundle', texts: payloads.map(({ text }) => text) }),
  },
})
