/** The app's listeners. A listener that throws, at once or later, never stops another listener, and is reported (E3). */
import { appCodeFailed } from '../app-code.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import { mitt } from './mitt.ts'
import { isThenable } from '../thrown.ts'

export type Listener<Name extends EventName> = (detail: HoldfastEvents[Name]) => void

type AnyListener = (detail: never) => void

export class Listeners {
  readonly #emitter = mitt<{ [Name in EventName]: HoldfastEvents[Name] }>()
  /** The guarded functions in the emitter for each listener, as many as the listener was added. */
  readonly #guarded = new Map<EventName, Map<AnyListener, AnyListener[]>>()
  readonly #watchers = new Set<() => void>()

  /** Returns the guarded function that the emitter calls for the listener. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): Listener<Name> {
    const guarded = (detail: HoldfastEvents[Name]) => this.#guard(name, () => listener(detail))
    const ofName = this.#guarded.get(name) ?? new Map<AnyListener, AnyListener[]>()
    this.#guarded.set(name, ofName)
    ofName.set(listener, [...(ofName.get(listener) ?? []), guarded])
    this.#emitter.on(name, guarded)
    return guarded
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    const ofName = this.#guarded.get(name)
    const [first, ...others] = ofName?.get(listener) ?? []
    if (ofName === undefined || first === undefined) return
    if (others.length > 0) ofName.set(listener, others)
    else ofName.delete(listener)
    this.#emitter.off(name, first as Listener<Name>)
  }

  emit<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    this.#emitter.emit(name, detail)
  }

  /** Calls `watcher` at each `notify()`. Returns a function that ends this. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  notify(): void {
    for (const watcher of this.#watchers) this.#guard('subscribe', watcher)
  }

  #guard(name: EventName | 'subscribe', listener: () => unknown): void {
    const report = (cause: unknown) => {
      // A listener of `error` is not told of its own failure.
      if (name === 'error') return
      this.emit('error', { error: appCodeFailed(`a listener of ${name}`, cause) })
    }
    try {
      const result = listener()
      if (isThenable(result)) Promise.resolve(result).catch(report)
    } catch (cause) {
      report(cause)
    }
  }
}
