/// <reference lib="esnext.disposable" />
/**
 * Sets up a connection the way Holdfast needs it, or says why not. A file that is refused has not
 * been changed.
 */

/** `power-loss`: a commit survives a power cut. `app-crash`: it survives the death of the process. */
type Durability = 'power-loss' | 'app-crash';

/** What a SQLite storage is made with. */

/** What Holdfast uses of a better-sqlite3 connection. */
interface SqliteConnection {
    readonly open: boolean;
    readonly inTransaction: boolean;
    prepare(sql: string): object;
    exec(sql: string): object;
    pragma(sql: string, options?: {
        simple?: boolean;
    }): unknown;
}
/** The options of `sqliteStorage()`: exactly one of `file` and `database`. */
type SqliteStorageOptions = CommonSqliteOptions & (FileOption | DatabaseOption);
interface FileOption {
    /**
     * The database file; it is made if it is not there, its folder is not. The name is used exactly as given, with the blanks
     * at its ends; a blank name is refused. Nothing but SQLite may open the file or a file beside it while this process has it
     * open: a plain read drops the locks of the process. The same goes for a second SQLite library in this process. The file
     * and those beside it are made for this user alone (mode 0600), and narrowed where they are wider (E5); on Windows the
     * folder decides who may read them.
     */
    readonly file: string;
    readonly database?: never;
    /**
     * Where SQLite runs: on the thread that makes the storage (`main`), or on a worker thread (`worker`).
     * There neither an fsync nor another process's lock ever blocks the app, say Electron's main process. It
     * costs a round trip between threads in each turn that stores something. Not with `database`, which belongs
     * to the app's own thread. Default: `main`.
     */
    readonly thread?: 'main' | 'worker';
}
interface DatabaseOption {
    /**
     * Instead of `file`: the app's own better-sqlite3 connection. It is not closed by Holdfast. It is put
     * into WAL, and, for `power-loss`, stands at `synchronous=FULL` for the app's own transactions too. Whether the app
     * reads integers as BigInt (`defaultSafeIntegers()`) is the app's affair.
     */
    readonly database: SqliteConnection;
    readonly file?: never;
    readonly thread?: 'main';
}
interface CommonSqliteOptions {
    /**
     * What an acknowledged operation survives: `power-loss` (`synchronous=FULL`) or `app-crash`
     * (`NORMAL`, several times faster). Default: `power-loss`.
     */
    readonly durability?: Durability;
    /**
     * What becomes of a `file` that is damaged: `createHoldfast()` rejects with `STORAGE_CORRUPT`
     * (`refuse`), or it is renamed, whole, a new one is made in its place, and every row that can still be read goes
     * into the new one (`set-aside`); an `error` event tells what was kept and what is missing. Default: `refuse`.
     */
    readonly onCorrupt?: 'refuse' | 'set-aside';
    /** How long a write waits for another process, in milliseconds. It blocks the thread. Default: 1000. */
    readonly busyTimeoutMs?: number;
}

/**
 * The plain nouns that every part of Holdfast speaks of. This file imports nothing and holds no
 * behaviour; `machines/` and `storage/` may import its types, and only these.
 */
declare const brand: unique symbol;
/** A string that is one kind of id and not another. */
type Id<Name extends string> = string & {
    readonly [brand]: Name;
};
/** Names one operation for ever; also its `Idempotency-Key` when it is sent alone. */
type OperationId = Id<'OperationId'>;
/** The app's own id of a user (`externalId` in a JWT's subject claim, say). */
type UserId = Id<'UserId'>;
/** Storage's number for a lane. 0 is the anonymous lane of this device. */
type LaneId = number & {
    readonly [brand]: 'LaneId';
};
/** A point in wall-clock time, in milliseconds since 1970-01-01T00:00:00Z. */
type Instant = number;
/** Who made an operation: a user, or (`user: null`) the anonymous identity of this device. */
interface Owner {
    readonly user: UserId | null;
}
/** Does the server demand identity verification? (I2) */
type Requirement = 'unknown' | 'required' | 'off';
/** What an attempt came to (Q6). */
type Outcome = 'accepted' | 'retry' | 'refused-token' | 'rejected' | 'unsent' | 'unknown';
/** Why a user needs a fresh token (T5). */
type TokenNeedReason = 'missing' | 'expiring' | 'expired' | 'refused' | 'unreadable';
/** Why an operation became a dead letter. */
type DeadReason = 'rejected' | 'attempts-exhausted' | 'unreadable' | 'conflict' | 'dependency-dead' | 'outcome-unknown';
/** Why an operation was dropped. */
type DropReason = 'anonymous' | 'expired' | 'logout' | 'superseded' | 'forgotten' | 'discarded';

/**
 * The journal's lines: what came in from outside, and what was decided. One journal replays to the
 * same decisions, because between two `in` lines the engine runs to completion without asking
 * anybody. Tokens, payloads and bodies are redacted before a line is made.
 */
type Json = null | boolean | number | string | readonly Json[] | {
    readonly [name: string]: Json | undefined;
};
/** A record of plain JSON. */
type JsonRecord = {
    readonly [name: string]: Json | undefined;
};
/** What came from outside. */
type InLine = 
/** A process began: the first line, and again after each crash or restart in one recording. */
{
    readonly in: 'start';
    readonly requirement: string;
}
/** The state of a process in the middle of its life: where a journal begins that has lost its beginning. */
 | {
    readonly in: 'summary';
    readonly state: Json;
}
/** The app called, or the platform told something. */
 | {
    readonly in: 'call';
    readonly call: number;
    readonly name: string;
    readonly args: Json;
}
/** An answer to the question of this number: of storage, transport, source, vault or a kind's code. */
 | {
    readonly in: 'answer';
    readonly ask: number;
    readonly value?: Json;
    readonly error?: Json;
} | {
    readonly in: 'alarm';
    readonly name: string;
}
/** The turn of the event loop after the engine was ready. */
 | {
    readonly in: 'turn';
}
/** What the app does just now has run to its end: the operations it has enqueued meanwhile go to storage together. */
 | {
    readonly in: 'soon';
}
/** Asked for and answered at once: a random draw, a kind's own code, the state of the platform. */
 | {
    readonly in: 'pull';
    readonly name: string;
    readonly value?: Json;
    readonly error?: Json;
};
/** What was decided. */
type OutLine = 
/** A question to the outside: changes to commit, a request to send, a source to call, … */
{
    readonly out: 'ask';
    readonly ask: number;
    readonly name: string;
    readonly args: Json;
} | {
    readonly out: 'event';
    readonly name: string;
    readonly detail: Json;
} | {
    readonly out: 'alarm';
    readonly name: string;
    readonly at: number;
} | {
    readonly out: 'alarm.cancelled';
    readonly name: string;
} | {
    readonly out: 'need';
    readonly user: string;
    readonly reason: string | null;
} | {
    readonly out: 'call.rejected';
    readonly call: number;
    readonly code: string;
};
interface JournalHeader {
    readonly journal: 1;
    readonly holdfast: string;
    /** Which fields the rows in its lines have (`former-rows.ts`). Default: 1. */
    readonly rows?: number;
    /** `payloads: 'digest'`: payloads and bodies are kept as size and digest only. */
    readonly payloads: 'digest' | 'full';
    /** The resolved options that decide anything, and the facts about each kind. */
    readonly options: JsonRecord;
    /** True if the journal was cut where no summary could be made: it can be read, not replayed. */
    readonly beginningLost?: boolean;
    /** Why no summary could be made there. */
    readonly why?: string;
    /** True if each user id is a pseudonym (E6). */
    readonly pseudonyms?: boolean;
}
/** Where a journal goes. Called in the middle of a decision: it must not throw and not call back. */
interface JournalSink {
    /** True if user ids are to be replaced by pseudonyms (E6). Left out: false. */
    readonly pseudonyms?: boolean;
    /** The first line; again after each summary. */
    header(header: JournalHeader): void;
    write(line: InLine | OutLine, t: number, wall?: number): void;
    /**
     * Is it time to begin anew, with a summary of the state, so that what came before may go? Asked
     * between two things that come in. Left out: never.
     */
    wantsSummary?(): boolean;
    /** Told why there is none, whenever one was wanted. */
    noSummary?(why: string): void;
}

/**
 * Holds: the named reasons why a lane may not send (Q18). A lane sends only while its set of holds
 * is empty. This table is the one place that says of each hold whom it covers, who sets it, who
 * lifts it, and whether it is stored. A hold is never also a state of a machine.
 */

declare const HOLDS: {
    readonly 'requirement-unknown': {
        readonly covers: 'every lane';
        readonly setBy: 'identity machine, while the requirement is unknown (I2); a 401 to an unsigned anonymous request under off (I10)';
        readonly liftedBy: 'identity machine, when the requirement is learned';
        readonly stored: 'no';
    };
    readonly 'awaiting-token': {
        readonly covers: 'one owner';
        readonly setBy: 'token machine, when its user cannot send without a fresh token (T4, T5, T9, I10), while its time has not come (T9), or while it is held (T8); the start, until the vault has given back a token (T1)';
        readonly liftedBy: 'token machine, when a newer generation arrives, the time of the token has come (T9), the wait after refused tokens is over (T8), none is demanded any more (T7), or nobody asks for one while nothing is pending; the start, when the vault has answered';
        readonly stored: 'no';
    };
    readonly 'signed-out': {
        readonly covers: 'one owner';
        readonly setBy: 'token machine, when the token source denied (T6); identity machine, on the anonymous lane under the policies hold and adopt (I3)';
        readonly liftedBy: 'token machine, when a token arrives, the source is asked anew, or no token is demanded any more; identity machine, when the requirement changes';
        readonly stored: 'no';
    };
    readonly offline: {
        readonly covers: 'every lane';
        readonly setBy: 'the network port, or a captive portal (Q6)';
        readonly liftedBy: 'the network port, or any genuine reply';
        readonly stored: 'no';
    };
    readonly suspended: {
        readonly covers: 'every lane';
        readonly setBy: 'the power port, when the machine goes to sleep';
        readonly liftedBy: 'the power port, when it wakes; itself, after 60 s of running time';
        readonly stored: 'no';
    };
    readonly 'rate-limited': {
        readonly covers: 'every lane';
        readonly setBy: '429 or 503 with Retry-After (Q7)';
        readonly liftedBy: 'its deadline';
        readonly stored: 'deadline';
    };
    readonly 'backing-off': {
        readonly covers: 'one lane';
        readonly setBy: 'the outcomes retry, unknown and unsent (Q7)';
        readonly liftedBy: 'its deadline; after unknown and unsent also the return of the network and waking, after 431 a newer token';
        readonly stored: 'deadline';
    };
    readonly paused: {
        readonly covers: 'every lane';
        readonly setBy: 'pause()';
        readonly liftedBy: 'resume(), or the end of the process';
        readonly stored: 'no';
    };
    readonly 'storage-failed': {
        readonly covers: 'one lane';
        readonly setBy: 'a reply that could not be recorded, or a lane that could not be read (Q11, E2); on every lane: what is stored cannot be read anew (Q17), or storage is damaged or gone (E2)';
        readonly liftedBy: 'the repeated call, once it succeeds; after damage and STORAGE_GONE nothing but a new opening';
        readonly stored: 'no';
    };
    readonly 'other-process': {
        readonly covers: 'every lane';
        readonly setBy: 'another process that dispatches this database (Q17)';
        readonly liftedBy: 'taking over';
        readonly stored: 'no';
    };
    readonly 'dead-letter': {
        readonly covers: 'one lane';
        readonly setBy: "a dead letter, under onDead: 'hold' (Q9)";
        readonly liftedBy: 'its retry() or discard()';
        readonly stored: 'no';
    };
    readonly 'awaiting-record': {
        readonly covers: 'one lane';
        readonly setBy: 'a head that requires a record created in another lane and not there yet (Q12)';
        readonly liftedBy: 'the creation, or its end';
        readonly stored: 'no';
    };
};
type HoldName = keyof typeof HOLDS;
/** A hold as it is set on a lane. */
interface Hold {
    readonly name: HoldName;
    /** What set it, in words for `status()`; never a secret. */
    readonly cause: string;
    readonly since: Instant;
}

/** The rows of storage, as plain data. This file declares no change of a row: the changes are in `changes.ts`. */

