/** Everything that comes from the app and the platform, as calls the boundary lets in. */
import { HoldfastError, internalFault } from '../../errors.ts'
import type { OperationId, Requirement, UserId } from '../../model.ts'
import type { PlatformEvent } from '../../ports/platform.ts'
import type { Reply } from '../../ports/transport.ts'
import { codeIn } from '../../thrown.ts'
import type { Refresher } from '../../tokens/refresher.ts'
import type { Token, TokenFacts } from '../../tokens/token.ts'
import { type Codec, plain, type Settle } from './boundary.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Core } from '../core.ts'
import type { Dispatch } from '../life/dispatch.ts'
import type { Flushes } from '../life/flushes.ts'
import type { Holds } from '../lanes/holds.ts'
import { draftCodec, type Enqueued, type Intake } from '../intake/intake.ts'
import { OperationCommands } from '../lanes/operation-commands.ts'
import { OpenCalls } from './open-calls.ts'
import type { WatchLoss } from '../../../storage/storage.ts'
import { watchLost } from '../life/watch-lost.ts'
import { readCodec } from '../reads/read.ts'
import type { Reads } from '../reads/reads.ts'
import type { Records } from '../stored/records.ts'
import type { LogoutArgs, LogoutResult } from '../sessions/logouts.ts'
import { loginCodec, type Sessions } from '../sessions/sessions.ts'
import type { BackoffWaits } from '../lanes/backoff-waits.ts'
import type { EnqueueWithin, EnqueueWithinArgs } from '../intake/enqueue-within.ts'

export interface CallParts {
  readonly core: Core
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly sessions: Sessions
  readonly connectivity: Connectivity
  readonly flushes: Flushes
  readonly intake: Intake
  readonly enqueueWithin: EnqueueWithin
  readonly reads: Reads
  readonly records: Records
  readonly refresher: Refresher
  readonly readToken: (secret: string) => Token
  readonly tokenOf: (facts: TokenFacts) => Token
  readonly dispatch: Dispatch
  readonly start: (settle: Settle<void>) => void
  readonly close: (deadlineMs: number, settle: Settle<void>) => void
  /** What `status()` shows has changed. */
  readonly statusChanged: () => void
}

export type Calls = ReturnType<typeof serveCalls>

/** A call that fails inside is answered: the app must not wait for ever. The fault is told all the same. */
function failedInside<T>(settle: Settle<T>, cause: unknown): void {
  // Of a replay, which tells itself where it is no more the same.
  if (codeIn(cause) !== 'REPLAY_DIVERGED') settle.reject(internalFault(cause))
}

