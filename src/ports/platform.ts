/** What the machine underneath tells: is there a network, is it about to sleep. */

export type PlatformEvent = 'online' | 'offline' | 'suspended' | 'resumed'

export interface Platform {
  isOnline(): boolean
  /** Calls the listener at each change; answers how to stop. */
  subscribe(listener: (event: PlatformEvent) => void): () => void
}

/** A machine that never says anything: always online, never asleep. */
export const silentPlatform: Platform = {
  isOnline: () => true,
  subscribe: () => () => undefined,
}