/** One pending operation. */
interface OperationRow {
    readonly id: OperationId;
    readonly lane: LaneId;
    /** Its place in the lane. Operations are sent in the order of their places (Q2). */
    readonly place: number;
    readonly kind: string;
    readonly version: number;
    /** JSON text. */
    readonly payload: string;
    readonly enqueuedAt: Instant;
    readonly expiresAt: Instant | null;
    /** The records it creates, by their local ids (Q12). */
    readonly creates: readonly string[];
    /** True if it is of no use once another user has logged in on this device (I8). */
    readonly deviceScoped: boolean;
    /** True if it was in flight at that login: then it is not sent again. Default: false. */
    readonly superseded?: true;
    /** How often its payload has been replaced (Q9). Each payload has its own idempotency key (Q5). Default: 0. */
    readonly revision?: number;
}
/** The state of an envelope, as soon as there is more to it than "not sent yet". */
interface EnvelopeRow {
    readonly lane: LaneId;
    /** The place of its first member, which identifies the envelope in its lane. */
    readonly place: number;
    /** Its idempotency key. Null: the envelope may be formed anew (Q5). */
    readonly key: string | null;
    /** The places of its members, in order. */
    readonly members: readonly number[];
    /** Sendings that came to `retry`, `unknown` or `unsent` (the n of Q7). */
    readonly attempts: number;
    /** How many of `attempts` came to `unsent`: nothing of the envelope left the process in these (Q6). */
    readonly unsentAttempts: number;
    /** How many of `attempts` count towards death (Q8). */
    readonly countedAttempts: number;
    /**
     * The time of the first attempt that was not `unsent`; before that attempt, the time when the envelope was recorded
     * (Q8).
     */
    readonly firstAttemptAt: Instant | null;
    /** Since when the outcome is unknown; never reset but by its end (Q5). */
    readonly unknownSince: Instant | null;
    /**
     * The next attempt is not made before this time (Q7). It is stored with the wait that it was computed from
     * (`waitMs`), so that a clock that jumped back is noticed.
     */
    readonly retryAt: Instant | null;
    readonly waitMs: number;
    /** The part of `waitMs` that a `Retry-After` asked for: `sendNow()` never ends it (Q7). */
    readonly askedMs: number;
    /** True if the last outcome was `unknown` or `unsent`: then the return of the network ends the wait (Q7). */
    readonly waitsAfterUnknown: boolean;
    /** Generations refused on this head (T4). */
    readonly refusedCount: number;
    /** The last generation under which the server answered 431 (Q8). */
    readonly tooLargeGeneration: number | null;
    readonly lastStatus: number | null;
    /** The code of the last failure (Q22); null: the last failure was a reply. */
    readonly lastCode: string | null;
    /** When the last attempt failed. */
    readonly lastFailedAt: Instant | null;
}
/** An operation that failed for good (Q9). */
interface LetterRow extends OperationRow {
    readonly reason: DeadReason;
    readonly status: number | null;
    /** The beginning of the server's reply, redacted. */
    readonly excerpt: string | null;
    readonly diedAt: Instant;
    readonly attempts: number;
    /** The key of its last sending, if its outcome is unknown: a retry uses the same key (Q8). */
    readonly envelopeKey: string | null;
    /** Since when its outcome is unknown; null: the outcome is known. */
    readonly unknownSince: Instant | null;
    /** The records whose creations failed, if the operation is dead for that reason (Q12). */
    readonly dependsOn: readonly string[];
}
/** A record that an operation creates (Q12). */
interface RecordRow {
    /** The id the app gave it. */
    readonly local: string;
    /** The server's id, once the record is made. While the record waits to be created anew, this is the former id. */
    readonly remote: string | null;
    /** `lost`: its creation is dead, or was taken back, or its user was forgotten (I12). */
    readonly state: 'pending' | 'made' | 'lost';
    /** The lane of its creation. */
    readonly lane: LaneId;
    /** The operation that creates it. Null: no operation has said that it does, but a reply named the record. */
    readonly creation: OperationId | null;
    readonly changedAt: Instant;
}
/** A reading position: a read that waits until `readyAt` and names the token sees the writes before it (R2). */
interface PositionRow {
    readonly key: string;
    readonly token: string;
    readonly readyAt: Instant;
    /** The wait from the reply until `readyAt`: a clock that jumped back never makes it longer. */
    readonly waitMs: number;
}
interface LaneRow {
    readonly lane: LaneId;
    readonly user: UserId | null;
    readonly pending: number;
    readonly letters: number;
    /** Operations up to this place are sent each in its own envelope: an envelope with them was rejected (Q4). */
    readonly soloThrough: number;
    /** The place of the first pending operation. Default: not known. */
    readonly head?: number;
    /** The last place that was assigned. Default: 0. */
    readonly tail?: number;
    /** How many places operations have moved back in all, to make room. Default: 0. */
    readonly shifted?: number;
    /** Operations up to this place will be dropped: their user logged out with `discard` (I7). Default: 0. */
    readonly discardThrough?: number;
    /** True if operations of the lane are marked as superseded (I8). Default: false. */
    readonly hasSuperseded?: true;
}
/** The stored facts of a user's token. The token itself is only in `sealed`, put there by a vault (T1). */
interface TokenRow {
    readonly user: UserId;
    /** 0 before the first token. */
    readonly generation: number;
    /** Grows by 1 with each end of a session (T11). */
    readonly epoch: number;
    readonly refused: boolean;
    /** Fingerprints of the tokens refused last in this session, the current token included. Default: none. */
    readonly refusedTokens?: readonly string[];
    /** The keyed fingerprint of the token; null when the session has ended. */
    readonly fingerprint: string | null;
    readonly expiresAt: Instant | null;
    readonly refreshAt: Instant | null;
    readonly sealed: Uint8Array | null;
    /** True if the user logged out with operations pending: the session ends when the lane is empty (T11). */
    readonly leaving: boolean;
}
/** What is stored of an owner beside the operations. */
interface OwnerRow {
    readonly user: UserId | null;
    /** When an operation of the owner was last completed, to the second; exact while nothing of the owner is pending. */
    readonly lastCompletedAt: Instant;
}
interface DeadlineRow {
    readonly origin: string;
    readonly until: Instant;
    readonly waitMs: number;
}
/** How a settled operation ended, as far as it is retained. */
interface OutcomeRow {
    readonly id: OperationId;
    /** `dead`: its dead letter was erased with everything else of its user (I12). */
    readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead';
    readonly reason: DropReason | DeadReason | null;
    /** The last status of a dead operation. */
    readonly status: number | null;
    /** JSON text: what the kind's code made of the reply (Q23). Default: nothing. */
    readonly result?: string;
    readonly settledAt: Instant;
}

/** What can go wrong with storage, each with a stable code (E2). */
type StorageErrorCode = 'STORAGE_FULL' | 'STORAGE_READ_ONLY' | 'STORAGE_BUSY' | 'STORAGE_CORRUPT'
/** The file was removed, replaced or cut while it was in use. */
 | 'STORAGE_GONE' | 'STORAGE_NEWER_SCHEMA'
/** The database belongs to another origin than the transport's (E6). */
 | 'ORIGIN_CHANGED' | 'STORAGE_UNAVAILABLE' | 'CLOSED';

/**
 * The changes: everything that can happen to the rows, as plain data. Each is conditional on what it
 * expects to find and is answered `applied: true`, or `applied: false` ("missed") with nothing changed.
 */

/** An operation, and the place where it is expected. */
interface Member {
    readonly id: OperationId;
    readonly place: number;
}
/** Puts an operation at the end of its owner's lane, which is made if need be. */
interface EnqueueChange {
    readonly change: 'enqueue';
    readonly user: UserId | null;
    /** Unguessable; the id is made of it, the lane and the place. */
    readonly nonce: string;
    readonly kind: string;
    readonly version: number;
    readonly payload: string;
    readonly enqueuedAt: Instant;
    readonly expiresAt: Instant | null;
    /** Records it creates, by their local ids (Q12). Default: none. */
    readonly creates?: readonly string[];
    /** I8. Default: false. */
    readonly deviceScoped?: boolean;
    /** Another user has taken the device since the call: it is never sent (I8). Default: not so. */
    readonly superseded?: true;
}
/** An operation that a reply yielded (Q13). */
interface FollowUp {
    /** Made of its parent's id, so that the same reply makes the same ones. */
    readonly id: OperationId;
    readonly kind: string;
    readonly version: number;
    readonly payload: string;
    readonly enqueuedAt: Instant;
    readonly expiresAt: Instant | null;
    readonly creates: readonly string[];
    readonly deviceScoped: boolean;
}
/**
 * Stores a payload in the version of today, at the same place and under the same id (Q14). Missed unless the
 * operation is pending there in the version `from`.
 */
interface UpgradeChange extends Member {
    readonly change: 'upgrade';
    readonly lane: LaneId;
    readonly from: number;
    readonly version: number;
    readonly payload: string;
}
/** Removes operations the server has taken, and what is known of their envelope. */
interface CompleteChange {
    readonly change: 'complete';
    readonly lane: LaneId;
    readonly members: readonly Member[];
    readonly at?: Instant;
    /** The records they created, and what the server calls them (Q12). */
    readonly made?: readonly {
        readonly local: string;
        readonly remote: string;
    }[];
    /** Stored directly behind them, in order (Q13); answered as `affected`. */
    readonly followUps?: readonly FollowUp[];
    /** Reading positions of the owner (R1, R2). */
    readonly positions?: readonly PositionRow[];
    /** Are their ids retained, so that somebody can ask? Default: false. */
    readonly retain?: boolean;
    /** What came of them, as JSON text (Q23): of an operation with a result the id is always retained. Default: none. */
    readonly results?: readonly {
        readonly id: OperationId;
        readonly result: string;
    }[];
}
/** Removes operations for a reason, which is retained. */
interface DropChange {
    readonly change: 'drop';
    readonly lane: LaneId;
    readonly members: readonly Member[];
    readonly reason: DropReason;
    readonly at: Instant;
}
/** Drops every operation of a lane but those at the given places. */
interface PurgeChange {
    readonly change: 'purge';
    readonly lane: LaneId;
    readonly except: readonly number[];
    /** Only up to this place. Default: all. */
    readonly through?: number;
    /** Only those that are marked as superseded (I8). Default: all. */
    readonly superseded?: true;
    readonly reason: DropReason;
    readonly at: Instant;
}
/**
 * Marks all that a user has pending: whoever dispatches is to drop it, but for what the server takes before
 * (I7). The mark lasts until nothing of theirs is pending, or (`discarding: false`) it is taken back. Never missed.
 */
interface DiscardLaneChange {
    readonly change: 'discardLane';
    readonly user: UserId;
    readonly discarding: boolean;
}
/** Removes one pending operation because the app says so. Missed while its outcome is unknown (Q10). */
interface CancelChange {
    readonly change: 'cancel';
    readonly id: OperationId;
    readonly at: Instant;
}
/** Makes operations dead letters. */
interface BuryChange {
    readonly change: 'bury';
    readonly lane: LaneId;
    /** With a reason where a member has one of its own. */
    readonly members: readonly (Member & {
        readonly reason?: DeadReason;
    })[];
    readonly reason: DeadReason;
    readonly status: number | null;
    readonly excerpt: string | null;
    readonly at: Instant;
    readonly attempts: number;
    readonly envelopeKey: string | null;
    /** Since when the outcome is unknown, if it is. */
    readonly unknownSince?: Instant | null;
    /** The records whose creations failed, where that is why they are dead (Q12). */
    readonly dependsOn?: readonly string[];
}
/**
 * Puts a dead letter (with its whole envelope, if its outcome is unknown) back at its place (Q9). What
 * lies behind it may be moved back to make room, so places known of there are out of date.
 */
interface ReviveChange {
    readonly change: 'revive';
    readonly id: OperationId;
    /** Never at or before these places: envelopes up to there have been sent. */
    readonly behind: readonly {
        readonly lane: LaneId;
        readonly place: number;
    }[];
    /** When; an outcome that was given up as unknown is unknown anew from here. */
    readonly at?: Instant;
    /** Takes the place of its payload (Q9). Missed while its outcome is unknown. Default: the payload stays. */
    readonly replacement?: Replacement;
}
/** A payload that the app has given instead of the stored one, and what its kind says of it. */
interface Replacement {
    readonly payload: string;
    readonly version: number;
    /** The records that the operation creates now (Q12). */
    readonly creates: readonly string[];
}
/** Removes a dead letter, or a pending operation, with its whole envelope if its outcome is unknown (Q9). */
interface DiscardChange {
    readonly change: 'discard';
    readonly id: OperationId;
    readonly at: Instant;
}
/** Gives what the anonymous identity has pending to a user, behind what that user has (I3). */
interface AdoptChange {
    readonly change: 'adopt';
    readonly user: UserId;
    /** Places of the anonymous lane that stay: they are in flight. */
    readonly except: readonly number[];
}
/** Drops the device-scoped operations of every other user (I8). */
interface SupersedeChange {
    readonly change: 'supersede';
    /** Who logged in. */
    readonly user: UserId;
    /**
     * Operations in flight, which are left until their outcome is known, and marked: they are not sent again.
     * `all`: only whoever dispatches knows which these are, and drops the others.
     */
    readonly except: readonly OperationId[] | 'all';
    readonly at: Instant;
}
/** Erases all that is stored of a user (I12). */
interface ForgetChange {
    readonly change: 'forget';
    readonly user: UserId;
    readonly at: Instant;
}
/** Records what is known of an envelope. Missed unless its first member is pending. */
interface EnvelopeChange {
    readonly change: 'envelope';
    readonly envelope: EnvelopeRow;
}
/** Dissolves a rejected envelope: operations up to this place are sent one by one (Q4). */
interface SoloChange {
    readonly change: 'solo';
    readonly lane: LaneId;
    readonly place: number;
    readonly through: number;
}
/**
 * The process that dispatches closes, and says what it leaves behind: the lanes whose head it, or one
 * before it, may have sent (Q10). Never missed.
 */
interface LeaveBehindChange {
    readonly change: 'leaveBehind';
    readonly lanes: readonly LaneId[];
}
/** A process begins to dispatch, and is told once what the last one left behind. Missed if that said nothing. */
interface TakeUpChange {
    readonly change: 'takeUp';
}
/** A deadline that covers all lanes of an origin; null lifts it. */
interface DeadlineChange {
    readonly change: 'deadline';
    readonly origin: string;
    readonly until: Instant | null;
    readonly waitMs: number;
}
/**
 * Gives the database to another origin, and erases the tokens that were stored for the former one (E6). Missed unless the
 * database belongs to `former`.
 */
