/** What the server applied, operation by operation, in its order. */
import type { ReferenceServer } from '../../examples/server/reference-server.ts'
import { type AppliedText, nameOf } from './judge.ts'

export function appliedTexts(server: ReferenceServer): readonly AppliedText[] {
  return server.applied(0, 1_000_000).entries.flatMap(({ user, body }) => {
    const { text, texts } = body as { text?: string; texts?: readonly string[] }
    return (texts ?? [text ?? '']).map((one) => ({ user, text: nameOf(one) }))
  })
}
