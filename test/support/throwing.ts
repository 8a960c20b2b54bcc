/** Throws this, whatever it is: apps do. */
export function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown
  }
}
