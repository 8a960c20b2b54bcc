/** The public face of Holdfast. */
export { createHoldfast } from './create-holdfast.ts'
export type { Holdfast } from './holdfast.ts'
export type {
  DeadlineOptions,
  FlushResult,
  LoginOptions,
  LogoutOptions,
  ReadOptions,
  RetryOptions,
  SendNowOptions,
  SendNowResult,
} from './api/call-options.ts'
export type { ReadRequestInput } from './engine/reads/read.ts'
export type { AttemptSummary } from './engine/lifecycle/send-nows.ts'
export type { LogoutResult } from './engine/sessions/logouts.ts'
export type {
  AttemptError,
  AttemptFacts,
  AttemptMessage,
  AttemptResult,
} from './channels/attempt-message.ts'
export type { SettlementMessage } from './channels/settlement-channel.ts'
export type {
  HoldStatus,
  LaneFailure,
  LaneStatus,
  OwnerStatus,
  QueueState,
  Status,
  TokenFailure,
  TokenNeedStatus,
  Totals,
} from './engine/status.ts'
export type { Failure } from './failure.ts'
export {
  type ErrorCode,
  HoldfastError,
  type HoldfastErrorOptions,
  NotSentError,
  type NotSentErrorOptions,
  TokenDeniedError,
  VaultUnreadableError,
} from './errors.ts'
export type { EventName, HoldfastEvents } from './events.ts'
export type { ForgetResult } from './api/forget-result.ts'
export { formatStatus, type FormatStatusOptions } from './api/format-status.ts'
export { fileJournal, type FileJournal, type FileJournalOptions } from './journal/file-journal.ts'
export type { AnyEvent, ListenedName, Listener } from './api/listeners.ts'
export type { JournalHeader, JournalSink } from './journal/lines.ts'
export { ringJournal, type RingJournal, type RingJournalOptions } from './journal/ring-journal.ts'
export { consoleLogger, type ConsoleLoggerOptions } from './log/console-logger.ts'
export type { Logger, LogLevel } from './log/logger.ts'
export type {
  DeadReason,
  DropReason,
  Instant,
  LaneId,
  OperationId,
  Outcome,
  Owner,
  Requirement,
  TokenNeedReason,
  UserId,
} from './model.ts'
export {
  type AnyOperationKind,
  defineOperation,
  type DraftOf,
  type DraftOptions,
  type FollowUpDraft,
  type InfoOf,
  type InterpretContext,
  type Interpretation,
  type MergeInput,
  type MergeSpec,
  type OperationDraft,
  type OperationKind,
  type OperationSpec,
  type ReadingPosition,
  type RecordLookups,
  type RecordNeeds,
  type RequestInput,
  type RequestSpec,
} from './operations/define-operation.ts'
export { interpretReply, type ReplyContext } from './operations/interpret-reply.ts'
export type {
  ReadInterpret,
  ReadInterpretation,
  ReadInterpretContext,
} from './operations/read-interpretation.ts'
export { path, type PathPart } from './operations/path.ts'
export type { StoredPayload } from './operations/stored-payload.ts'
export type { DeadLetter, OperationInfo, PendingOperation } from './api/operation-info.ts'
export type { DeadLetterFilter } from './api/letter-filter.ts'
export type { Page, PageOptions, PendingFilter } from './api/stored-operations.ts'
export type { BackoffOptions, HoldfastOptions, RequirementSource } from './options.ts'
export { type Clock, systemClock, type Timer } from './ports/clock.ts'
export { type Platform, type PlatformEvent } from './ports/platform.ts'
export { type Random, systemRandom } from './ports/random.ts'
export type { TokenRequest, TokenSource } from './ports/token-source.ts'
export type { OutgoingRequest, Reply, SendOptions, Transport } from './ports/transport.ts'
export { memoryVault, type Vault } from './ports/vault.ts'
export type { Receipt, Settlement } from './api/receipts.ts'
export type { Report, ReportedError, ReportedLetter, ReportOptions } from './api/report.ts'
export { sqliteStorage } from './sqlite-storage.ts'
export {
  type HttpAgent,
  httpTransport,
  type HttpTransportOptions,
} from './transport/http-transport.ts'
export type { Hold, HoldName } from '../machines/holds.ts'
export type { Durability } from '../storage/sqlite/connection.ts'
export type { SqliteConnection, SqliteStorageOptions } from '../storage/sqlite/options.ts'
export type { MissingRows, SalvagedRows, SalvageReport, Storage } from '../storage/storage.ts'