export function serveCalls(parts: CallParts) {
  const { core, holds, waits, sessions, connectivity, flushes, reads, records } = parts
  const { intake, enqueueWithin, refresher } = parts
  const { readToken, tokenOf, dispatch, start, close, statusChanged } = parts
  const commands = new OperationCommands(core, holds, waits, records)
  const open = new OpenCalls()
  const tokenArgs = loginCodec(tokenOf)
  const { boundary } = core
  /** Offers a call, unless the engine is closing. */
  const serve = <Args, T>(
    name: string,
    codec: Codec<Args>,
    run: (args: Args, settle: Settle<T>) => void,
  ) =>
    boundary.serve<Args, T>({
      name,
      codec,
      run: (args, settle) => {
        if (core.phase.isClosing) {
          settle.reject(new HoldfastError('CLOSED', `${name}() after close()`))
          return
        }
        const opened = open.begun(name, settle)
        try {
          run(args, opened)
        } catch (cause) {
          failedInside(opened, cause)
          throw cause
        }
        dispatch.used()
      },
    })
  /** What is in flight, only the process that dispatches knows. */
  const ifOurs = (settle: Settle<void>, run: () => void) => {
    if (core.phase.dispatches) run()
    else {
      const message = 'another process dispatches this database, and may be sending just that'
      settle.reject(new HoldfastError('OTHER_PROCESS', message, { retryable: true }))
    }
  }
  return {
    /** The calls that have no answer yet. */
    open: () => open.list(),
    /** In a journal that begins here they have no answer yet; answers what settles each of them, by its number. */
    reopen: (saved: ReturnType<OpenCalls['list']>) => {
      const settles = new Map(
        saved.map(({ name, call }) => [call, open.begun<never>(name, boundary.recall(call))]),
      )
      return (call: number): Settle<never> => settles.get(call) ?? boundary.recall<never>(call)
    },
    /** Storage answers nothing any more. */
    failAll: (error: Error, except: ReadonlySet<string>) => open.failAll(error, except),
    /** The engine is closed. */
    endAll: () => open.endAll(),
    readToken,
    start: boundary.serve<null, void>({
      name: 'start',
      codec: plain<null>(),
      run: (_args, settle) => start(settle),
    }),
    enqueue: serve('enqueue', draftCodec, (draft, settle: Settle<Enqueued>) =>
      intake.enqueue(draft, settle),
    ),
    enqueueWithin: serve(
      'enqueueWithin',
      {
        write: ({ connection: _connection, decided: _decided, ...draft }: EnqueueWithinArgs) =>
          draftCodec.write(draft),
        read: (json) => ({
          ...draftCodec.read(json),
          connection: null,
          decided: () => undefined,
        }),
      },
      (args, settle: Settle<Enqueued>) => enqueueWithin.enqueue(args, settle),
    ),
    login: serve('login', tokenArgs, (args, settle: Settle<void>) => sessions.login(args, settle)),
    logout: serve('logout', plain<LogoutArgs>(), (args, settle: Settle<LogoutResult>) =>
      sessions.logout(args, settle),
    ),
    updateToken: serve('updateToken', tokenArgs, (args, settle: Settle<void>) =>
      sessions.updateToken(args, settle),
    ),
    refreshToken: serve('refreshToken', plain<UserId>(), (user, settle: Settle<void>) => {
      if (!core.settings.hasSource) {
        const message = 'refreshToken: there is no token source; give createHoldfast({ tokens })'
        settle.reject(new TypeError(message))
        return
      }
      core.pilot.token(user, { type: 'refresh.requested' })
      refresher.insist(user)
      settle.resolve()
    }),
    setRequirement: serve('setRequirement', plain<Requirement>(), (value, settle: Settle<void>) =>
      sessions.setRequirement(value, settle),
    ),
    read: serve('read', readCodec, (args, settle: Settle<Reply>) => reads.begin(args, settle)),
    forget: serve('forget', plain<UserId>(), (user, settle: Settle<void>) =>
      sessions.forget(user, settle),
    ),
    cancel: serve('cancel', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.cancel(id, settle)),
    ),
    retry: serve('retry', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.retry(id, settle)),
    ),
    discard: serve('discard', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.discard(id, settle)),
    ),
    pause: serve('pause', plain<null>(), (_args, settle: Settle<void>) => {
      if (!holds.isOnEvery('paused')) {
        holds.setOnEvery('paused', 'pause() was called')
        core.report('queue.paused', {})
      }
      settle.resolve()
    }),
    resume: serve('resume', plain<null>(), (_args, settle: Settle<void>) => {
      if (holds.isOnEvery('paused')) {
        holds.liftFromEvery('paused')
        core.report('queue.resumed', {})
      }
      settle.resolve()
    }),
    flush: serve('flush', plain<number>(), (deadlineMs, settle: Settle<null>) => {
      // Before it looks whether anything can be sent: this process may take over.
      dispatch.used()
      flushes.begin(deadlineMs, settle)
    }),
    platform: serve('platform', plain<PlatformEvent>(), (event, settle: Settle<void>) => {
      connectivity.heard(event)
      statusChanged()
      settle.resolve()
    }),
    foreignCommit: boundary.serve<null, void>({
      name: 'foreignCommit',
      codec: plain<null>(),
      run: () => {
        if (!core.phase.isClosing) dispatch.heardOfCommit()
      },
    }),
    watchLost: boundary.serve<WatchLoss, void>({
      name: 'watchLost',
      codec: plain<WatchLoss>(),
      run: (why) => {
        if (!core.phase.isClosing) core.report('error', { error: watchLost(why) })
      },
    }),
    close: boundary.serve<number, void>({
      name: 'close',
      codec: plain<number>(),
      run: (deadlineMs, settle) => close(deadlineMs, settle),
    }),
  }
}
