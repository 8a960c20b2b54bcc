/** All calls of the app, let in by the boundary. */
import { HoldfastError } from '../errors.ts'
import type { OperationId, Requirement, UserId } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import type { Refresher } from './tokens/refresher.ts'
import type { TokenReader } from './tokens/token-reader.ts'
import { plain, type Settle } from './boundary/boundary.ts'
import type { CallServer } from './call-server.ts'
import type { Context } from './context.ts'
import { type EnqueueWithin, enqueueWithinCodec } from './intake/enqueue-within.ts'
import { draftCodec, type Enqueued, type Intake } from './intake/intake.ts'
import type { BackoffWaits } from './holds/backoff-waits.ts'
import type { Holds } from './holds/holds.ts'
import { LetterCommands, type LettersFilter } from './lanes/letter-commands.ts'
import { OperationCommands } from './lanes/operation-commands.ts'
import { replacedPayloadCodec } from './lanes/replaced-payload.ts'
import { RowChanges } from './lanes/row-changes.ts'
import type { Dispatcher } from './dispatcher/dispatcher.ts'
import type { Flushes } from './lifecycle/flushes.ts'
import type { Lifecycle } from './lifecycle/lifecycle.ts'
import type { AttemptSummary, SendNowArgs, SendNows } from './lifecycle/send-nows.ts'
import { readCodec } from './reads/read.ts'
import type { Reads } from './reads/reads.ts'
import type { LogoutArgs, LogoutResult } from './sessions/logouts.ts'
import { loginCodec, type Sessions } from './sessions/sessions.ts'
import type { Records } from './stored/records.ts'

export interface CallParts {
  readonly context: Context
  readonly server: CallServer
  readonly lifecycle: Lifecycle
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly sessions: Sessions
  readonly flushes: Flushes
  readonly sendNows: SendNows
  readonly intake: Intake
  readonly enqueueWithin: EnqueueWithin
  readonly reads: Reads
  readonly records: Records
  readonly refresher: Refresher
  readonly tokenReader: TokenReader
  readonly dispatcher: Dispatcher
}

export type Calls = ReturnType<typeof serveCalls>

export function serveCalls(parts: CallParts) {
  return {
    readToken: parts.tokenReader.read,
    ...operationCalls(parts),
    ...identityCalls(parts),
    ...queueCalls(parts),
  }
}

function operationCalls(parts: CallParts) {
  const { context, server, holds, waits, intake, enqueueWithin, reads, records } = parts
  const changes = new RowChanges({ context, holds, waits, records })
  const commands = new OperationCommands(context, changes)
  const letters = new LetterCommands(context, changes)
  const ifOurs = <T>(settle: Settle<T>, run: () => void) => ifDispatching(context, settle, run)
  return {
    enqueue: server.serve('enqueue', draftCodec, (draft, settle: Settle<Enqueued>) =>
      intake.enqueue(draft, settle),
    ),
    enqueueWithin: server.serve(
      'enqueueWithin',
      enqueueWithinCodec,
      (args, settle: Settle<Enqueued>) => enqueueWithin.enqueue(args, settle),
    ),
    cancel: server.serve('cancel', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.cancel(id, settle)),
    ),
    retry: server.serve('retry', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.retry(id, settle)),
    ),
    replacePayload: server.serve(
      'replacePayload',
      replacedPayloadCodec,
      (replaced, settle: Settle<void>) => ifOurs(settle, () => commands.replace(replaced, settle)),
    ),
    retryAll: server.serve('retryAll', plain<LettersFilter>(), (filter, settle: Settle<number>) =>
      ifOurs(settle, () => letters.retryAll(filter, settle)),
    ),
    discardAll: server.serve(
      'discardAll',
      plain<LettersFilter>(),
      (filter, settle: Settle<number>) => ifOurs(settle, () => letters.discardAll(filter, settle)),
    ),
    discard: server.serve('discard', plain<OperationId>(), (id, settle: Settle<void>) =>
      ifOurs(settle, () => commands.discard(id, settle)),
    ),
    read: server.serve('read', readCodec, (args, settle: Settle<Reply>) =>
      reads.begin(args, settle),
    ),
  }
}

function identityCalls({ context, server, sessions, refresher }: CallParts) {
  return {
    login: server.serve('login', loginCodec, (args, settle: Settle<void>) =>
      sessions.login(args, settle),
    ),
    logout: server.serve('logout', plain<LogoutArgs>(), (args, settle: Settle<LogoutResult>) =>
      sessions.logout(args, settle),
    ),
    updateToken: server.serve('updateToken', loginCodec, (args, settle: Settle<void>) =>
      sessions.updateToken(args, settle),
    ),
    refreshToken: server.serve('refreshToken', plain<UserId>(), (user, settle: Settle<void>) => {
      if (!context.settings.hasSource) {
        const message =
          'refreshToken: there is no token source; give createHoldfast({ tokenSource })'
        settle.reject(new TypeError(message))
        return
      }
      context.pilot.token(user, { type: 'refresh.requested' })
      refresher.insist(user)
      settle.resolve()
    }),
    setRequirement: server.serve(
      'setRequirement',
      plain<Requirement>(),
      (value, settle: Settle<void>) => sessions.setRequirement(value, settle),
    ),
    forget: server.serve('forget', plain<UserId>(), (user, settle: Settle<void>) =>
      sessions.forget(user, settle),
    ),
  }
}

function queueCalls(parts: CallParts) {
  const { context, server, lifecycle, holds, flushes, sendNows, dispatcher } = parts
  return {
    start: server.serveAlways<null, void>('start', plain<null>(), (_args, settle) =>
      lifecycle.start(settle),
    ),
    pause: server.serve('pause', plain<null>(), (_args, settle: Settle<void>) => {
      if (!holds.isOnEvery('paused')) {
        holds.setOnEvery('paused', 'pause() was called')
        context.report('queue.paused', {})
      }
      settle.resolve()
    }),
    resume: server.serve('resume', plain<null>(), (_args, settle: Settle<void>) => {
      if (holds.isOnEvery('paused')) {
        holds.liftFromEvery('paused')
        context.report('queue.resumed', {})
      }
      settle.resolve()
    }),
    flush: server.serve('flush', plain<number>(), (deadlineMs, settle: Settle<null>) => {
      // This comes before the flush checks whether an operation can be sent: this process may take over.
      dispatcher.used()
      flushes.begin(deadlineMs, settle)
    }),
    sendNow: server.serve(
      'sendNow',
      plain<SendNowArgs>(),
      (args, settle: Settle<readonly AttemptSummary[]>) => sendNows.begin(args, settle),
    ),
    close: server.serveAlways<number, void>('close', plain<number>(), (deadlineMs, settle) =>
      lifecycle.close(deadlineMs, settle),
    ),
  }
}

/** Runs the call only in the process that dispatches: no other process knows which operations are in flight (Q17). */
function ifDispatching<T>({ phase }: Context, settle: Settle<T>, run: () => void): void {
  if (phase.dispatches) run()
  else {
    const message = 'another process dispatches this database, and may be sending just that'
    settle.reject(new HoldfastError('OTHER_PROCESS', message, { retryable: true }))
  }
}