interface OriginChange {
    readonly change: 'origin';
    readonly former: string;
    readonly origin: string;
}
interface IdentityChange {
    readonly change: 'identity';
    readonly user: UserId | null;
}
interface RequirementChange {
    readonly change: 'requirement';
    readonly requirement: Requirement;
}
/** A new generation of a user's token. Missed unless the stored one is `expected`. */
interface TokenChange {
    readonly change: 'token';
    readonly user: UserId;
    readonly expected: number;
    /** Missed too unless this is the stored epoch: a session that has ended is not resurrected (T11). Default: any. */
    readonly epoch?: number;
    readonly generation: number;
    readonly fingerprint: string;
    readonly expiresAt: Instant | null;
    readonly refreshAt: Instant | null;
    readonly sealed: Uint8Array | null;
}
/** The server refused this generation. Missed if it is not the current one any more (T4). */
interface RefuseTokenChange {
    readonly change: 'refuseToken';
    readonly user: UserId;
    readonly generation: number;
}
/** The session of this user ends when their lane is empty, or (`leaving: false`) goes on. */
interface LeaveChange {
    readonly change: 'leave';
    readonly user: UserId;
    readonly leaving: boolean;
}
/** The end of a session: the token is deleted and the epoch bumped (T11). */
interface EndSessionChange {
    readonly change: 'endSession';
    readonly user: UserId;
    /** Missed unless this is the stored epoch: another process has ended that session. Default: any. */
    readonly epoch?: number;
}
type Change = EnqueueChange | UpgradeChange | CompleteChange | DropChange | PurgeChange | DiscardLaneChange | CancelChange | BuryChange | ReviveChange | DiscardChange | AdoptChange | SupersedeChange | ForgetChange | EnvelopeChange | SoloChange | LeaveBehindChange | TakeUpChange | DeadlineChange | OriginChange | IdentityChange | RequirementChange | TokenChange | RefuseTokenChange | LeaveChange | EndSessionChange;
/** An operation that a change moved or removed. */
interface Affected {
    readonly id: OperationId;
    readonly lane: LaneId;
    readonly place: number;
    readonly kind: string;
    readonly user: UserId | null;
}
/** Operations of a lane moved back, to make room: those behind this place, by so much. */
interface Shift {
    readonly lane: LaneId;
    readonly after: number;
    readonly by: number;
}
type Answer = {
    readonly applied: true;
    /** The operations it concerns, where the caller cannot know them. */
    readonly affected: readonly Affected[];
    /** After an `enqueue`: nothing else of that lane is pending. */
    readonly isFirst?: true;
    /** Where the operations were: among the pending, or among the dead letters. */
    readonly from?: 'pending' | 'dead';
    /** After a `revive` or an `adopt`: what is known now of the envelopes of these lanes, if there are any. */
    readonly envelopes?: readonly EnvelopeRow[];
    /** What moved to make room, in the order it did, if anything did. */
    readonly shifts?: readonly Shift[];
    /** After a `takeUp`. */
    readonly leftBehind?: readonly LaneId[];
} | {
    readonly applied: false;
    /** Of a change that stands for itself: why it could not be stored. Left out: it missed. */
    readonly failed?: StorageErrorCode;
    /** After a `token` that missed: what is stored of this user; 0 and 0: nothing. */
    readonly stored?: {
        readonly generation: number;
        readonly epoch: number;
    };
};

/**
 * The contract of a storage, which holds the truth of the engine. A storage knows rows and conditional changes of
 * rows; it must never know why they are made. `src/simulation/storage-contract.ts` is the suite that every
 * implementation must pass.
 */

/** The state that storage answers at the start. */
interface OpenedState {
    /** True if this call created the database. */
    readonly fresh: boolean;
    readonly fingerprintKey: string;
    /** The origin that the database belongs to (E6); null: no opening has named an origin. */
    readonly origin: string | null;
    readonly identity: UserId | null;
    readonly requirement: Requirement;
    readonly lanes: readonly LaneRow[];
    readonly envelopes: readonly EnvelopeRow[];
    readonly tokens: readonly TokenRow[];
    readonly deadlines: readonly DeadlineRow[];
    /** Owners of whom an operation has been completed. Default: none. */
    readonly owners?: readonly OwnerRow[];
    /** The number of the last ending that was recorded (see {@link Endings}). */
    readonly recorded: number;
    /** True once, for a file that was copied to its place: the copy does not know what was sent since (E5). */
    readonly isCopy?: true;
    /** The place where a damaged database was set aside; this database was made in its stead. */
    readonly setAside?: string;
    /** With `setAside`: the report on the rows that were taken from the damaged database into this database. */
    readonly salvaged?: SalvageReport;
}
/** The tables of a database, as a report names them. */
type SalvagedRows = 'operations' | 'envelopes' | 'letters' | 'lanes' | 'tokens' | 'records' | 'forgotten-records' | 'positions' | 'owners' | 'outcomes' | 'deadlines' | 'meta';
/**
 * Rows of a damaged database that are missing in the new one: the row with the key `key`, or any rows there were
 * between `after` and `before` (null: from the first row, to the last row).
 */
interface MissingRows {
    readonly rows: SalvagedRows;
    /** `owner-unknown`: the row can be read, but its owner is not certain. */
    readonly why: 'unreadable' | 'owner-unknown';
    /** How many rows are missing; null: the number cannot be known. */
    readonly count: number | null;
    readonly key: string | null;
    readonly after: string | null;
    readonly before: string | null;
}
/** The result of a salvage (E2). It has numbers and keys, no payloads and no tokens. */
interface SalvageReport {
    /** How many rows of each table were kept. */
    readonly kept: Readonly<Partial<Record<SalvagedRows, number>>>;
    readonly missing: readonly MissingRows[];
    /**
     * Operations that are dead letters now (`outcome-unknown`): they may have been sent in an envelope that is no
     * longer whole.
     */
    readonly buried: readonly Affected[];
}
/**
 * The kinds whose envelopes are recorded before they are first sent (Q5), each with its merge group; null: operations
 * of the kind do not merge.
 */
type RecordedKinds = Readonly<Record<string, string | null>>;
/** The parts of the surrounding process that an implementation may use. */
interface StorageHost {
    /** Runs a function once, at the end of this turn of the event loop. */
    readonly atTurnEnd: (run: () => void) => void;
    /** Milliseconds, monotonic: bounds the time one transaction may take. */
    readonly monotonic: () => number;
    readonly wall: () => Instant;
    /** Taken as the fingerprint key of a new database. */
    readonly newFingerprintKey: string;
    /** Taken as the origin of a database that has no origin yet. Default: none. */
    readonly origin?: string;
    /** The recorded kinds, which a salvage needs. Default: any kind may be a recorded kind. */
    readonly recordedKinds?: RecordedKinds;
}
/**
 * Why commits of other processes are noticed late. `failed`: there is no watch, or it has ended. `unproved`: the
 * watch did not report a touch of this process itself. `gone`: the watched file was removed and cannot be made again.
 */
type WatchLoss = 'failed' | 'unproved' | 'gone';
interface CommitOptions {
    /**
     * True if the commit must survive a power cut before `commit` resolves. False where a lost commit costs no more
     * than one resend under the same key. Default: true.
     */
    readonly synced?: boolean;
    /**
     * True if each change stands for itself: a change that misses or fails takes no other change with it, and the
     * answer of a failed change says why (`failed`). Default: false.
     */
    readonly apart?: boolean;
}
/** Where an operation is now. */
type Whereabouts = {
    readonly state: 'pending';
    readonly row: OperationRow;
    readonly user: UserId | null;
} | {
    readonly state: 'dead';
    readonly letter: LetterRow;
    readonly user: UserId | null;
} | {
    readonly state: 'settled';
    readonly outcome: OutcomeRow;
};
/** An operation that is no longer pending, and where it is now, as `find` tells it. */
interface Settled {
    readonly id: OperationId;
    readonly found: Exclude<Whereabouts, {
        readonly state: 'pending';
    }> | null;
}
/**
 * Which of the given operations have settled, and the numbers of endings. Every ending gets the next number, but for a
 * completion that is not retained. Take an operation that was pending, or not yet enqueued, when `recorded` was n, and
 * that is gone now (`found: null`). It was completed, without a result, if `forgotten` is at most n; else its outcome is
 * no longer retained.
 */
interface Endings {
    readonly settled: readonly Settled[];
    /** The last number that was given, at the beginning of the question. */
    readonly recorded: number;
    /** The highest number whose ending is no longer retained. */
    readonly forgotten: number;
}
/** Names dead letters: those that are as each given field says. */
interface LetterFilter {
    /** Of this user, or of the anonymous identity (`null`). Default: of all owners. */
    readonly user?: UserId | null;
    readonly kind?: string;
    readonly reason?: DeadReason;
    /** Only letters behind this one, in the given order. Default: from the first. */
    readonly after?: LetterPosition;
    readonly limit: number;
    /**
     * `age`: the oldest first. `newest`: the newest first. `place`: lane by lane, each in the order of its places.
     * Default: `age`.
     */
    readonly order?: 'age' | 'newest' | 'place';
}
/** Where a dead letter stands in each order. */
interface LetterPosition {
    readonly diedAt: Instant;
    readonly lane: LaneId;
    readonly place: number;
    readonly id: OperationId;
}
/**
 * After `STORAGE_CORRUPT` and `STORAGE_GONE` from any call but `open`, the engine calls nothing but `close`, and only
 * a new opening helps (E2).
 */
interface Storage {
    /**
     * Opens the database, migrates it, and reads the state. Rejects with a {@link StorageError}; then nothing was
     * changed, and the call may be tried again. One storage serves one engine at a time: `open` rejects while the
     * storage is open, and the storage goes on as it was.
     */
    open(host: StorageHost): Promise<OpenedState>;
    /**
     * Applies the changes of one call, in order, in one transaction, and resolves after the commit. The calls of one
     * turn share a transaction, unless they cause no fsync. After a change that missed, the rest of its call is missed
     * too (unless they are `apart`), so the conditional change comes first. Rejects with a {@link StorageError}: then
     * nothing of this call was applied.
     */
    commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]>;
    /** The pending operations of a lane behind `after` (exclusive), in order of place. Sees every earlier commit. */
    window(lane: LaneId, after: number, limit: number): Promise<readonly OperationRow[]>;
    /** Where an operation is. Null: it was never stored, was completed, or is no longer retained. */
    find(id: OperationId): Promise<Whereabouts | null>;
    /**
     * The given operations that are no longer pending, in the order of the ids. However many ids are given, it is one
     * question, and does not block the thread for long.
     */
    settled(ids: readonly OperationId[]): Promise<Endings>;
    /** Dead letters that the filter names, in its order. */
    letters(filter: LetterFilter): Promise<readonly (LetterRow & {
        readonly user: UserId | null;
    })[]>;
    /** The rows of these records, by their local ids. A record that no operation creates is left out. */
    records(locals: readonly string[]): Promise<readonly RecordRow[]>;
    /** The newest reading position of an owner and key, or null. */
    position(user: UserId | null, key: string): Promise<PositionRow | null>;
    /**
     * Takes the right to dispatch this database (Q17). Answers `false` at once if another process has it. The right is
     * held until `close()`, or until the process dies.
     */
    lock(): Promise<boolean>;
    /** The state that `open` would answer now. Sees every earlier commit. */
    reload(): Promise<OpenedState>;
    /**
     * Calls the listener after commits of other processes, without polling; returns the function that stops it. `lost`
     * is called once if the system does not report such commits, or no longer does; then the listener is called late
     * (Q17).
     */
    watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void;
    /**
     * Gives back the space that a large drain or a `forget` has freed, a part in each turn, where the implementation
     * can do so.
     */
    tidy(): Promise<void>;
    /**
     * The paths of the files that damage has left beside the database, sorted. They hold the rows that could be read,
     * and the rows that could not (E2). A storage that leaves no such files answers an empty list.
     */
    filesAside(): Promise<readonly string[]>;
    /** Commits every change that was handed in, then closes the file. Later calls reject. */
    close(): Promise<void>;
}

/**
 * Every error Holdfast raises has a stable `code`; this is the one list of them. Misuse of the API is
 * a `TypeError` or `RangeError` that names the option and the value. No message holds a secret.
 */

type ErrorCode = 
/** `enqueue()` of a kind that was not given to `createHoldfast({ operations })`. */
'UNKNOWN_KIND'
/** The payload does not fit the kind's schema, or is not JSON. */
 | 'INVALID_PAYLOAD'
/** The payload is longer than `maxPayloadBytes`. */
 | 'PAYLOAD_TOO_LARGE'
/** As many operations are pending as `maxPending` allows. */
 | 'QUEUE_FULL'
/** No operation of this id is pending, dead or remembered. */
 | 'UNKNOWN_OPERATION'
/** Only a dead letter can be retried. */
 | 'NOT_RETRYABLE'
/** A member of an envelope that is in flight, or whose outcome is unknown. */
 | 'TOO_LATE'
/** A reply yielded a follow-up that names another owner. */
 | 'FOREIGN_FOLLOW_UP'
/** The requirement source failed; what was known is kept. */
 | 'REQUIREMENT_UNKNOWN'
/** Only the process that dispatches this database can do that. */
 | 'OTHER_PROCESS'
/** Code of the app threw: a listener, a kind, a port, a journal or a logger. The exception is the `cause`. */
 | 'APP_CODE_FAILED'
/** A fault in Holdfast itself: please report it, with a journal if there is one. */
 | 'INTERNAL'
/** The subject claim of the token names another user, or no user. */
 | 'AUTH_USER_MISMATCH'
/** The server refused a token that was obtained because it refused the one before. */
 | 'AUTH_REFRESH_FAILED'
/** The token source threw, or gave no answer in time. */
 | 'AUTH_SOURCE_FAILED'
/** The server answered 401. */
 | 'AUTH_TOKEN_REFUSED'
/** A read of the anonymous identity, under `required`. */
 | 'AUTH_ANONYMOUS'
/** A transport says that no byte of the request has left. */
 | 'NOT_SENT'
/** A read got no reply, or one that is no answer. */
 | 'READ_FAILED'
/** The identity changed before a read was answered. */
 | 'READ_CANCELLED'
/** The token source said that only the user can help. */
 | 'AUTH_DENIED'
/** A sealed token can not be opened any more. */
 | 'AUTH_VAULT_UNREADABLE'
/** The vault can not be used just now. */
 | 'AUTH_VAULT_UNAVAILABLE'
/** A journal's decisions and those of this version differ. */
 | 'REPLAY_DIVERGED'
/** The file is not a journal this version can read. */
 | 'JOURNAL_INVALID'
/** A scenario file is malformed. */
 | 'SCENARIO_INVALID'
/** The database file is a copy: a restored backup, say. What was sent since then is sent again. */
 | 'STORAGE_COPIED'
/** Commits of other processes are noticed late: the file system does not tell of them. */
 | 'WATCH_LOST' | StorageErrorCode;
