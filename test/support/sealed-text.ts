/** What Holdfast gives a vault to seal, as a vault in the hands of a test gives it back. */

interface Bound {
  readonly version: number
  readonly user: string
  readonly origin: string
  readonly generation: number
  readonly epoch: number
}

/** Default: the first token of alice, for the server of the rig. */
export function sealedText(token: unknown, bound: Partial<Bound> = {}): string {
  const first = {
    version: 1,
    user: 'alice',
    origin: 'https://server.test',
    generation: 1,
    epoch: 0,
  }
  return JSON.stringify({ ...first, token, ...bound })
}
