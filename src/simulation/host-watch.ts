/** Hears what would have killed the host: rejections that nobody handles, exceptions that nobody catches. */

export interface HostWatch {
  readonly faults: readonly unknown[]
  /** Lets go of the process. */
  stop(): void
}

/** While it watches, none of it kills the process. */
export function watchHost(): HostWatch {
  const faults: unknown[] = []
  const hear = (fault: unknown) => {
    faults.push(fault)
  }
  process.on('unhandledRejection', hear)
  process.on('uncaughtException', hear)
  return {
    faults,
    stop: () => {
      process.off('unhandledRejection', hear)
      process.off('uncaughtException', hear)
    },
  }
}