interface HoldfastErrorOptions extends ErrorSubject {
    readonly cause?: unknown;
    /** Can the same call succeed later, unchanged? Default: false. */
    readonly retryable?: boolean;
}
/** The subject of an error, as far as its message names it. */
interface ErrorSubject {
    readonly operationId?: OperationId;
    readonly user?: UserId;
    /** The option of `createHoldfast()` that decided, such as `maxPending`. */
    readonly option?: string;
    /** The value of that option, where it is a limit. */
    readonly limit?: number;
    /** The status of the reply, where it decided. */
    readonly status?: number;
}
/** The base of every error of Holdfast. */
declare class HoldfastError extends Error {
    readonly name: string;
    readonly code: ErrorCode;
    readonly retryable: boolean;
    readonly operationId?: OperationId;
    readonly user?: UserId;
    /** The option of `createHoldfast()` that decided, such as `maxPending`. */
    readonly option?: string;
    /** The value of that option, where it is a limit. */
    readonly limit?: number;
    /** The status of the reply, where it decided: of a `read()` that was answered so. */
    readonly status?: number;
    constructor(code: ErrorCode, message: string, { cause, retryable, ...subject }?: HoldfastErrorOptions);
}
/** To be thrown by a token source: asking again is no use, the user must sign in (T6). */
declare class TokenDeniedError extends HoldfastError {
    readonly name = "TokenDeniedError";
    constructor(message?: string, cause?: unknown);
}
/** To be thrown by a vault: what it sealed can never be opened again (T1). */
declare class VaultUnreadableError extends HoldfastError {
    readonly name = "VaultUnreadableError";
    constructor(message?: string, cause?: unknown, user?: UserId);
}
interface NotSentErrorOptions {
    /** The system's name of the failure, such as `ECONNREFUSED`. Default: the `code` of the cause, if it has one. */
    readonly reason?: string;
    readonly cause?: unknown;
}
/**
 * To be thrown by a transport if no byte of the request has left: the connection was refused, the name was not
 * resolved, the connection was not made in time, the certificate was not accepted. The outcome is then `unsent`.
 * Every other error of a transport means that the request may have arrived: `unknown` (Q6).
 */
declare class NotSentError extends HoldfastError {
    readonly name = "NotSentError";
    /** The system's name of the failure, such as `ECONNREFUSED` or `ENOTFOUND`; null if it has none. */
    readonly reason: string | null;
    constructor(message?: string, { reason, cause }?: NotSentErrorOptions);
}

interface Failure {
    /** The name of the error, such as `NotSentError` or `TypeError`. */
    readonly name: string;
    /** The system's name of the failure, such as `ECONNREFUSED`, or `TIMEOUT`; null: the error has none. */
    readonly code: string | null;
    /** Redacted, and at most 256 characters. */
    readonly message: string;
}

/** What the app hears, each after the commit that made it true. */

interface OperationDetail {
    readonly id: OperationId;
    /** Its owner; null: the anonymous identity. */
    readonly user: UserId | null;
    readonly kind: string;
}
interface LaneDetail {
    readonly user: UserId | null;
    readonly hold: HoldName;
}
interface HoldfastEvents {
    'operation.enqueued': OperationDetail;
    'operation.sent': OperationDetail;
    /** It will be sent again, not before `retryAt`. */
    'operation.retrying': OperationDetail & {
        /** `unsent`: no byte of the request has left; `unknown`: the request may have arrived. */
        readonly outcome: 'retry' | 'unknown' | 'unsent';
        /** The status of the reply; null: there was none. */
        readonly status: number | null;
        /** Why there was no reply; null: there was one. */
        readonly error: Failure | null;
        readonly attempts: number;
        readonly retryAt: Instant;
    };
    'operation.completed': OperationDetail & {
        /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
        readonly result?: unknown;
    };
    'operation.dropped': OperationDetail & {
        readonly reason: DropReason;
    };
    'operation.cancelled': OperationDetail;
    'operation.dead': OperationDetail & {
        readonly reason: DeadReason;
        readonly status: number | null;
    };
    /**
     * This user needs a fresh token, and the app itself must act: answer with `updateToken()`. It is told to late
     * listeners too, and told again by a login, the return of the network, a wake from sleep, and work of the user (T5).
     */
    'token.needed': {
        readonly user: UserId;
        readonly reason: TokenNeedReason;
        /** The generation that the server refused, where it did. */
        readonly generation: number | null;
    };
    'token.updated': {
        readonly user: UserId;
        readonly generation: number;
    };
    'token.refused': {
        readonly user: UserId;
        readonly generation: number;
    };
    'token.refreshFailed': {
        readonly user: UserId;
        readonly error: HoldfastError;
    };
    'identity.changed': {
        readonly user: UserId | null;
        readonly former: UserId | null;
    };
    'requirement.changed': {
        readonly requirement: Requirement;
        readonly suspected: boolean;
    };
    'lane.held': LaneDetail & {
        readonly cause: string;
        readonly since: Instant;
    };
    'lane.released': LaneDetail;
    'queue.paused': Record<never, never>;
    'queue.resumed': Record<never, never>;
    /** Nothing is pending any more. */
    'queue.drained': Record<never, never>;
    /** The token of the read was refused, and the read is sent again with a newer one (R3). */
    'read.deferred': {
        readonly id: OperationId;
        readonly user: UserId | null;
    };
    'read.completed': {
        readonly id: OperationId;
        readonly user: UserId | null;
    };
    error: {
        readonly error: HoldfastError;
        /** After a damaged database was set aside: which rows were kept, and which are missing. */
        readonly salvaged?: SalvageReport;
    };
}
type EventName = keyof HoldfastEvents;

/** The way to the server: one request out, one reply back. */

/** One request. It carries no credential: that comes beside it, so that logging a request is safe. */
interface OutgoingRequest {
    readonly method: string;
    /** From the root of the origin, with the query: `/users/alice/notes?draft=1`. */
    readonly path: string;
    /** Lower-case names; with `idempotency-key`, without `authorization`. */
    readonly headers: Readonly<Record<string, string>>;
    /** JSON text, or null: no body. */
    readonly body: string | null;
    readonly kind: string;
    readonly user: UserId | null;
    /** The operations it carries, in order. */
    readonly operations: readonly OperationId[];
}
interface SendOptions {
    /** The bearer token, or null: the request goes unsigned. */
    readonly token: string | null;
    /**
     * Aborted when the time for the reply is over (the reason is a `TimeoutError` then), or the engine closes. The
     * transport should settle at once then: with the cut reply, if it has a status, or with the error that is true.
     */
    readonly signal: AbortSignal;
}
interface Reply {
    readonly status: number;
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** True if this is only the beginning of the body, or the headers are not whole: the status decides (Q6). Default: false. */
    readonly isCut?: boolean;
}
/**
 * Sends one request, once. Resolves with any reply of the server whose status has arrived, also if the rest of it could
 * not be read (`isCut`). Rejects with `NotSentError` if no byte of the request has left; with any other error if there
 * was no reply (Q6).
 */
interface Transport {
    /** Scheme, host and port: deadlines that a server sets hold for all of it. */
    readonly origin: string;
    send(request: OutgoingRequest, options: SendOptions): Promise<Reply>;
    /**
     * The machine was asleep, or the network was gone: connections that are open and idle may be dead. Called before the next
     * `send()`, which should go over a new connection. Requests in flight are left alone: they end by themselves. It must
     * return at once. Left out: the transport keeps no connection open, or looks after that itself.
     */
    renewConnections?(): void;
}

/** The Standard Typed interface. This is a base type extended by other specs. */
interface StandardTypedV1<Input = unknown, Output = Input> {
    /** The Standard properties. */
    readonly "~standard": StandardTypedV1.Props<Input, Output>;
}
declare namespace StandardTypedV1 {
    /** The Standard Typed properties interface. */
    interface Props<Input = unknown, Output = Input> {
        /** The version number of the standard. */
        readonly version: 1;
        /** The vendor name of the schema library. */
        readonly vendor: string;
        /** Inferred types associated with the schema. */
        readonly types?: Types<Input, Output> | undefined;
    }
    /** The Standard Typed types interface. */
    interface Types<Input = unknown, Output = Input> {
        /** The input type of the schema. */
        readonly input: Input;
        /** The output type of the schema. */
        readonly output: Output;
    }
    /** Infers the input type of a Standard Typed. */
    type InferInput<Schema extends StandardTypedV1> = NonNullable<Schema["~standard"]["types"]>["input"];
    /** Infers the output type of a Standard Typed. */
    type InferOutput<Schema extends StandardTypedV1> = NonNullable<Schema["~standard"]["types"]>["output"];
}
/** The Standard Schema interface. */
interface StandardSchemaV1<Input = unknown, Output = Input> {
    /** The Standard Schema properties. */
    readonly "~standard": StandardSchemaV1.Props<Input, Output>;
}
declare namespace StandardSchemaV1 {
    /** The Standard Schema properties interface. */
    interface Props<Input = unknown, Output = Input> extends StandardTypedV1.Props<Input, Output> {
        /** Validates unknown input values. */
        readonly validate: (value: unknown, options?: StandardSchemaV1.Options | undefined) => Result<Output> | Promise<Result<Output>>;
    }
    /** The result interface of the validate function. */
    type Result<Output> = SuccessResult<Output> | FailureResult;
    /** The result interface if validation succeeds. */
    interface SuccessResult<Output> {
        /** The typed output value. */
        readonly value: Output;
        /** A falsy value for `issues` indicates success. */
        readonly issues?: undefined;
    }
    interface Options {
        /** Explicit support for additional vendor-specific parameters, if needed. */
        readonly libraryOptions?: Record<string, unknown> | undefined;
    }
    /** The result interface if validation fails. */
    interface FailureResult {
        /** The issues of failed validation. */
        readonly issues: ReadonlyArray<Issue>;
    }
    /** The issue interface of the failure output. */
    interface Issue {
        /** The error message of the issue. */
        readonly message: string;
        /** The path of the issue, if any. */
        readonly path?: ReadonlyArray<PropertyKey | PathSegment> | undefined;
    }
    /** The path segment interface of the issue. */
    interface PathSegment {
        /** The key representing a path segment. */
        readonly key: PropertyKey;
    }
    /** The Standard types interface. */
    interface Types<Input = unknown, Output = Input> extends StandardTypedV1.Types<Input, Output> {
    }
    /** Infers the input type of a Standard. */
    type InferInput<Schema extends StandardTypedV1> = StandardTypedV1.InferInput<Schema>;
    /** Infers the output type of a Standard. */
    type InferOutput<Schema extends StandardTypedV1> = StandardTypedV1.InferOutput<Schema>;
}

/** The type of a payload as it is stored: as JSON. A `Date` is a text there, and a field of a class instance a plain field. */

/** The type of a value after `JSON.stringify()` and `JSON.parse()`. */
type AsJson<Value> = Value extends string | number | boolean | null | undefined ? Value : Value extends {
    toJSON(): infer Made;
} ? AsJson<Made> : Value extends object ? {
    [Key in keyof Value]: AsJson<Value[Key]>;
} : Value;
/** The output of the schema as JSON, or its input where the schema does not take its own output again (Q14). */
type StoredPayload<Schema extends StandardSchemaV1> = AsJson<StandardSchemaV1.InferOutput<Schema>> | AsJson<StandardSchemaV1.InferInput<Schema>>;

/** How an app says what its operations are: one definition per kind. */

/** The request that carries an operation to the server. */
interface RequestSpec {
    readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
    /**
     * Comes behind the path of the transport's `baseUrl`: `/users/alice/notes`. It begins with one slash and has no `?`,
     * `#`, backslash, white space or control character, and no segment `.` or `..` (Q6). The tag `path` makes one from
     * parts.
     */
    readonly path: string;
    /** The parameters, behind the path. */
    readonly query?: Readonly<Record<string, string>>;
    /** Anything JSON; left out: no body. */
    readonly body?: unknown;
    /** Further headers, of Latin-1. `authorization` and `idempotency-key` are Holdfast's. */
    readonly headers?: Readonly<Record<string, string>>;
}
/**
 * The server's ids of records, for a request (Q12). If an operation created a record under a local id, its server's id is
 * the translation of that id by a reply. Any other id is the server's own id, and is answered unchanged.
 */
