/** The app's listeners. A listener that throws, at once or later, never stops another listener, and is reported (E3). */
import { appCodeFailed } from '../app-code.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import { isThenable } from '../thrown.ts'
import { mitt } from './mitt.ts'

/** An event with its name. A test of the name narrows the detail. */
export type AnyEvent = {
  [Name in EventName]: { readonly name: Name; readonly detail: HoldfastEvents[Name] }
}[EventName]

/** What a listener of each name is called with. `*`: of every event. */
type Heard = HoldfastEvents & { readonly '*': AnyEvent }

/** The name of an event, or `*`: every event. */
export type ListenedName = keyof Heard

export type Listener<Name extends ListenedName> = (heard: Heard[Name]) => void

type AnyListener = (heard: never) => void

export class Listeners {
  readonly #emitter = mitt<{ [Name in EventName]: HoldfastEvents[Name] }>()
  /** The guarded functions in the emitter for each listener, as many as the listener was added. */
  readonly #guarded = new Map<ListenedName, Map<AnyListener, AnyListener[]>>()
  readonly #watchers = new Set<() => void>()

  /** Returns a function that calls the listener alone. */
  on(name: ListenedName, listener: AnyListener): (event: AnyEvent) => void {
    const guarded = (event: AnyEvent) =>
      this.#guard(event.name, () => listener((name === '*' ? event : event.detail) as never))
    // The emitter gives the name of the event only to a listener of every event.
    const inEmitter =
      name === '*'
        ? (itsName: never, detail: never) => guarded({ name: itsName, detail })
        : (detail: never) => guarded({ name, detail })
    const ofName = this.#guarded.get(name) ?? new Map<AnyListener, AnyListener[]>()
    this.#guarded.set(name, ofName)
    ofName.set(listener, [...(ofName.get(listener) ?? []), inEmitter as AnyListener])
    this.#emitter.on(name as EventName, inEmitter as never)
    return guarded
  }

  off(name: ListenedName, listener: AnyListener): void {
    const ofName = this.#guarded.get(name)
    const [first, ...others] = ofName?.get(listener) ?? []
    if (ofName === undefined || first === undefined) return
    if (others.length > 0) ofName.set(listener, others)
    else ofName.delete(listener)
    this.#emitter.off(name as EventName, first as never)
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
      // A listener is not told of its own failure to hear of an error.
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
