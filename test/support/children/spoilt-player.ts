/** In place of the program that plays plans: what a plan does to it is what the seed says. */
process.on('message', (seed: number) => {
  if (seed === 1) for (;;);
  if (seed === 2) process.exit(3)
  if (seed === 3) process.abort()
  // A chain of microtasks without end lets nothing else come to pass.
  if (seed === 4) {
    const again = (): void => queueMicrotask(again)
    again()
    return
  }
  process.send?.({ wrong: [], marks: [], digest: String(process.pid) })
})