interface RecordLookups {
    /**
     * The server's id of a record that the request requires.
     *
     * @throws Error if the creation of the record failed. Such a record is an optional need: use `optionalRecord()`.
     */
    readonly record: (id: string) => string;
    /** The server's id of a record that the request can do without. Null: the creation of the record failed. */
    readonly optionalRecord: (id: string) => string | null;
}
interface RequestInput<Payload> extends RecordLookups {
    readonly payload: Payload;
    readonly owner: Owner;
    readonly id: OperationId;
}
/** What a reply means. */
interface Interpretation {
    readonly outcome: Exclude<Outcome, 'unknown' | 'unsent'>;
    /** Why it is `rejected`, where there is more to say. */
    readonly reason?: 'conflict';
    /** Of `accepted`: the server's ids of records the operation created, by local id (Q12). */
    readonly translations?: Readonly<Record<string, string>>;
    /** Of `accepted`: operations of the same owner that come directly behind this one (Q13). */
    readonly followUps?: readonly FollowUpDraft[];
    /** Of `accepted`: what a read must name to see this write (R1). */
    readonly readingPosition?: ReadingPosition;
    /**
     * Of `accepted`: what came of the operation, as JSON, at most 64 KiB (Q23). It is in the settlement, in
     * `operation.completed` and in `operation(id)`. Of an envelope of several members: what came of each member that
     * `results` does not name. A result that is too large, or no JSON, is left out and reported.
     */
    readonly result?: unknown;
    /** Of `accepted`, for an envelope of several members: what came of each, by its id. */
    readonly results?: Readonly<Record<string, unknown>>;
}
interface ReadingPosition {
    readonly token: string;
    /** How long after this reply a read waits, in milliseconds. Default: 500. */
    readonly delayMs?: number;
    /** Which reads it is for. Default: all that name no key. */
    readonly key?: string;
}
/** A kind's word about the body of a 2xx: JSON, anything at all (HTML too), or null: neither is declared (Q6). */
type DeclaredReply = 'json' | 'any' | null;
interface InterpretContext<Payload = unknown> {
    readonly owner: Owner;
    /** The members of the envelope, in their order, with their payloads as the schema answers them. */
    readonly operations: readonly {
        readonly id: OperationId;
        readonly payload: Payload;
    }[];
    /** The word of the kind about its replies; null: it declares nothing. */
    readonly reply: DeclaredReply;
    /** Was the outcome of an earlier attempt of this envelope unknown? */
    readonly afterUnknown: boolean;
}
/** How neighbours of a kind become one request (Q4). */
interface MergeSpec<Payload> {
    /** Kinds of one group merge with each other. Default: the kind itself. */
    readonly group?: string;
    /** Only operations with the same key merge. */
    readonly key: (payload: Payload) => string;
    /** One request for all of them, or null: none is needed, all are completed at once. */
    readonly combine: (payloads: readonly Payload[], input: MergeInput) => RequestSpec | null;
}
interface MergeInput extends RecordLookups {
    readonly owner: Owner;
    /** Which operations the payloads are of, in the same order. */
    readonly operations: readonly {
        readonly id: OperationId;
        readonly kind: string;
    }[];
}
/** The records an operation uses, by local id (Q12). */
interface RecordNeeds {
    /** Without these it is dead. */
    readonly required?: readonly string[];
    /** Without these it is sent all the same. */
    readonly optional?: readonly string[];
}
type Upgrade = (payload: unknown, fromVersion: number) => unknown;
/** By the version that a step begins with. */
type UpgradeSteps = Readonly<Record<number, (payload: unknown) => unknown>>;
/** All that a kind says of itself but its schema. */
interface KindSpec<Payload, Kind extends string = string> {
    /** Names the kind in storage: never reuse it for something else. */
    readonly kind: Kind;
    /** Makes the request. It must be pure: after an unknown outcome it is sent again, unchanged (Q5). */
    readonly request: (input: RequestInput<Payload>) => RequestSpec;
    /** A whole number, from 1. Default: 1. */
    readonly version?: number;
    /**
     * The body of a 2xx (Q6). `json`: JSON or nothing; any other body makes the outcome `retry`. `any`: anything, also
     * an HTML page. Left out: every 2xx is `accepted`. Unless `any` is declared, an HTML page is a captive portal's.
     */
    readonly reply?: 'json' | 'any';
    /** Judges a reply (Q6). It must be pure. Default: `interpretReply`. */
    readonly interpret?: (reply: Reply, context: InterpretContext<Payload>) => Interpretation;
    readonly merge?: MergeSpec<Payload>;
    /**
     * Dropped, with reason `expired`, if it was not sent within so many milliseconds: of the monotonic clock and of sleep while
     * the process lives, of the wall clock across a restart (Q8). Default: never.
     */
    readonly expiresInMs?: number;
    /**
     * Brings a stored payload of an older version to this one (Q14). The result is stored. A map has one step for each
     * older version, which brings its payload to the next version: `{ 1: (payload) => …, 2: (payload) => … }`. Without
     * this, and for a version that the map leaves out, such a payload is `unreadable`.
     */
    readonly upgrade?: Upgrade | UpgradeSteps;
    /** The local ids of the records it creates (Q12). If it throws, `enqueue()` rejects with `APP_CODE_FAILED`. */
    readonly creates?: (payload: Payload) => readonly string[];
    /** The records it uses (Q12). If it throws, `enqueue()` rejects with `APP_CODE_FAILED`. */
    readonly needs?: (payload: Payload) => RecordNeeds;
    /** Is it of no use once another user has logged in on this device? (I8) Default: false. */
    readonly deviceScoped?: boolean;
    /**
     * At a logout, what is enqueued for the leaving user, before the switch: a payload, or null (I7). The schema must
     * answer at once. If it throws, or the payload does not fit, an `error` event tells, and the logout goes on.
     */
    readonly onLogout?: (owner: Owner) => unknown;
    /**
     * How long the server remembers idempotency keys, in milliseconds. An unknown outcome older than
     * that is not sent again blindly: it becomes a dead letter, `outcome-unknown` (Q5). Default: for ever.
     */
    readonly idempotencyWindowMs?: number;
}
interface OperationSpec<Schema extends StandardSchemaV1, Kind extends string = string> extends KindSpec<StandardSchemaV1.InferOutput<Schema>, Kind> {
    /**
     * Any Standard Schema (zod, valibot, arktype, …). It runs at `enqueue()`, and its output is stored, as JSON, so that
     * defaults are drawn once; if the schema does not take that output again, its input is stored (Q14).
     */
    readonly payload: Schema;
}
/** A kind whatever its payload. */
interface AnyOperationKind {
    readonly kind: string;
    readonly spec: KindSpec<never> & {
        readonly payload: StandardSchemaV1;
    };
}
/** An operation the app wants: what `enqueue()` takes. */
interface OperationDraft<Kind extends string = string, Payload = unknown> {
    readonly kind: Kind;
    readonly payload: Payload;
    /** For this operation only, in milliseconds. Default: that of its kind. */
    readonly expiresInMs?: number;
}
/** An operation that a reply yields. It belongs to the owner of the one it follows, and to nobody else. */
interface FollowUpDraft extends OperationDraft {
    /** May say so; naming another owner is an error. */
    readonly owner?: Owner;
}
interface DraftOptions {
    /** For this operation only. */
    readonly expiresInMs?: number;
}
/** The drafts of these kinds: a union of one draft type for each kind. */
type DraftOf<Kinds extends AnyOperationKind> = Kinds extends {
    readonly kind: infer Kind extends string;
    readonly spec: {
        readonly payload: infer Schema extends StandardSchemaV1;
    };
} ? OperationDraft<Kind, StandardSchemaV1.InferInput<Schema>> : never;
/** What the app reads of an operation of a known kind. `Info`: its type before the kind was known. */
type InfoOf<Info, Kind extends string, Schema extends StandardSchemaV1> = Info extends {
    readonly kind: string;
} ? Info & {
    readonly kind: Kind;
} & (Info extends {
    readonly payload: unknown;
} ? {
    readonly payload: StoredPayload<Schema>;
} : object) : never;
/** A kind, and the function that makes drafts of it. */
interface OperationKind<Schema extends StandardSchemaV1, Kind extends string = string> {
    (payload: StandardSchemaV1.InferInput<Schema>, options?: DraftOptions): OperationDraft<Kind, StandardSchemaV1.InferInput<Schema>>;
    readonly kind: Kind;
    readonly spec: OperationSpec<Schema, Kind>;
    /**
     * True if this is an operation of this kind: one that the engine answers, or the detail of an event. Its payload then
     * has a type. An operation that is stored in another version of the kind has another payload, so for it this is false.
     *
     * ```ts
     * for (const letter of (await holdfast.deadLetters()).items) {
     *   if (addNote.is(letter)) console.log(letter.payload.text)
     * }
     * ```
     */
    is<Info extends object>(info: Info | null): info is InfoOf<Info, Kind, Schema>;
}
/**
 * Defines a kind of operation.
 *
 * ```ts
 * const addNote = defineOperation({
 *   kind: 'note',
 *   payload: z.object({ text: z.string() }),
 *   request: ({ payload, owner }) => ({ method: 'POST', path: path`/users/${owner.user}/notes`, body: payload }),
 * })
 * ```
 *
 * @throws TypeError where a part is missing or of the wrong type.
 */
declare function defineOperation<Schema extends StandardSchemaV1, const Kind extends string>(spec: OperationSpec<Schema, Kind>): OperationKind<Schema, Kind>;

/** What becomes of the operations of the anonymous identity (I3). The identity machine and the engine both ask here. */

/** The option `anonymous`: what becomes of anonymous operations once the server demands identity verification. */
type AnonymousPolicy = 'drop' | 'hold' | 'adopt';

type UnknownPolicy = 'hold' | 'send';

/** The logger of the app, as Holdfast calls it. It decides nothing: the engine works alike without it. */
/** From what only a developer wants to what needs a person. */
type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/**
 * Where log lines go. `console`, a pino logger and electron-log fit as they are.
 *
 * Each call has one argument, a text such as
 * `holdfast operation.retrying id=1.s.x user=alice kind=note outcome=retry status=503 attempts=2`. It is the one call that
 * means the same to all of them: pino takes `(object, message)`, `console` and electron-log take `(message, ...values)`,
 * and each of them writes a text without further arguments as it is.
 *
 * A logger is called after the work that a line tells of, outside of the engine. If a method throws, or answers a
 * promise that rejects, the app gets one event `error` (`APP_CODE_FAILED`); the logger is still called, because a full
 * disk may have room later.
 *
 * @example
 * ```ts
 * import { createHoldfast, type HoldfastOptions } from 'holdfast'
 *
 * declare const options: HoldfastOptions
 *
 * const holdfast = await createHoldfast({ ...options, logger: console })
 * ```
 */
interface Logger {
    debug(message: string): void;
    info(message: string): void;
    warn(message: string): void;
    error(message: string): void;
    /** False: no line of this level is made. Left out: every line is made. pino has this method. */
    isLevelEnabled?(level: LogLevel): boolean;
}

/** An armed timer. */
interface Timer {
    cancel(): void;
}
interface Clock {
    /** Wall-clock time, in milliseconds since 1970; a fraction is cut off. It may jump. */
    wall(): Instant;
    /** Milliseconds since some moment. It never jumps. */
    monotonic(): number;
    /**
     * Milliseconds since some moment, the sleep of the machine included. It never jumps, and is exact to 0.1 s. Needed where
     * `monotonic()` stands still in sleep, for `expiresInMs` (Q8). Default: `monotonic()`, and each noticed wake adds what
     * the wall clock is ahead; then a sleep that nothing notices does not count.
     */
    uptime?(): number;
    /** Calls `run` once, after so many milliseconds of monotonic time; any length is fine. */
    after(delayMs: number, run: () => void): Timer;
    /** Calls `run` once, at the end of this turn of the event loop. */
    atTurnEnd(run: () => void): void;
}
/** The clock of the machine. */
declare const systemClock: Clock;

/** What the machine underneath tells: is there a network, is it about to sleep. */
type PlatformEvent = 'online' | 'offline' | 'suspended' | 'resumed';
interface Platform {
    isOnline(): boolean;
    /** Calls the listener at each change; answers how to stop. */
    subscribe(listener: (event: PlatformEvent) => void): () => void;
}

/** An answer that breaks these rules is replaced by one of the machine's own randomness. */
interface Random {
    /** At least 0, less than 1. */
    fraction(): number;
    /** Unguessable and never the same twice; letters, digits, `-` and `_`. */
    nonce(): string;
}
/** The randomness of the machine. */
declare function systemRandom(): Random;

/** Where fresh tokens come from, if the app lets Holdfast ask (T6). */

interface TokenRequest {
    readonly user: string;
    readonly reason: TokenNeedReason;
    /** Aborted when the session of the user ends, at `close()`, and without an answer for 60 s. */
    readonly signal: AbortSignal;
}
/**
 * Answers with a token; or with `null`, or throws {@link TokenDeniedError}, where only the user can
 * help; or throws anything else where none is to be had just now. An answer is used, also a late one, unless a newer
 * token has come since the call began (T6).
 */
type TokenSource = (request: TokenRequest) => string | null | Promise<string | null>;

interface Vault {
    /** `secret`: a text of Holdfast's, of a token and of what it is for. `unseal` must give it back as it is. */
    seal(secret: string): Uint8Array | Promise<Uint8Array>;
    /**
     * Throws {@link VaultUnreadableError} where this can never be opened again: the user must sign in.
     * Any other error means that the vault is not available just now.
     */
    unseal(sealed: Uint8Array): string | Promise<string>;
}
/**
 * A vault whose key (32 bytes, AES-256-GCM) is in memory: made anew unless one is given, say from the
 * system's keychain.
 */
declare function memoryVault(key?: Uint8Array): Vault;

/** The options of `createHoldfast`, and how they are checked once, at the door. */

/** How long to wait after an attempt that failed for now (Q7). */
interface BackoffOptions {
    /** The first wait, in milliseconds. Default: 1000. */
    readonly baseMs?: number;
    /** The longest wait, in milliseconds. Default: 300000 (5 min). */
    readonly capMs?: number;
    /** Full jitter: a random wait between 0 and the computed one. Default: true. */
    readonly jitter?: boolean;
}
/** The options of `createHoldfast()`. At least one of `requirement` and `requirementSource` must be given. */
type HoldfastOptions<Kinds extends AnyOperationKind = AnyOperationKind> = CommonOptions<Kinds> & RequirementOptions;
/** How the engine learns the requirement of the server. Without either option nothing would ever be sent. */
interface RequirementOption {
    /**
     * Does the server demand identity verification? `required` and `off` are asserted now; `unknown`
     * means: as last stored, else nothing is sent until `setRequirement()` (I2).
     */
    readonly requirement?: Requirement;
    /**
     * Asked at the start, and when a 401 makes the requirement doubtful (I2). A failure, or no answer for
     * 60 s, keeps what is known.
     */
    readonly requirementSource?: RequirementSource;
}
type RequirementOptions = RequirementOption & (Required<Pick<RequirementOption, 'requirement'>> | Required<Pick<RequirementOption, 'requirementSource'>>);
/** Each option but `requirement` and `requirementSource`. */
interface CommonOptions<Kinds extends AnyOperationKind> {
    readonly storage: Storage;
    readonly transport: Transport;
    /** Every kind that is or may still be stored. */
    readonly operations: readonly Kinds[];
    /** Called when a user needs a fresh token (T6). Left out: the app pushes with `updateToken()`. */
    readonly tokenSource?: TokenSource;
    /**
     * Calls of the token source in flight at once, over all users (T6): a start with many users must not flood
     * the issuer. The others wait in line. Default: 16.
     */
    readonly maxSourceCalls?: number;
    /**
     * Origins that the database may have belonged to before: the server has moved. A database belongs to the origin of the
     * transport that first opened it, and an opening with another one rejects with `ORIGIN_CHANGED` (E6). If the origin of
     * the database is named here, its operations go to the new origin from now on, and tokens for the former one are
     * erased: each user needs a new token (`missing`). All loopback origins count as one. Default: `[]`.
     */
    readonly formerOrigins?: readonly string[];
    /** Keeps tokens over a restart, sealed (T1). Left out: they are kept in memory only. */
    readonly vault?: Vault;
    /**
     * The JWT claim that must name the user of each token (T2): its name, such as `sub`, or a path, such as
     * `identity.external_id`. Default: no claim is looked at.
     */
    readonly subjectClaim?: string;
    /** What lanes do while the requirement is unknown (I2). Default: `hold`. */
    readonly whileUnknown?: UnknownPolicy;
    /** What becomes of anonymous operations under `required` (I3). Default: `drop`. */
    readonly anonymous?: AnonymousPolicy;
    /** Does a lane go on after a dead letter? (Q9) Default: `continue`. */
    readonly onDead?: 'continue' | 'hold';
    /** Requests in flight at once, over all lanes (Q3). Default: 4. */
    readonly concurrency?: number;
    /** Counted outcomes after which an operation is dead (Q8). Default: 12. */
    readonly maxAttempts?: number;
    /** And not before so many milliseconds after its first attempt (Q8). Default: 3600000 (1 h). */
    readonly patienceMs?: number;
    /** Operations pending at most, over all lanes (Q16). Default: 1000000. */
    readonly maxPending?: number;
    /** The longest payload, in bytes of its JSON (Q16). Default: 262144 (256 KiB). */
    readonly maxPayloadBytes?: number;
    /** How long a ready head waits for neighbours to merge with, in milliseconds (Q4). Default: 0. */
    readonly batchWindowMs?: number;
    /** Are the ids of completed operations retained too, for `operation(id)`? (7 days, at most 10,000.) Default: false. */
    readonly retainCompleted?: boolean;
    readonly backoff?: BackoffOptions;
    /** Without a reply for so many milliseconds the outcome is unknown (Q6). Default: 30000. */
    readonly replyTimeoutMs?: number;
    /**
     * The network and the power of the machine. Until it tells `resumed` for the first time, waking is noticed by an alarm
     * that comes too late (Q18). Default: always online, never asleep.
     */
    readonly platform?: Platform;
    /** Where to record the run, so that it can be replayed. Default: nowhere. */
    readonly journal?: JournalSink;
    /** Where to write one line per decision: `console`, a pino logger, electron-log, `consoleLogger()`. Default: nowhere. */
    readonly logger?: Logger;
    /**
     * Are user ids replaced in the log by the pseudonyms that a journal with `pseudonyms` has for this database? Messages of
     * errors, which may name a user, are left out then. Default: false.
     */
    readonly logPseudonyms?: boolean;
    readonly clock?: Clock;
    readonly random?: Random;
}
/** Says what the server demands, say from a remote configuration. */
type RequirementSource = () => Requirement | Promise<Requirement>;

