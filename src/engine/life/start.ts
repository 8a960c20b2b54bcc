/**
 * The start: storage is opened and says what is true, the vault gives back what it sealed, and the
 * machines, in their initial state, hear of it. Nothing is sent before the turn after that (Q2).
 */
import type { OpenedState, StorageHost, TokenRow } from '../../../storage/storage.ts'
import { appCodeFailed, atOnce } from '../../app-code.ts'
import { HoldfastError, VaultUnreadableError } from '../../errors.ts'
import type { Requirement } from '../../model.ts'
import { rebuilt } from '../../scrub/rebuilt.ts'
import { codeIn } from '../../thrown.ts'
import type { Token } from '../../tokens/token.ts'
import { unsealed } from '../../tokens/seal.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import { plain } from '../boundary/boundary.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Core } from '../core.ts'
import { claimDatabase } from './claim-database.ts'
import type { Dispatch } from './dispatch.ts'
import type { Holds } from '../lanes/holds.ts'
import { backoffMs } from '../sending/judge.ts'
import { tellOfSalvage } from './salvage-news.ts'

/** A vault that is not available is tried again: 1 s, doubling to 5 min (T1). */
const VAULT_RETRY = { base: 1000, cap: 300_000, jitter: false } as const

/** The cause of a hold that the answer of the vault will lift. */
export const VAULT_IS_OPENING = 'the vault has not given back the token yet'

export interface StartParts {
  readonly core: Core
  readonly wallet: Wallet
  readonly holds: Holds
  readonly connectivity: Connectivity
  readonly dispatch: Dispatch
  readonly readToken: (secret: string) => Token
  readonly tokenOf: (facts: Token['facts']) => Token
  /** Told the database's own key before any token is read. */
  readonly useFingerprintKey: (key: string) => void
}

export function start(
  parts: StartParts,
  host: StorageHost,
  then: (error: Error | null) => void,
): void {
  const { core, useFingerprintKey } = parts
  core.store.open(host, (answer) => {
    if (!answer.ok) {
      then(answer.error)
      return
    }
    const opened = answer.value
    // The lock may be ours, and nobody else could dispatch.
    const refuse = (error: Error) => core.store.close(() => then(error))
    useFingerprintKey(opened.fingerprintKey)
    claimDatabase(core, opened.origin, (refusal) => {
      if (refusal !== null) {
        refuse(refusal)
        return
      }
      parts.dispatch.start(opened, (current) => {
        if (!current.ok) {
          refuse(current.error)
          return
        }
        restore(parts, current.value)
        then(null)
      })
    })
  })
}

function restore(parts: StartParts, state: OpenedState): void {
  const { core, wallet, holds, connectivity } = parts
  const { boundary, settings, pilot } = core
  const requirement = requirementAtStart(settings.requirement, state.requirement)
  pilot.identity({ type: 'storage.loaded', user: state.identity, requirement })
  if (requirement !== state.requirement) {
    core.store.commitAtLast(
      () => [{ change: 'requirement', requirement: pilot.requirement }],
      {},
      () => undefined,
      () => undefined,
    )
  }
  const isOnline = isOnlineNow(core)
  // Only who dispatches waits for deadlines (Q17).
  connectivity.begin(isOnline, core.phase.dispatches ? state.deadlines : [])
  if (state.isCopy === true) boundary.nextTurn(() => tellOfCopy(core))
  if (state.setAside !== undefined) {
    const { setAside, salvaged } = state
    // In the turn in which the app listens.
    boundary.nextTurn(() => tellOfSalvage(core, setAside, salvaged))
  }
  parts.dispatch.adopt(state)
  for (const row of state.tokens) {
    wallet.restore(row, null)
    // One that was refused is never sent again (T4).
    if (row.sealed === null || row.refused || !settings.hasVault) continue
    holds.setOnOwner(row.user, 'awaiting-token', VAULT_IS_OPENING)
    // In the turn in which the app listens: an answer may be an error.
    boundary.nextTurn(() => unseal(parts, row, 1))
  }
}

