/// <reference lib="esnext.disposable" />
import { OperationId, UserId, LaneId, Instant, DeadReason, DropReason, Requirement, TokenNeedReason, Owner, Outcome } from './index.js';

/** What can go wrong with storage, each with a stable code (E2). */
type StorageErrorCode = 'STORAGE_FULL' | 'STORAGE_READ_ONLY' | 'STORAGE_BUSY' | 'STORAGE_CORRUPT'
/** The file was removed, replaced or cut while it was in use. */
 | 'STORAGE_GONE' | 'STORAGE_NEWER_SCHEMA'
/** The database belongs to another origin than the transport's (E6). */
 | 'ORIGIN_CHANGED' | 'STORAGE_UNAVAILABLE' | 'CLOSED';

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
/** A replay decided otherwise than the journal says (`holdfast replay`). */
declare class ReplayDivergedError extends HoldfastError {
    readonly name = "ReplayDivergedError";
    /** The number of the journal's line, from 1. */
    readonly line: number;
    /** What the journal says there. */
    readonly expected: unknown;
    /** What was decided now; null: nothing. */
    readonly actual: unknown;
    constructor(line: number, expected: unknown, actual: unknown);
}

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
/** A line as it is written: numbered without gaps, with the time. */
type JournalLine = (InLine | OutLine) & {
    readonly line: number;
    /** Monotonic milliseconds (virtual or real). */
    readonly t: number;
    /** Wall-clock time; on `in` lines that the engine takes its time from. */
    readonly wall?: number;
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

/** From the text of a journal to its lines, or to an error that says why not. */

interface Journal {
    readonly header: JournalHeader;
    readonly lines: readonly JournalLine[];
}
/**
 * A torn last line is ignored, unknown fields are skipped.
 *
 * @throws HoldfastError `JOURNAL_INVALID`, naming the line and what to do.
 */
declare function readJournal(text: string): Journal;

interface ReplayReport {
    /** Lines that came in from outside and were fed. */
    readonly fed: number;
    /** Decisions that were made again. */
    readonly decided: number;
    /** Was storage replayed too? */
    readonly withStorage: boolean;
}
interface ReplayOptions {
}
/**
 * Replays a journal, given as its text.
 *
 * @throws ReplayDivergedError where a decision differs; HoldfastError `JOURNAL_INVALID`.
 */
declare function replay(text: string, options?: ReplayOptions): Promise<ReplayReport>;

/** One difference between a run and its expectation, or between a run and an invariant. */
interface Mismatch {
    /** `requests[1].token`, `final.pending`, … */
    readonly what: string;
    readonly expected: unknown;
    readonly seen: unknown;
}

/** A scenario: a scripted world, events at virtual times, and what must be seen. */

type Scenario = {
    scenario: 1;
    name: string;
    steps: ({
        at: number;
        login: {
            user: string;
            token?: string | undefined;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        logout: 'discard' | 'flush' | 'keep';
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        updateToken: {
            user: string;
            token: string;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        refreshToken: string;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        forget: string;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        requirement: 'off' | 'required' | 'unknown';
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        enqueue: {
            id: string;
            kind: string;
            payload?: Record<string, unknown> | undefined;
            expiresInMs?: number | undefined;
            within?: 'commit' | 'rollback' | undefined;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        look: {
            id: string;
            operation: string;
        } | {
            id: string;
            pending: {
                user?: string | null | undefined;
                limit?: number | undefined;
            };
        } | {
            id: string;
            deadLetters: {
                user?: string | null | undefined;
            };
        } | {
            id: string;
            subscribe: true;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        listen: true;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        cancel: string;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        retry: string | {
            id: string;
            payload: Record<string, unknown>;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        retryAll: {
            user?: string | null | undefined;
            kind?: string | undefined;
            reason?: 'unreadable' | 'attempts-exhausted' | 'conflict' | 'dependency-dead' | 'outcome-unknown' | 'rejected' | undefined;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        discardAll: {
            user?: string | null | undefined;
            kind?: string | undefined;
            reason?: 'unreadable' | 'attempts-exhausted' | 'conflict' | 'dependency-dead' | 'outcome-unknown' | 'rejected' | undefined;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        discard: string;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        read: {
            id: string;
            after?: string[] | undefined;
            key?: string | undefined;
            needs?: {
                required?: string[] | undefined;
                optional?: string[] | undefined;
            } | undefined;
            deadlineMs?: number | undefined;
            interpret?: Record<string, 'accepted' | 'throws' | 'retry' | 'rejected' | 'refused-token'> | undefined;
        };
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        flush: number;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        sendNow: string | true;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        queue: 'pause' | 'resume';
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        crash: true | 'after-commit' | 'before-commit';
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        restart: number | true;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        start: true;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        exit: number | true;
        process?: 'main' | 'second' | undefined;
    } | {
        at: number;
        network: 'down' | 'up';
        silent?: true | undefined;
    } | {
        at: number;
        power: 'resume' | 'suspend';
    } | {
        at: number;
        sleep: number;
    } | {
        at: number;
        wall: number;
    } | {
        at: number;
        disk: 'works' | 'busy' | 'full' | 'read-only';
        times?: number | undefined;
    } | {
        at: number;
        disk: 'no-room';
    } | {
        at: number;
        disk: 'damaged';
        rows: 'envelopes' | 'letters' | 'operations';
        page?: number | undefined;
    } | {
        at: number;
        sideFile: 'failed' | 'removed';
    } | {
        at: number;
        scanner: {
            file: '' | '-shm' | '-wal';
            tries: number;
        };
    } | {
        at: number;
        release: number;
    })[];
    config?: {
        requirement?: 'off' | 'required' | 'unknown' | undefined;
        whileUnknown?: 'hold' | 'send' | undefined;
        anonymous?: 'hold' | 'adopt' | 'drop' | undefined;
        onDead?: 'hold' | 'continue' | undefined;
        concurrency?: number | undefined;
        maxSourceCalls?: number | undefined;
        maxAttempts?: number | undefined;
        patienceMs?: number | undefined;
        maxPending?: number | undefined;
        maxPayloadBytes?: number | undefined;
        retainCompleted?: boolean | undefined;
        batchWindowMs?: number | undefined;
        backoff?: {
            base?: number | undefined;
            cap?: number | undefined;
            jitter?: boolean | undefined;
        } | undefined;
        vault?: boolean | {
            unavailable?: number | undefined;
            unreadable?: number | undefined;
        } | undefined;
        farewell?: boolean | undefined;
        system?: 'linux' | 'macos' | 'windows' | undefined;
        watch?: 'fails' | 'silent' | 'works' | undefined;
    } | undefined;
    tokens?: Record<string, {
        user: string;
        exp?: number | undefined;
        nbf?: number | undefined;
        accepted?: boolean | {
            from?: number | undefined;
            until?: number | undefined;
        } | undefined;
    }> | undefined;
    source?: ({
        token: string | Record<string, string>;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        none: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        denied: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        throws: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        garbage: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        never: true;
        ever?: true | undefined;
    })[] | undefined;
    requirementSource?: ({
        requirement: 'off' | 'required' | 'unknown';
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        throws: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        garbage: true;
        after?: number | undefined;
        ever?: true | undefined;
    } | {
        never: true;
        ever?: true | undefined;
    })[] | undefined;
    server?: {
        latency?: number | undefined;
        dates?: boolean | undefined;
        latencies?: {
            ms: number;
            match?: {
                user?: string | undefined;
                kind?: string | undefined;
                op?: string | undefined;
            } | undefined;
            times?: number | undefined;
        }[] | undefined;
        replies?: {
            match?: {
                user?: string | undefined;
                kind?: string | undefined;
                op?: string | undefined;
            } | undefined;
            status?: number | undefined;
            headers?: Record<string, string> | undefined;
            lost?: 'reply' | 'request' | undefined;
            unsent?: string | undefined;
            html?: true | undefined;
            cut?: true | undefined;
            body?: string | undefined;
            echo?: number | undefined;
            ryw?: {
                token: string;
                delay?: number | undefined;
                key?: string | undefined;
            } | undefined;
            times?: number | undefined;
        }[] | undefined;
    } | undefined;
    expect?: {
        requests?: {
            at?: number | undefined;
            user?: string | null | undefined;
            kind?: string | undefined;
            ops?: string[] | undefined;
            token?: string | null | undefined;
            status?: number | null | undefined;
            sameKeyAs?: number | undefined;
            newKeyAs?: number | undefined;
            record?: string | undefined;
            payload?: unknown;
        }[] | undefined;
        events?: {
            event: string;
            id?: string | undefined;
            user?: string | null | undefined;
            kind?: string | undefined;
            reason?: string | undefined;
            code?: string | undefined;
            suspected?: boolean | undefined;
        }[] | undefined;
        never?: string[] | undefined;
        sourceCalls?: {
            at?: number | undefined;
            user?: string | undefined;
            reason?: string | undefined;
        }[] | undefined;
        applied?: string[] | undefined;
        looks?: Record<string, number | string[] | {
            state?: 'cancelled' | 'completed' | 'dead' | 'dropped' | 'pending' | undefined;
            user?: string | null | undefined;
            kind?: string | undefined;
            reason?: string | null | undefined;
            status?: number | null | undefined;
            payload?: unknown;
            result?: unknown;
        } | null> | undefined;
        listened?: Record<string, string>[] | undefined;
        final?: {
            identity?: string | null | undefined;
            requirement?: 'off' | 'required' | 'unknown' | undefined;
            pending?: string[] | undefined;
            completed?: string[] | undefined;
            cancelled?: string[] | undefined;
            dead?: Record<string, string> | undefined;
            dropped?: Record<string, string> | undefined;
            holds?: Record<string, string[]> | undefined;
            needs?: Record<string, string> | undefined;
            reads?: Record<string, 'cancelled' | 'completed' | 'deferred' | 'failed' | 'waiting'> | undefined;
        } | undefined;
        rejects?: Record<string, string | string[]> | undefined;
    } | undefined;
    until?: number | undefined;
};

/** @throws HoldfastError `SCENARIO_INVALID`, with file, line and what is wrong. */
declare function parseScenario(text: string, file: string): Scenario;

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

interface Reply {
    readonly status: number;
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** True if this is only the beginning of the body, or the headers are not whole: the status decides (Q6). Default: false. */
    readonly isCut?: boolean;
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

/** What is written down of a run, beside what the server saw. Plain data; times are virtual. */

/** An event as the app heard it. */
interface SeenEvent {
    readonly at: number;
    readonly event: EventName;
    readonly id: string | null;
    readonly user: string | null;
    readonly kind: string | null;
    readonly reason: string | null;
    readonly code: string | null;
    readonly suspected: boolean | null;
}
interface SourceCall {
    readonly at: number;
    readonly user: string;
    readonly reason: string;
    readonly life: number;
    /** What it was answered, and when; null: nothing yet. */
    answer: SourceOutcome | null;
}
interface SourceOutcome {
    readonly at: number;
    readonly wall: Instant;
    readonly outcome: 'token' | 'none' | 'denied' | 'throws' | 'garbage';
    /** The name of the token it gave. */
    readonly token: string | null;
}

/**
 * The calls of a run that rejected, and the names under which a scenario lists them (`rejects`): the id of the step; of a
 * step without an id its word, or the word and the user, such as `refreshToken alice`. A call that was cut off by a
 * crash has not rejected.
 */

interface Rejection {
    /** When it rejected, in virtual milliseconds. */
    readonly at: number;
    /** The word of the step, such as `enqueue`. */
    readonly call: string;
    /** The id of the step; null: such a step has none. */
    readonly id: string | null;
    /** Whose identity it was; of a login or a token: whose it is; null: the anonymous identity. */
    readonly user: string | null;
    /** The code of the error, or its name if it has none. */
    readonly code: string;
    readonly message: string;
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

/** An answer that breaks these rules is replaced by one of the machine's own randomness. */
interface Random {
    /** At least 0, less than 1. */
    fraction(): number;
    /** Unguessable and never the same twice; letters, digits, `-` and `_`. */
    nonce(): string;
}

/**
 * What sleep does to the clocks and the timers of a machine. On every system no code runs and no timer fires meanwhile, and
 * the wall clock goes on. The systems differ in the monotonic clock, by which timers are counted:
 *
 * - macOS (`mach_continuous_time`) and Windows (`QueryPerformanceCounter`): it goes on. A timer that was due meanwhile
 *   fires late, at waking.
 * - Linux (`CLOCK_MONOTONIC`): it stands still. Each timer fires later by as long as the machine has slept.
 */
declare const SYSTEMS: readonly ['linux', 'macos', 'windows'];
type System = (typeof SYSTEMS)[number];

/**
 * Virtual time: it moves only when told to, and everything that is due at one instant happens in the
 * order it was armed. Each life of the simulated process has a clock of its own, which dies with it.
 */

/** When virtual time begins, by the wall clock: 2026-01-01T00:00:00Z. */
declare const WALL_START: Instant;
/** A process, as long as it lives. */
interface Life {
    isAlive: boolean;
}
declare class VirtualTime {
    #private;
    /** Milliseconds since the start. */
    now: number;
    /** How far the client's wall clock has jumped. */
    wallShift: number;
    wall(): Instant;
    clock(life: Life): Clock;
    atTurnEnd(life: Life, run: () => void): void;
    after(delayMs: number, run: () => void, life?: Life | null): {
        cancel(): void;
    };
    /** The same, but no run goes on for the sake of this alarm, and it is none of the engine's. */
    inBackground(delayMs: number, run: () => void, life: Life): {
        cancel(): void;
    };
    /** The machine of the processes sleeps, from now on and for so long. What is due then fires at waking. */
    sleep(durationMs: number, system: System): void;
    /** Time passes in which no process lives. What is due then happens late. */
    pass(durationMs: number): void;
    /** When the next thing is due; null: never. */
    nextAt(): number | null;
    /** The same, what is in the background too. */
    nextOfAllAt(): number | null;
    /** How many alarms the engine of a process has armed. */
    countArmed(life: Life): number;
    /** How many alarms a process has armed, those in the background too. */
    countAllArmed(life: Life): number;
    /** Does the next thing that is due now; answers whether there was one. */
    runNext(): boolean;
    /** Lets everything run on that does not wait for time to pass. */
    rest(): Promise<void>;
}

/** A token as its row tells of it. */

interface StoredToken {
    readonly user: string;
    readonly generation: number;
    readonly epoch: number;
    readonly isRefused: boolean;
    /** Is there one at all? Not after the end of the session. */
    readonly isHeld: boolean;
    readonly expiresAt: number | null;
    /** The life in which this generation was stored. */
    readonly life: number;
    readonly at: number;
}

/** What held on the client's side when a request left. */
interface ClientSide {
    readonly life: number;
    readonly wall: Instant;
    /** What the server demands, by what the app has said. */
    readonly requirement: Requirement;
    /** The operations at the head of its owner's lane, by the database: as many as it carries. */
    readonly head: readonly string[];
    /** What the database knew of its owner's token. */
    readonly token: StoredToken | null;
}
/** A request as the server saw it. */
interface SeenRequest {
    readonly at: number;
    readonly user: string | null;
    readonly kind: string;
    readonly ops: readonly string[];
    /** The ids that these are the names of. */
    readonly ids: readonly string[];
    readonly token: string | null;
    readonly key: string;
    readonly body: unknown;
    readonly record: string | null;
    /** The reading position that a read carries (R2). */
    readonly position: string | null;
    /** What the transport says of the failure, where no byte of the request left; null: the request left (Q6). */
    unsent: string | null;
    /** The status of the reply that arrived; null: none did. */
    status: number | null;
    /** When it was over for the client; null: it never heard. */
    endedAt: number | null;
    endedWall: Instant | null;
    /** The whole reply that arrived. */
    reply: Reply | null;
    /** When the client stopped waiting for it; null: it did not. */
    givenUpAt: number | null;
    /** Was it applied? Not one whose key was remembered. */
    applied: boolean;
    /** What the record that it created is called from now on. */
    created: string | null;
    readonly client: ClientSide;
}

/** Randomness that a seed repeats: mulberry32, and nonces that are names or numbers. */

declare class SeededRandom implements Random {
    #private;
    /** What the next nonce is to be: the simulation names its operations. */
    nextNonce: string | null;
    constructor(seed: number, prefix?: string);
    fraction(): number;
    nonce(): string;
}

interface Observation {
    readonly requests: readonly SeenRequest[];
    readonly events: readonly SeenEvent[];
    readonly sourceCalls: readonly Pick<SourceCall, 'at' | 'user' | 'reason'>[];
    readonly applied: readonly string[];
    readonly looks: Readonly<Record<string, Look>>;
    readonly listened: readonly Readonly<Record<string, string>>[];
    readonly final: FinalState;
    /** Every call that rejected, in the order in which they did. */
    readonly rejections: readonly Rejection[];
    /** The codes of those that have an id, by the id: the last one of each. */
    readonly rejects: Readonly<Record<string, string>>;
}
interface FinalState {
    readonly identity: string | null;
    readonly requirement: string;
    readonly pending: readonly string[];
    readonly completed: readonly string[];
    readonly cancelled: readonly string[];
    readonly dead: Readonly<Record<string, string>>;
    readonly dropped: Readonly<Record<string, string>>;
    readonly holds: Readonly<Record<string, readonly string[]>>;
    readonly needs: Readonly<Record<string, string>>;
    readonly reads: Readonly<Record<string, string>>;
}
/** Names in order, what is known of one operation, or how often a subscription was called. */
type Look = readonly string[] | object | number | null;

interface PlayOptions {
    /** Kinds of the app, beside the built-in ones; one of the same name takes the other's place. */
    readonly operations?: readonly AnyOperationKind[];
    /** Where to record the run. Default: in memory, whole, for `journal` of the result. */
    readonly journal?: JournalSink;
}

interface ScenarioResult {
    readonly name: string;
    readonly ok: boolean;
    readonly mismatches: readonly Mismatch[];
    readonly seen: Observation;
    /** The run's journal, a line each, the header first. */
    readonly journal: readonly string[];
}
declare function runScenario(scenario: Scenario, options?: PlayOptions): Promise<ScenarioResult>;

/** What an implementation of Storage brings to its acceptance suite. */

/** One database of the implementation under test, empty at first. Each case wants one of its own. */
interface StorageSubject {
    /** A Storage on that database, not opened yet. Called again after each `close()` or `crash()`. */
    create(): Storage;
    /**
     * Ends the life of the storage made last as the death of its process would: without `close()`, and
     * nothing that has not been committed ever will be.
     */
    crash(): Promise<void>;
    /** A change that this implementation fails at, half way through a transaction. */
    readonly failing: Change;
    /**
     * Does a commit cause an fsync? Then it waits for the end of its turn, so that all calls of the turn share it; if
     * not, it need not wait. Default: true.
     */
    readonly causesFsync?: boolean;
    /** After the case: lets go of everything, also if the case failed. */
    dispose(): Promise<void>;
}
interface StorageContractCase {
    /** The rule, as a sentence. */
    readonly name: string;
    /** Rejects with an AssertionError if the rule does not hold. Disposes of the subject. */
    run(subject: StorageSubject): Promise<void>;
}

declare const storageContract: readonly StorageContractCase[];

export { ReplayDivergedError, SeededRandom, VirtualTime, WALL_START, parseScenario, readJournal, replay, runScenario, storageContract };
export type { Life, Mismatch, ReplayReport, Scenario, ScenarioResult, StorageContractCase, StorageSubject };