/** What the channel `holdfast.attempt` tells: plain data, without a token, a payload or a text of a server (E6). */

/** The facts of an attempt, as they are when the request leaves. */
interface AttemptFacts {
    /** The operations of the envelope, in their order. */
    readonly operations: readonly OperationId[];
    /** The kind of the first operation. */
    readonly kind: string;
    /** The owner; null: the anonymous identity. */
    readonly user: UserId | null;
    /** The idempotency key, as the server gets it. */
    readonly key: string;
    /** The number of the attempt, from 1. It grows with each outcome that makes the envelope wait. */
    readonly attempt: number;
    /** The generation of the token; null: the request is unsigned. */
    readonly generation: number | null;
}
/** How an attempt ended. */
interface AttemptResult {
    /**
     * Null: the attempt has no outcome, because a captive portal answered, the operations were erased (`forget()`), the engine
     * closed, or the engine failed inside.
     */
    readonly outcome: Outcome | null;
    /** The status of the reply; null: there was no reply. */
    readonly status: number | null;
    /** From the call of the transport to the outcome, in milliseconds of the monotonic clock. */
    readonly durationMs: number;
}
/** Why there was no reply: the names of an error where they are plain words, never its text (E6). */
interface AttemptError {
    readonly name: string;
    /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: it has none. */
    readonly code: string | null;
}
/**
 * The message of `holdfast.attempt`. All five channels of one attempt get the same object, so a subscriber may keep its own
 * data under it (in a WeakMap, or as a property of its own). The facts are read-only and frozen.
 */
interface AttemptMessage extends AttemptFacts {
    /** From `asyncStart` on. */
    readonly result?: AttemptResult;
    /** From `error` on, if there was no reply. */
    readonly error?: AttemptError;
}

/** The types of the object that `status()` answers: frozen and plain, and the same object until something changes. */

/** A hold of a lane, and until when it lasts. */
interface HoldStatus extends Hold {
    /**
     * When the engine lifts the hold by itself, or tries again by itself: the end of a wait (`backing-off`,
     * `rate-limited`), of the longest time of `suspended`, or, for `awaiting-token`, the time of the token or of the next
     * call of the token source. Null: it does not end by a time, or the time is not known.
     */
    readonly until: Instant | null;
}
interface LaneStatus {
    /** Null: the anonymous lane. */
    readonly user: UserId | null;
    readonly pending: number;
    /** True if a request of the lane is in flight, or about to be. */
    readonly sending: boolean;
    /** The reasons why the lane may not send; empty: nothing stops it. */
    readonly holds: readonly HoldStatus[];
    /** When the head of the lane was enqueued; null before the lane was read. */
    readonly headEnqueuedAt: Instant | null;
    /** Attempts of the head that failed for now. */
    readonly attempts: number;
    /** Token generations that were refused on the head (T4). */
    readonly refusedTokens: number;
    /** Why the last attempt of the head failed; null: no attempt has failed. The failure survives a restart. */
    readonly lastFailure: LaneFailure | null;
    /**
     * The end of the wait of the head (Q7), by the wall clock as it was at the last change of the status. Null: the head
     * does not wait for an attempt of its own; a wait of every lane is in `holds`.
     */
    readonly retryAt: Instant | null;
}
/** Why an attempt failed (Q22). */
interface LaneFailure {
    readonly at: Instant;
    /** The status of the reply; null: there was no reply. */
    readonly status: number | null;
    /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: there was a reply. */
    readonly code: string | null;
}
/** The lanes of one owner in short (Q22). */
interface OwnerStatus {
    /** Null: the anonymous identity. */
    readonly user: UserId | null;
    readonly pending: number;
    /** Requests in flight, or about to be. */
    readonly sending: number;
    /** Dead letters. */
    readonly dead: number;
    /**
     * When an operation of the owner was last completed. It survives a restart, and is stored to the second. A process that
     * does not dispatch learns it when it reads the stored state anew. Null: none was completed, as far as is stored.
     */
    readonly lastCompletedAt: Instant | null;
    /** The newest failure of its lanes; null: no head of its lanes has failed. */
    readonly lastFailure: LaneFailure | null;
}
interface TokenNeedStatus {
    readonly user: UserId;
    readonly reason: TokenNeedReason;
    /** The generation that was refused; null: no generation was refused. */
    readonly generation: number | null;
    /** Why the last refresh failed, since the last new token of the user. Left out: none has failed in this process. */
    readonly lastFailure?: TokenFailure;
}
/** Why a token was not refreshed (T6, T8). */
interface TokenFailure {
    readonly at: Instant;
    readonly code: ErrorCode;
    /** The system's name of the failure of the token source, such as `ECONNREFUSED`; null: it has none. */
    readonly reason: string | null;
}
/**
 * Counts of the events of this engine since `createHoldfast()`. They begin at 0 with each engine and are not stored. Where
 * several processes have one file open, each process counts only its own events: the process that dispatches counts the
 * ends of operations, and the sum over all processes counts each end once.
 */
interface Totals {
    /** Operations that were completed. */
    readonly accepted: number;
    /** Times that an operation has to be sent again after a wait: each event `operation.retrying`. A 401 does not count. */
    readonly retried: number;
    /** Operations that became dead letters, by reason; a reason that has not occurred is 0. */
    readonly dead: Readonly<Record<DeadReason, number>>;
    /** New tokens of any user, from the token source or from the app. */
    readonly refreshed: number;
    /**
     * When the oldest head of a lane was enqueued: a head that grows old means that a lane does not move. Null: nothing is
     * pending, or no lane with pending operations has been read yet.
     */
    readonly oldestHeadAt: Instant | null;
}
type QueueState = 'starting' | 'running' | 'closing' | 'closed';
interface Status {
    readonly queue: QueueState;
    /** Null: anonymous. */
    readonly identity: UserId | null;
    readonly requirement: Requirement;
    /** Lanes with pending operations. */
    readonly lanes: readonly LaneStatus[];
    /** Every owner that has pending operations or dead letters, or of whom an operation was ever completed. */
    readonly owners: readonly OwnerStatus[];
    readonly tokenNeeds: readonly TokenNeedStatus[];
    readonly counts: {
        readonly pending: number;
        readonly sending: number;
        readonly dead: number;
    };
    readonly totals: Totals;
}

/**
 * Logout: the identity changes at the call. The session ends once no operation of that user is pending: at once if none
 * is pending at the call, or if all are dropped (I7, T11).
 */

/** The operations that a logout left behind. */
interface LogoutResult {
    /** Operations of that user that are still to be sent, under that user's token. */
    readonly pending: number;
}

/**
 * `sendNow()`: ends the waits after failed attempts, and hears what the next attempt of each of these lanes came to (Q7).
 * A lane that still cannot send, or only after another wait, is not waited for.
 */

/** What an attempt came to that `sendNow()` has started. */
interface AttemptSummary {
    /** The owner; null: the anonymous identity. */
    readonly user: UserId | null;
    /** The operations of the envelope, in their order. */
    readonly operations: readonly OperationId[];
    /**
     * Null: the attempt has no outcome, because a captive portal answered, the operations were erased (`forget()`), or the
     * engine was closed.
     */
    readonly outcome: Outcome | null;
    /** The status of the reply; null: there was no reply. */
    readonly status: number | null;
    /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: there was a reply, or it has no name. */
    readonly code: string | null;
}

/** What the `interpret` of a read knows beside the reply. */
type ReadInterpretContext = Pick<InterpretContext, 'owner' | 'reply'>;
/** What a reply means for a read. */
type ReadInterpretation = Pick<Interpretation, 'outcome'>;
/** Judges a reply to a read. */
type ReadInterpret = (reply: Reply, context: ReadInterpretContext) => ReadInterpretation;

/**
 * A read: a request whose answer must reflect the writes made before it (R). It stands outside lanes
 * and slots, and ends with the process. It goes through these phases:
 *
 * - `storing`: operations that the app was enqueueing at the call are not stored yet.
 * - `settling`: the writes that the read must see, or the creations of the records that it needs, have not all settled
 *   (R1, Q12).
 * - `delaying`: these writes have settled; the server asked for a delay before they can be seen.
 * - `parked`: the read cannot be sent now: there is no usable token, or the requirement is unknown (R3).
 * - `fetching`: its request is in flight.
 * - `deferred`: its token was refused; it is sent again with a newer generation (R3).
 */

interface ReadRequestInput extends RecordLookups {
    readonly owner: {
        readonly user: UserId | null;
    };
    /** The reading position that the request must name to see the writes; null: there is none. */
    readonly position: string | null;
}

/** The options of the calls of a Holdfast engine, and the results of some calls. */

interface LoginOptions {
    /** The user's token. Left out: the engine asks for it when there is an operation to send. */
    readonly token?: string;
}
interface LogoutOptions {
    /**
     * The treatment of the user's operations that have not been sent (I7): `keep` sends them later under that user's
     * token, `flush` tries to send them first, `discard` drops them. Default: `keep`.
     */
    readonly unsent?: 'keep' | 'flush' | 'discard';
    /** How long `flush` may take, in milliseconds. Default: 5000. */
    readonly deadlineMs?: number;
}
interface DeadlineOptions {
    /** In milliseconds. Default: 5000. */
    readonly deadlineMs?: number;
}
interface RetryOptions {
    /**
     * Takes the place of the payload (Q9). The schema checks it, `creates` and `needs` are called again, and the operation
     * gets a new idempotency key. Default: the payload stays.
     */
    readonly payload?: unknown;
}
interface SendNowOptions {
    /** Only the operations of this user; null: of the anonymous identity. Default: of every owner. */
    readonly user?: string | null;
    /** How long to wait for what the attempts come to, in milliseconds. Default: 5000. */
    readonly deadlineMs?: number;
}
interface ReadOptions {
    /** Makes the request, at the moment of sending. `position`: the reading position to name, to see the writes. */
    readonly request: (input: ReadRequestInput) => RequestSpec;
    /** The ids of the operations to wait for. Default: all pending operations of the owner. */
    readonly after?: readonly string[];
    /** The key of the reading positions that the read uses (R2). Default: the positions without a key. */
    readonly key?: string;
    /**
     * The records that the request names, by local id (Q12). The read waits for the creations of these records that are
     * pending, and rejects if the creation of a required record failed. Default: none.
     */
    readonly needs?: RecordNeeds;
    /**
     * The body of a 2xx, as in `defineOperation()` (Q6). `json`: any other body rejects. `any`: an HTML page is an answer
     * too. Left out: only an HTML page rejects, because it is a captive portal's.
     */
    readonly reply?: 'json' | 'any';
    /**
     * How long the read may take from this call to its answer, in milliseconds of the monotonic clock. Then it rejects with
     * `READ_FAILED`, whatever it waits for, and its request in flight is aborted (R5). Default: no deadline.
     */
    readonly deadlineMs?: number;
    /**
     * Judges each reply of the server, in place of the rules of reads (R5). It must be pure. `interpretReply` may judge the
     * replies that it leaves. It is not asked about the reply of a captive portal.
     *
     * - `accepted`: the read resolves with the reply, whatever its status and body.
     * - `retry`: the read waits for `Retry-After` (without the header: 1 s), then makes one last try without the position.
     * - `refused-token`: the read is sent again with a newer token. Only a 401 marks the token as refused and parks the
     *   lanes of the user. After any other status, nothing but the read waits, the token source is asked once, and a second
     *   refusal rejects with `AUTH_REFRESH_FAILED` (R3).
     * - `rejected`: the read rejects with `READ_FAILED`.
     *
     * If it throws, or answers anything else, the read rejects with `APP_CODE_FAILED`.
     */
    readonly interpret?: ReadInterpret;
}
/** What `sendNow()` has started, and what is left of it. */
interface SendNowResult extends FlushResult {
    /** The attempts that have ended, in the order of their ends. */
    readonly attempts: readonly AttemptSummary[];
}
/** The number of operations that are still pending, and the lanes, which say why. */
interface FlushResult {
    readonly pending: number;
    readonly lanes: readonly LaneStatus[];
}

/** The result of `forget()`. */
interface ForgetResult {
    /**
     * The files that Holdfast has set aside as damaged (`onCorrupt: 'set-aside'`), as paths, sorted. The files may still
     * hold the user's data, and Holdfast never erases it there. Delete the files once you need them no more. Usually empty.
     */
    readonly setAside: readonly string[];
}

