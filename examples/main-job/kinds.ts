/** The operations of the app: an edit is one recorded transaction, a note is what nobody signed. */
import { z } from 'zod'
import { defineOperation, type MergeInput, path } from '../../src/index.ts'

const editSchema = z.object({
  document: z.string(),
  /** The number of the transaction in its document, from 0. */
  index: z.number().int(),
  patches: z.array(z.tuple([z.number(), z.number(), z.string()])),
})

type Edit = z.output<typeof editSchema>

const pathOf = (user: string | null) =>
  user === null ? '/anonymous/operations' : path`/users/${user}/operations`

/** Neighbours become one edit: the patches behind each other, and how many there were. */
function combined(edits: readonly Edit[]): Edit & { readonly count: number } {
  const [first] = edits
  if (first === undefined) throw new TypeError('there is nothing to combine')
  return { ...first, count: edits.length, patches: edits.flatMap(({ patches }) => patches) }
}

export function defineEdit({ merges }: { readonly merges: boolean }) {
  return defineOperation({
    kind: 'edit',
    payload: editSchema,
    request: ({ payload, owner }) => ({ method: 'POST', path: pathOf(owner.user), body: payload }),
    ...(merges && {
      merge: {
        key: ({ document }: Edit) => document,
        combine: (edits: readonly Edit[], { owner }: MergeInput) => ({
          method: 'POST' as const,
          path: pathOf(owner.user),
          body: combined(edits),
        }),
      },
    }),
  })
}

export type EditKind = ReturnType<typeof defineEdit>

export const noteKind = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner.user),
    body: { kind: 'note', ...payload },
  }),
})
