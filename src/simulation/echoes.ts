/** How a simulated server and its network give a token back, to see that nothing of it is kept (E6). */

const SHAPES: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => secret.toUpperCase(),
  (secret) => hexOf(secret).replace(/../g, '%$&'),
  (secret) => Buffer.from(secret).toString('base64'),
  hexOf,
]

/** One way after the other. */
export function echoOf(secret: string, index: number): string {
  return SHAPES[index % SHAPES.length]?.(secret) ?? secret
}

/** Every way. */
export function echoesOf(secret: string): readonly string[] {
  return SHAPES.map((shape) => shape(secret))
}

function hexOf(secret: string): string {
  return Buffer.from(secret).toString('hex')
}