/** An event with its name. A test of the name narrows the detail. */
type AnyEvent = {
    [Name in EventName]: {
        readonly name: Name;
        readonly detail: HoldfastEvents[Name];
    };
}[EventName];
/** What a listener of each name is called with. `*`: of every event. */
type Heard = HoldfastEvents & {
    readonly '*': AnyEvent;
};
/** The name of an event, or `*`: every event. */
type ListenedName = keyof Heard;
type Listener<Name extends ListenedName> = (heard: Heard[Name]) => void;

/** The data on one operation that the app can read. */

interface StoredInfo {
    readonly id: OperationId;
    /** The owner of the operation; null: the anonymous identity. */
    readonly user: UserId | null;
    readonly kind: string;
    readonly version: number;
    /** The stored payload, in its stored version. If it is not JSON (the operation is unreadable), its text. */
    readonly payload: unknown;
    readonly enqueuedAt: Instant;
}
/** An operation that has not settled. */
interface PendingOperation extends StoredInfo {
    readonly state: 'pending';
}
/** An operation that failed for good, kept until the app retries or discards it (Q9). */
interface DeadLetter extends StoredInfo {
    readonly state: 'dead';
    readonly reason: DeadReason;
    /** The status of the last reply; null: there was none. */
    readonly status: number | null;
    /** The beginning of the server's reply, redacted. */
    readonly excerpt: string | null;
    readonly diedAt: Instant;
    readonly attempts: number;
}
/** What is known of an operation, wherever it is now. */
type OperationInfo = PendingOperation | DeadLetter | {
    readonly state: 'dropped';
    readonly id: OperationId;
    readonly reason: DropReason | null;
    readonly settledAt: Instant;
} | {
    readonly state: 'completed';
    readonly id: OperationId;
    readonly settledAt: Instant;
    /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
    readonly result?: unknown;
} | {
    readonly state: 'cancelled';
    readonly id: OperationId;
    readonly settledAt: Instant;
};

/** How an operation ended. */
type Settlement = 
/** The engine was closed first: the operation is still on disk, and `operation(id)` tells its end after a restart. */
{
    readonly outcome: 'pending';
    readonly id: OperationId;
} | {
    readonly outcome: 'completed';
    readonly id: OperationId;
    /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
    readonly result?: unknown;
} | {
    readonly outcome: 'dropped';
    readonly id: OperationId;
    readonly reason: DropReason;
} | {
    readonly outcome: 'cancelled';
    readonly id: OperationId;
} | {
    readonly outcome: 'dead';
    readonly id: OperationId;
    readonly reason: DeadReason;
    /** The last status the server answered with, if it did. */
    readonly status: number | null;
}
/** The receipt was asked late: the operation has ended, and its outcome is no longer retained. */
 | {
    readonly outcome: 'not-retained';
    readonly id: OperationId;
};
/** The proof that an operation is on disk. */
declare class Receipt {
    #private;
    readonly id: OperationId;
    /** Resolves when the operation has reached its end. It never rejects because of a reply of the server. */
    get settled(): Promise<Settlement>;
}

/** Which dead letters a call of the app means. */

/** Names dead letters: those that are as each given field says. Without a field: all. */
interface DeadLetterFilter {
    /** Of this user; null: of the anonymous identity. Default: of all owners. */
    readonly user?: string | null;
    /** Of this kind. Default: of every kind. */
    readonly kind?: string;
    /** Dead for this reason. Default: for any reason. */
    readonly reason?: DeadReason;
}

/** A part of a list, and where the next part begins. */
interface Page<Item> {
    readonly items: readonly Item[];
    /** To be given as `after`, for the next page; null: this page has the end of the list. */
    readonly next: string | null;
}
/** Which part of a list to answer. */
interface PageOptions {
    /** The maximum number of items, a whole number from 1. Default: 1000. */
    readonly limit?: number;
    /** The `next` of the page before. Default, and null: the first page. */
    readonly after?: string | null;
}
interface PendingFilter extends PageOptions {
    /** Only the operations of this user; null: of the anonymous identity. Default: of all owners. */
    readonly user?: string | null;
}

/**
 * `report()`: what a bug report needs, as one plain object. It must never hold a token, a payload or a header, and never
 * fail because storage does: a report is most needed then.
 */

interface ReportOptions {
    /**
     * Replaces user ids by the pseudonyms that a journal with `pseudonyms` has for this database. Texts that may name a user
     * in words, the excerpts of dead letters and the messages of errors, are left out. Default: false.
     */
    readonly pseudonyms?: boolean;
    /** How many dead letters are told of, the newest, a whole number from 0 to 1000. Default: 100. */
    readonly deadLetters?: number;
}
/** A dead letter without its payload. */
interface ReportedLetter {
    readonly id: OperationId;
    readonly user: UserId | null;
    readonly kind: string;
    readonly version: number;
    readonly enqueuedAt: Instant;
    readonly reason: DeadReason;
    readonly status: number | null;
    /** The beginning of the server's reply, redacted; null: there is none, or `pseudonyms` was asked for. */
    readonly excerpt: string | null;
    readonly diedAt: Instant;
    readonly attempts: number;
}
/** An error of which the app was told by the event `error` or `token.refreshFailed`. */
interface ReportedError {
    /** When the engine dealt with what led to it. */
    readonly at: Instant;
    readonly code: ErrorCode;
    /** The name of the cause; null: there is none, or it is no error. */
    readonly cause: string | null;
    /** The system's name of the failure, such as `ECONNREFUSED`; null: the cause has none. */
    readonly reason: string | null;
    /** Redacted, and at most 256 characters. Null: `pseudonyms` was asked for. */
    readonly message: string | null;
}
/** Plain JSON. Its members may change with any version: it is for people. */
interface Report {
    /** The version of Holdfast. */
    readonly holdfast: string;
    /** The version of Node. */
    readonly node: string;
    /** The operating system and the processor, such as `linux x64`. */
    readonly platform: string;
    readonly createdAt: Instant;
    /** True if each user id is a pseudonym. */
    readonly pseudonyms: boolean;
    /** The options that decide anything, with their defaults, as a journal has them; of a URL only the origin. */
    readonly options: Readonly<Record<string, unknown>>;
    /** What each kind declares. */
    readonly kinds: readonly Readonly<Record<string, unknown>>[];
    readonly status: Status;
    /** Null: storage cannot be read. `count`: of all there are; `newest`: the newest first. */
    readonly deadLetters: {
        readonly count: number;
        readonly newest: readonly ReportedLetter[];
    } | null;
    /** The code of the error with which storage answered, `CLOSED` after `close()`; null: it could be read. */
    readonly storageFailure: ErrorCode | null;
    /** The last errors that the app was told of, the oldest first. */
    readonly errors: readonly ReportedError[];
    /** The lines of the ring journal, which replay as they stand; null: the option `journal` is no `ringJournal()`. */
    readonly journal: readonly string[] | null;
}

/**
 * The engine's calls as an app sees them, and nothing of how they are done. `src/api/live-holdfast.ts` carries them out.
 */

/**
 * An engine that holds an app's outgoing operations. Made by `createHoldfast()`.
 *
 * `Kinds`: the union of the kinds that were given to `createHoldfast({ operations })`, say
 * `Holdfast<typeof addNote | typeof addTag>`. An operation of another kind does not compile. Default: any kind.
 */
interface Holdfast<Kinds extends AnyOperationKind = AnyOperationKind> extends AsyncDisposable {
    /**
     * Stores an operation for the identity that is current at the call (Q1). Resolves once it is on
     * disk (Q2).
     *
     * @throws HoldfastError `UNKNOWN_KIND`, `INVALID_PAYLOAD`, `PAYLOAD_TOO_LARGE`, `QUEUE_FULL`, `APP_CODE_FAILED`,
     * `STORAGE_…` or `CLOSED`; TypeError or RangeError for a wrong argument. Nothing is stored then.
     */
    enqueue(draft: DraftOf<Kinds>): Promise<Receipt>;
    /**
     * Stores an operation in the transaction that is open on the app's own connection: the app's row and
     * its operation are both there, or neither. The operation is sent after the commit. It comes before operations that
     * `enqueue()` was called for and has not stored yet. After a rollback the receipt's `settled` rejects with
     * `UNKNOWN_OPERATION`. If storage broke before the rollback could be seen, it rejects with the error of storage.
     *
     * @throws TypeError unless the connection is the one given to `sqliteStorage({ database })`, with a
     * transaction open; HoldfastError as `enqueue()`. Nothing is stored then.
     */
    enqueueWithin(database: SqliteConnection, draft: DraftOf<Kinds>): Receipt;
    /**
     * Changes the identity at once: the next `enqueue()` in the same tick belongs to this user. The
     * promise resolves when the change is stored (I1). With the same user the call is a token update (I11).
     *
     * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
     * `AUTH_USER_MISMATCH`. The identity is unchanged then.
     */
    login(user: string, options?: LoginOptions): Promise<void>;
    /** Changes the identity to anonymous at once (I7). Resolves with the number of the user's operations that are left. */
    logout(options?: LogoutOptions): Promise<LogoutResult>;
    /**
     * Takes a fresh token of any user, current or not (T2).
     *
     * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
     * `AUTH_USER_MISMATCH` or `STORAGE_…`; nothing is stored then.
     */
    updateToken(user: string, token: string): Promise<void>;
    /**
     * Asks the token source for a fresh token of this user, and ends any wait. If a call is under way, joins it (T6).
     *
     * @throws TypeError without a token source.
     */
    refreshToken(user: string): Promise<void>;
    /** Tells the engine the requirement of the server (I2). Resolves when it is stored. */
    setRequirement(requirement: Requirement): Promise<void>;
    /**
     * Takes back an operation that has not been sent (Q10).
     *
     * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
     */
    cancel(id: string): Promise<void>;
    /**
     * Puts a dead letter back at its place, and resolves with a receipt. Its attempts are counted anew (Q9). With a new
     * `payload`, the operation keeps its id, lane and place, and gets a new idempotency key; not so if it may have arrived:
     * then the call rejects with `NOT_RETRYABLE`.
     *
     * @throws HoldfastError `NOT_RETRYABLE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`; with a payload also
     * `INVALID_PAYLOAD`, `PAYLOAD_TOO_LARGE`, `UNKNOWN_KIND` or `APP_CODE_FAILED`.
     */
    retry(id: string, options?: RetryOptions): Promise<Receipt>;
    /**
     * Retries all dead letters that the filter names, lane by lane, in the order of their places, in transactions of at most
     * 500 (Q9). Resolves with the number of operations that are pending again. If it rejects, the transactions before have
     * been stored: call it again.
     *
     * @throws TypeError for a wrong filter; HoldfastError `OTHER_PROCESS`, `STORAGE_…` or `CLOSED`.
     */
    retryAll(filter?: DeadLetterFilter): Promise<{
        readonly retried: number;
    }>;
    /**
     * Removes a dead letter, or a pending operation that is not in flight (Q9).
     *
     * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
     */
    discard(id: string): Promise<void>;
    /**
     * Discards all dead letters that the filter names, as `retryAll()` retries them. Resolves with the number of operations
     * that are gone.
     *
     * @throws as `retryAll()`.
     */
    discardAll(filter?: DeadLetterFilter): Promise<{
        readonly discarded: number;
    }>;
    /**
     * Reads the state of an operation: pending, dead, dropped, cancelled, and, under `retainCompleted`,
     * completed. Null: the operation was completed, was never stored, or is no longer remembered.
     */
    operation(id: string): Promise<OperationInfo | null>;
    /**
     * Reads the server's id of a record, by the local id under which an operation creates it (Q12). Null: the record is not
     * made yet, its creation failed, or no operation has created it.
     *
     * @throws TypeError if the local id is not a non-empty string; HoldfastError if storage cannot be read.
     */
    record(localId: string): Promise<string | null>;
    /**
     * Sends a read: a request whose answer must reflect the writes made before it (R1). Reads do not wait in
     * lanes, and end with the process.
     *
     * @throws HoldfastError `READ_FAILED` (also at its deadline, and if the creation of a required record failed),
     * `READ_CANCELLED` (the identity changed), `AUTH_ANONYMOUS`, `AUTH_TOKEN_REFUSED` (an anonymous read),
     * `AUTH_REFRESH_FAILED`, `APP_CODE_FAILED` (its request could not be made, or its `interpret` failed), `STORAGE_…` or
     * `CLOSED`; TypeError for a wrong argument.
     */
    read(options: ReadOptions): Promise<Reply>;
    /**
     * Erases the user's operations, token, records, reading positions and dead letters (I12). If the user is logged in, the
     * user is logged out first. Records that another user's operations need are lost: such an operation is dead when its
     * turn comes (`dependency-dead`), and optional needs are cleared.
     *
     * With `sqliteStorage({ file })` none of this data is left in the file or in its `-wal` when the promise resolves,
     * unless another process reads an older state just then: then the `-wal` is emptied after a later commit, or at the
     * close. With `sqliteStorage({ database })` the data is gone from the tables, and overwritten in the file at the app's
     * next checkpoint. If the data must be overwritten at once, call `database.pragma('wal_checkpoint(TRUNCATE)')`
     * yourself. The result names the files that Holdfast has set aside (E5). Other copies are the responsibility of the
     * app.
     *
     * @throws HoldfastError if the erasing cannot be stored (`STORAGE_FULL`, …): the session has ended all the same,
     * nothing else is erased, and the app can call again; or (`STORAGE_UNAVAILABLE`) if the database's folder cannot be
     * listed.
     */
    forget(user: string): Promise<ForgetResult>;
    /**
     * The pending operations, lane by lane, each lane in the order in which it will be sent; of one user (null: anonymous)
     * or of all. Operations in flight are included. They come page by page: the `next` of a page is the `after` of the next
     * call. What comes and goes between two calls may be in a page or not; nothing that stays is left out, and nothing is
     * there twice.
     *
     * ```ts
     * let after: string | null = null
     * do {
     *   const page = await holdfast.pending({ after })
     *   for (const { id, kind } of page.items) console.log(id, kind)
     *   after = page.next
     * } while (after !== null)
     * ```
     *
     * @throws TypeError or RangeError for a wrong argument; HoldfastError if storage cannot be read.
     */
    pending(filter?: PendingFilter): Promise<Page<PendingOperation>>;
    /**
     * The dead letters that the filter names, the oldest first, page by page as `pending()`.
     *
     * @throws TypeError or RangeError for a wrong argument; HoldfastError if storage cannot be read.
     */
    deadLetters(filter?: DeadLetterFilter & PageOptions): Promise<Page<DeadLetter>>;
    /** Stops sending until `resume()` or the end of the process. Operations in flight go on. */
    pause(): void;
    /** Ends `pause()`. */
    resume(): void;
    /** Waits until no operation is left that could still be sent by itself, or until the deadline (Q19). */
    flush(options?: DeadlineOptions): Promise<FlushResult>;
    /**
     * Sends now what waits after a failed attempt: each such lane is tried once, at once (Q7). Holds other than
     * `backing-off`, and waits that a `Retry-After` asked for, go on. Resolves with what the attempts came to, at the latest
     * after the deadline; in a process that does not dispatch, with none.
     *
     * @throws TypeError or RangeError for a wrong argument; HoldfastError `CLOSED`.
     */
    sendNow(options?: SendNowOptions): Promise<SendNowResult>;
    /** Lets operations in flight finish within the deadline, then releases all resources (Q19). */
    close(options?: DeadlineOptions): Promise<void>;
    /** Closes the engine, at the end of a block with `await using`. */
    [Symbol.asyncDispose](): Promise<void>;
    /** Identity, requirement, lanes with their holds, token needs, counts. Frozen, and the same object until a change. */
    status(): Status;
    /**
     * Gathers what a bug report needs, as plain JSON: version, options, kinds, status, dead letters without their payloads,
     * the last errors, and the lines of the ring journal. It has no token, no payload and no header. It works in any process,
     * and also where storage fails and after `close()`: then it tells so in `storageFailure`.
     *
     * @throws TypeError or RangeError for a wrong option.
     * @example
     * ```ts
     * import { writeFileSync } from 'node:fs'
     * import type { Holdfast } from 'holdfast'
     *
     * declare const holdfast: Holdfast
     *
     * const report = await holdfast.report({ pseudonyms: true })
     * writeFileSync('report.json', JSON.stringify(report))
     * ```
     */
    report(options?: ReportOptions): Promise<Report>;
    /**
     * Calls the listener after each change of `status()`. Returns a function that ends this.
     *
     * @throws TypeError unless the listener is a function.
     */
    subscribe(listener: () => void): () => void;
    /**
     * Adds a listener of an event; `*`: of every event. Returns a function that removes the listener. `token.needed` is
     * replayed at once for needs that are still open (T5).
     *
     * @throws TypeError unless there is an event of this name, and the listener is a function.
     */
    on<Name extends ListenedName>(name: Name, listener: Listener<Name>): () => void;
    /**
     * Adds a listener of an event that is called once. Returns a function that removes the listener.
     *
     * @throws TypeError as `on()`.
     */
    once<Name extends EventName>(name: Name, listener: Listener<Name>): () => void;
    /**
     * Removes a listener of an event. A listener that was not added is no misuse.
     *
     * @throws TypeError as `on()`.
     */
    off<Name extends ListenedName>(name: Name, listener: Listener<Name>): void;
}