/** What the last process said that closed the file is no longer true of it (E5). */
function tellOfCopy({ report }: Core): void {
  const error = new HoldfastError(
    'STORAGE_COPIED',
    'the database is a copy: a backup was restored, or a synchronised folder or a roaming profile has brought it here. What was sent since the copy was made is sent again, under the same keys where they are recorded. Keep the file on a disk of this machine, out of such folders',
  )
  report('error', { error })
}

/** A platform that cannot say so is taken to be online: the requests show whether it is. */
function isOnlineNow({ boundary, ports, report }: Core): boolean {
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

/** Tokens of newer generations that another process stored reach this one through the vault (Q17). */
export function hearTokens(parts: StartParts, { tokens }: OpenedState): void {
  const { core, wallet, holds } = parts
  wallet.heard(tokens)
  for (const row of tokens) {
    const { user, generation, epoch, refused } = row
    // The end of that session is on its way into storage (T11).
    if (epoch < wallet.epoch(user)) continue
    wallet.heardLeaving(row)
    if (generation <= wallet.generation(user) && epoch <= wallet.epoch(user)) {
      // The process that dispatches, or did so before this one, has been told so (T4).
      const isNews = refused && wallet.isCurrent(row)
      if (isNews && core.phase.dispatches) wallet.refused(user, generation)
      else if (isNews) wallet.refusedElsewhere(user, generation)
      continue
    }
    const hasEnded = epoch > wallet.epoch(user)
    const isSealed = row.sealed !== null && core.settings.hasVault
    // What was stored here after the end is of the session that followed.
    const own = wallet.tokenOf(row)
    wallet.restore(row, own)
    if (hasEnded) wallet.sessionEnded.tell(user)
    // Whoever sends must not go on believing that there is a token.
    if (own === null && (hasEnded || (!isSealed && !refused))) {
      core.pilot.token(user, { type: 'token.lost', reason: hasEnded ? 'missing' : 'elsewhere' })
    }
    if (own !== null || !isSealed) continue
    holds.setOnOwner(user, 'awaiting-token', VAULT_IS_OPENING)
    unseal(parts, row, 1)
  }
}

function unseal(parts: StartParts, row: TokenRow, round: number): void {
  const { core, wallet, readToken, tokenOf } = parts
  const { boundary, report, pilot } = core
  const { user } = row
  boundary.ask<Token>(
    {
      name: 'unseal',
      args: () => ({ user, generation: row.generation }),
      codec: {
        write: (token) => token.toJSON(),
        read: (json) => tokenOf(json as unknown as Token['facts']),
      },
      put: () => unsealed(core, row, readToken),
    },
    (answer) => {
      if (answer.ok || !wallet.isStillSealed(row)) {
        if (answer.ok) wallet.unsealed(row, answer.value)
        pilot.token(user, { type: 'vault.answered' })
        return
      }
      const cause = rebuilt(answer.error, wallet.knownTokens(user))
      // Also one of another copy of this module, or of another realm.
      if (codeIn(answer.error) === 'AUTH_VAULT_UNREADABLE') {
        pilot.token(user, { type: 'token.lost', reason: 'unreadable' })
        const what = `the sealed token of ${user} cannot be opened`
        report('error', { error: new VaultUnreadableError(what, cause) })
        pilot.token(user, { type: 'vault.answered' })
        return
      }
      const message = `the vault could not give back the token of ${user}; it is tried again`
      const options = { cause, retryable: true }
      report('error', { error: new HoldfastError('AUTH_VAULT_UNAVAILABLE', message, options) })
      boundary.arm(`vault:${user}`, backoffMs(round, 1, VAULT_RETRY), () =>
        unseal(parts, row, round + 1),
      )
    },
  )
}
