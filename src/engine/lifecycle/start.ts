/**
 * The start: storage is opened and answers the stored state, the vault gives back the tokens that it sealed, and the
 * machines, in their initial state, hear of both. Nothing is sent before the turn after that (Q2).
 */
import type { OpenedState, StorageHost } from '../../../storage/storage.ts'
import { appCodeFailed, atOnce } from '../../app-code.ts'
import { HoldfastError } from '../../errors.ts'
import type { Requirement } from '../../model.ts'
import type { StoredTokens } from '../tokens/stored-tokens.ts'
import type { TokenReader } from '../tokens/token-reader.ts'
import { canonicalOrigin } from '../../origin.ts'
import { recordedKindsOf } from '../../operations/kind-facts.ts'
import { plain } from '../boundary/boundary.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Context } from '../context.ts'
import { claimDatabase } from './claim-database.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import { tellOfSalvage } from './salvage-news.ts'

export interface StartParts {
  readonly context: Context
  readonly connectivity: Connectivity
  readonly dispatcher: Dispatcher
  readonly storedTokens: StoredTokens
  readonly tokenReader: TokenReader
}

export class Start {
  readonly #parts: StartParts

  constructor(parts: StartParts) {
    this.#parts = parts
  }

  /** Opens storage. `then` gets the error if that is not possible, or null. */
  begin(then: (error: Error | null) => void): void {
    const { context, dispatcher, tokenReader } = this.#parts
    context.store.open(hostOf(context), (answer) => {
      if (!answer.ok) {
        then(answer.error)
        return
      }
      const opened = answer.value
      // Storage is closed: this process may have the lock, and no other process could dispatch.
      const refuse = (error: Error) => context.store.close(() => then(error))
      tokenReader.useFingerprintKey(opened.fingerprintKey)
      claimDatabase(context, opened.origin, (refusal) => {
        if (refusal !== null) {
          refuse(refusal)
          return
        }
        dispatcher.start(opened, (current) => {
          if (!current.ok) {
            refuse(current.error)
            return
          }
          restore(this.#parts, current.value)
          then(null)
        })
      })
    })
  }
}

/** The parts of the engine's ports that storage may use. */
function hostOf({ ports, settings, kinds }: Context): StorageHost {
  return {
    atTurnEnd: (run) => ports.clock.atTurnEnd(run),
    monotonic: () => ports.clock.monotonic(),
    wall: () => ports.clock.wall(),
    // Off the record: a reader of the journal must not be able to try tokens against the key.
    newFingerprintKey: ports.random.nonce(),
    origin: canonicalOrigin(settings.origin),
    recordedKinds: recordedKindsOf(kinds.all()),
  }
}

function restore(parts: StartParts, state: OpenedState): void {
  const { context, connectivity } = parts
  const { boundary, settings, pilot } = context
  const requirement = requirementAtStart(settings.requirement, state.requirement)
  pilot.identity({ type: 'storage.loaded', user: state.identity, requirement })
  if (requirement !== state.requirement) {
    context.store.commitAtLast(
      () => [{ change: 'requirement', requirement: pilot.requirement }],
      {},
      () => undefined,
      () => undefined,
    )
  }
  const isOnline = isOnlineNow(context)
  // Only the process that dispatches waits for deadlines (Q17).
  connectivity.begin(isOnline, context.phase.dispatches ? state.deadlines : [])
  if (state.isCopy === true) boundary.nextTurn(() => tellOfCopy(context))
  if (state.setAside !== undefined) {
    const { setAside, salvaged } = state
    // In the turn in which the app listens.
    boundary.nextTurn(() => tellOfSalvage(context, setAside, salvaged))
  }
  parts.dispatcher.adopt(state)
  parts.storedTokens.restore(state.tokens)
}

/**
 * Tells the app that the database is a copy: the statement of the last process that closed the file is not true of
 * the copy (E5).
 */
function tellOfCopy({ report }: Context): void {
  const error = new HoldfastError(
    'STORAGE_COPIED',
    'the database is a copy: a backup was restored, or a synchronised folder or a roaming profile has brought it here. What was sent since the copy was made is sent again, under the same keys where they are recorded. Keep the file on a disk of this machine, out of such folders',
  )
  report('error', { error })
}

/**
 * True if the platform says that it is online. A platform that throws is taken to be online: the requests show
 * whether it is.
 */
function isOnlineNow({ boundary, ports, report }: Context): boolean {
  try {
    return boundary.pull('online', plain<boolean>(), () => atOnce(ports.platform.isOnline()))
  } catch (thrown) {
    const error = appCodeFailed('isOnline() of the option platform', thrown)
    // In the turn in which the app listens.
    boundary.nextTurn(() => report('error', { error }))
    return true
  }
}

/** The option wins, but for `unknown`, which means: as stored (I2). */
function requirementAtStart(option: Requirement, stored: Requirement): Requirement {
  return option === 'unknown' ? stored : option
}