/**
 * Opens the storage and starts an engine on it. The engine begins to send in the turn after the promise has resolved.
 *
 * @throws TypeError or RangeError for a wrong option, naming it; HoldfastError `STORAGE_…` if the
 * storage cannot be opened. Nothing is left open then.
 */
declare function createHoldfast<Kinds extends AnyOperationKind>(options: HoldfastOptions<Kinds>): Promise<Holdfast<Kinds>>;

/** The message of `holdfast:settlement`. Frozen. */
interface SettlementMessage {
    readonly id: OperationId;
    /** The owner; null: the anonymous identity. */
    readonly user: UserId | null;
    readonly kind: string;
    readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead';
    /** Why it was dropped, or is dead; null: it was completed or cancelled. */
    readonly reason: DropReason | DeadReason | null;
    /** The status of the reply that made it a dead letter; null: there was none, or it is no dead letter. */
    readonly status: number | null;
}

interface FormatStatusOptions {
    /**
     * The present, in epoch milliseconds: times are told from it. Give it if the engine has a clock of its own. Default: the
     * clock of the machine.
     */
    readonly now?: Instant;
}
/**
 * The status as a short text of several lines: the state of the queue, the identity and the requirement; for each owner
 * what is pending, what holds it and until when; dead letters; token needs. The text is for people: its words may change
 * with any version. User ids stand in quotation marks, with control characters escaped. At most 20 owners are shown, the
 * current identity and owners with pending operations first.
 *
 * @throws TypeError unless `now` is a finite number.
 * @example
 * ```ts
 * import { formatStatus, type Holdfast } from 'holdfast'
 *
 * declare const holdfast: Holdfast
 *
 * console.log(formatStatus(holdfast.status()))
 * ```
 */
declare function formatStatus(status: Status, { now }?: FormatStatusOptions): string;

interface FileJournalOptions {
    /**
     * Made for its user alone (mode 0600), and so is the one before it. A link, a FIFO or a file of another user in the
     * place of either is refused: the journal ends there, and `onError` is told. While another program has one of them
     * open and the system therefore refuses to move the file (Windows), the file is begun anew, without the one before it.
     */
    readonly file: string;
    /**
     * The size that no file grows beyond, in bytes. A file that is half full makes way for the next one as soon as the
     * state can be said in a summary, and a full one at once. Default: 16777216 (16 MiB).
     */
    readonly maxBytes?: number;
    /**
     * Replaces user ids by pseudonyms: digests with the key of the database, the same in all its journals. Default: false.
     */
    readonly pseudonyms?: boolean;
    /** Told once of a file that cannot be written any more; the journal then ends there. */
    readonly onError?: (error: Error) => void;
}
declare class FileJournal implements JournalSink {
    #private;
    readonly pseudonyms: boolean;
    constructor(options: FileJournalOptions);
    header(header: JournalHeader): void;
    wantsSummary(): boolean;
    noSummary(why: string): void;
    write(line: InLine | OutLine, t: number, wall?: number): void;
    /** Lets go of the file. */
    close(): void;
}
/** Writes the journal of a run to a file that rotates by size. */
declare function fileJournal(options: FileJournalOptions): FileJournal;

interface RingJournalOptions {
    /**
     * How many lines are kept, about. While too much is under way for a summary of the state there are more, but
     * never more than eight times as many. Default: 2000.
     */
    readonly lines?: number;
    /**
     * Replaces user ids by pseudonyms: digests with the key of the database, the same in all its journals. Default: false.
     */
    readonly pseudonyms?: boolean;
}
declare class RingJournal implements JournalSink {
    #private;
    readonly pseudonyms: boolean;
    constructor({ lines, pseudonyms }?: RingJournalOptions);
    header(header: JournalHeader): void;
    wantsSummary(): boolean;
    noSummary(why: string): void;
    write(line: InLine | OutLine, t: number, wall?: number): void;
    /** The journal so far, as the text that `holdfast replay` takes. */
    text(): string;
}
/** Keeps the newest lines of a run in memory; `text()` is the journal. */
declare function ringJournal(options?: RingJournalOptions): RingJournal;

interface ConsoleLoggerOptions {
    /** The lowest level that is written. Default: `info`. */
    readonly level?: LogLevel;
}
/**
 * A logger that writes each line by the method of `console` of the same name: `warn` and `error` go to `stderr`. The
 * methods are looked up at each call, so that a program that replaces them gets the lines.
 *
 * @throws TypeError unless the level is one of `debug`, `info`, `warn` and `error`.
 * @example
 * ```ts
 * import { consoleLogger, createHoldfast, type HoldfastOptions } from 'holdfast'
 *
 * declare const options: HoldfastOptions
 *
 * const holdfast = await createHoldfast({ ...options, logger: consoleLogger({ level: 'debug' }) })
 * ```
 */
declare function consoleLogger({ level }?: ConsoleLoggerOptions): Logger;

/** What a reply means where a kind does not say otherwise (Q6). Pure. */

/** What the judgement needs. A read has no earlier attempt. */
type ReplyContext = Pick<InterpretContext, 'reply'> & Partial<Pick<InterpretContext, 'afterUnknown'>>;
/** Judges a reply as Q6 says. The default of `interpret` of a kind, to be called by the `interpret` of a kind or a read. */
declare function interpretReply(reply: Reply, context: ReplyContext): Interpretation;

/** The tag that makes a path from parts, so that no part can lead anywhere else (Q6). */
/** A text or a number. Null is a type that `owner.user` and `optionalRecord()` have, and no part. */
type PathPart = string | number | null;
/**
 * Makes the path of a request. Each part is percent-encoded as one segment, so a slash or a question mark in it stays
 * a part of the segment.
 *
 * ```ts
 * path`/users/${owner.user}/notes` // '/users/a%2Fb/notes' for the user 'a/b'
 * ```
 *
 * @throws TypeError if a part is empty, `.` or `..` (no encoding protects these: URL parsers resolve the encoded form
 * too), is neither a text nor a finite number (null, say, for the anonymous owner), or is not well-formed Unicode.
 */
declare function path(texts: TemplateStringsArray, ...parts: readonly PathPart[]): string;

/** `sqliteStorage()`: the storage most apps use. */

/**
 * Keeps operations in a SQLite file of their own, or (`database`) in the app's.
 *
 * ```ts
 * const storage = sqliteStorage({ file: 'outbox.db' })
 * ```
 *
 * @throws TypeError where the options are wrong. The file itself is opened by `createHoldfast()`.
 */
declare function sqliteStorage(options: SqliteStorageOptions): Storage;

/**
 * The transport over HTTP: one origin, no redirects followed. A redirect could carry the token to somebody
 * else, or make a captive portal look like the server.
 */

/**
 * What Holdfast uses of an agent of `node:http` or `node:https`. The types of an agent itself are those of `@types/node`, which
 * an app then would need.
 */
interface HttpAgent {
    /** The connections that are idle, by the server they lead to. */
    readonly freeSockets: Readonly<Record<string, readonly {
        destroy(): unknown;
    }[] | undefined>>;
    destroy(): void;
}
interface HttpTransportOptions {
    /**
     * Scheme, host, and a path that is put before each request's: `https://api.example.com/v1`. `http:` only to this
     * machine (`localhost`, `127.0.0.0/8`, `[::1]`), or with `insecure`.
     */
    readonly baseUrl: string;
    /**
     * Is `http:` to another machine taken too? Whoever is on the way there reads the tokens and the payloads, and can
     * change them (E6). Default: false.
     */
    readonly insecure?: boolean;
    /**
     * Sends in place of Node's own HTTP client: Electron's `net.fetch`, or a `fetch` with a `dispatcher`. Default: `node:http`
     * and `node:https`. It must send a request once: if it tries again by itself,
     * its last failure does not tell whether an earlier try has arrived. Of a head that it cannot read, say one of more
     * headers than it allows (Node's: 16 KB), it does not tell the status; Node's own client here reads 64 KB.
     */
    readonly fetch?: typeof globalThis.fetch;
    /**
     * The agent of Node's own HTTP client, of the protocol of `baseUrl`: for a proxy, a company certificate, another limit of
     * connections. It stays the app's own: Holdfast closes at most idle connections to the server in it, after a sleep or
     * a change of the network. Not together with `fetch`. Default: Node's global agent, which keeps connections open.
     */
    readonly agent?: HttpAgent;
    /** Headers of every request, of Latin-1, say a client version. `authorization` is Holdfast's. */
    readonly headers?: Readonly<Record<string, string>>;
    /** The longest reply that is read, in bytes; the rest is not. Default: 1048576 (1 MiB). */
    readonly maxReplyBytes?: number;
}
/**
 * Sends over HTTP, with `Authorization: Bearer` where there is a token. How long a reply may take is
 * `replyTimeoutMs` of `createHoldfast`.
 *
 * @throws TypeError where `baseUrl` is not an `http:` or `https:` URL, or has more than a path,
 * or is `http:` to another machine without `insecure`, or where `agent` fits neither `baseUrl` nor `fetch`; RangeError where `maxReplyBytes` is not a whole number from 1.
 */
declare function httpTransport(options: HttpTransportOptions): Transport;

export { FileJournal, HoldfastError, NotSentError, Receipt, RingJournal, TokenDeniedError, VaultUnreadableError, consoleLogger, createHoldfast, defineOperation, fileJournal, formatStatus, httpTransport, interpretReply, memoryVault, path, ringJournal, sqliteStorage, systemClock, systemRandom };
export type { AnyEvent, AnyOperationKind, AttemptError, AttemptFacts, AttemptMessage, AttemptResult, AttemptSummary, BackoffOptions, Clock, ConsoleLoggerOptions, DeadLetter, DeadLetterFilter, DeadReason, DeadlineOptions, DraftOf, DraftOptions, DropReason, Durability, ErrorCode, EventName, Failure, FileJournalOptions, FlushResult, FollowUpDraft, ForgetResult, FormatStatusOptions, Hold, HoldName, HoldStatus, Holdfast, HoldfastErrorOptions, HoldfastEvents, HoldfastOptions, HttpAgent, HttpTransportOptions, InfoOf, Instant, InterpretContext, Interpretation, JournalHeader, JournalSink, LaneFailure, LaneId, LaneStatus, ListenedName, Listener, LogLevel, Logger, LoginOptions, LogoutOptions, LogoutResult, MergeInput, MergeSpec, MissingRows, NotSentErrorOptions, OperationDraft, OperationId, OperationInfo, OperationKind, OperationSpec, Outcome, OutgoingRequest, Owner, OwnerStatus, Page, PageOptions, PathPart, PendingFilter, PendingOperation, Platform, PlatformEvent, QueueState, Random, ReadInterpret, ReadInterpretContext, ReadInterpretation, ReadOptions, ReadRequestInput, ReadingPosition, RecordLookups, RecordNeeds, Reply, ReplyContext, Report, ReportOptions, ReportedError, ReportedLetter, RequestInput, RequestSpec, Requirement, RequirementSource, RetryOptions, RingJournalOptions, SalvageReport, SalvagedRows, SendNowOptions, SendNowResult, SendOptions, Settlement, SettlementMessage, SqliteConnection, SqliteStorageOptions, Status, Storage, StoredPayload, Timer, TokenFailure, TokenNeedReason, TokenNeedStatus, TokenRequest, TokenSource, Totals, Transport, UserId, Vault };
