/**
 * The tables, as numbered migrations. A migration that has been released is never edited; a new one
 * is appended. Tables carry the prefix `holdfast_`, because they may live in the app's own database.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'
import { isOfLane, LANE_OF_KEY, PLACE_OF_KEY } from './row-key.ts'

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE holdfast_lanes (
    lane INTEGER PRIMARY KEY AUTOINCREMENT, -- the number of a lane that was forgotten is never given again
    user TEXT UNIQUE,                       -- NULL: the anonymous lane, 0
    pending INTEGER NOT NULL DEFAULT 0,     -- as of the last change, as are:
    head INTEGER NOT NULL DEFAULT 1024,     -- the first place; of an empty lane the next one that is given
    tail INTEGER NOT NULL DEFAULT 0,        -- the last place given; never given again
    shifted INTEGER NOT NULL DEFAULT 0,     -- how far operations have moved back in all
    solo_through INTEGER NOT NULL DEFAULT 0,
    discard_through INTEGER NOT NULL DEFAULT 0 -- what is pending up to here is to be dropped: 0: nothing
  ) STRICT;
  INSERT INTO holdfast_lanes (lane, user) VALUES (0, NULL);

  -- The key is lane and place in one: the order of sending is the order on disk.
  CREATE TABLE holdfast_operations (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    expires_at INTEGER,
    creates TEXT,                           -- JSON: local ids of records; NULL: none
    device_scoped INTEGER NOT NULL DEFAULT 0,
    superseded INTEGER NOT NULL DEFAULT 0,  -- in flight when another user took the device: not sent again
    lane INTEGER GENERATED ALWAYS AS (${LANE_OF_KEY}) VIRTUAL,
    place INTEGER GENERATED ALWAYS AS (${PLACE_OF_KEY}) VIRTUAL
  ) STRICT;
  CREATE INDEX holdfast_device_scoped ON holdfast_operations (device_scoped) WHERE device_scoped = 1;
  CREATE INDEX holdfast_superseded ON holdfast_operations (superseded) WHERE superseded = 1;

  -- The lanes as they are: since their last change, operations have come behind the tail, each a step (1024) behind
  -- the one before, and have gone from the head on.
  CREATE VIEW holdfast_lanes_now AS
    SELECT lane, user, pending + (last - tail - first + head) / 1024 AS pending, first AS head, last AS tail, shifted,
      solo_through, discard_through
    FROM (
      SELECT *, coalesce(
        (SELECT ${PLACE_OF_KEY} FROM holdfast_operations
         WHERE ${isOfLane('of_lane.lane')} ORDER BY key LIMIT 1), last + 1024) AS first
      FROM (
        SELECT *, max(tail, coalesce(
          (SELECT ${PLACE_OF_KEY} FROM holdfast_operations
           WHERE ${isOfLane('holdfast_lanes.lane')} ORDER BY key DESC LIMIT 1), 0)) AS last
        FROM holdfast_lanes
      ) AS of_lane
    );

  -- Only operations that are not where their id says.
  CREATE TABLE holdfast_moved (
    id TEXT PRIMARY KEY,
    lane INTEGER NOT NULL,
    place INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdfast_envelopes (
    lane INTEGER NOT NULL,
    place INTEGER NOT NULL,
    key TEXT,
    members TEXT NOT NULL,                  -- JSON: the places, in order
    attempts INTEGER NOT NULL,
    counted_attempts INTEGER NOT NULL,
    first_attempt_at INTEGER,
    unknown_since INTEGER,
    retry_at INTEGER,
    wait_ms INTEGER NOT NULL,
    waits_after_unknown INTEGER NOT NULL,
    refused_count INTEGER NOT NULL,
    last_status INTEGER,
    PRIMARY KEY (lane, place)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdfast_letters (
    id TEXT PRIMARY KEY,
    lane INTEGER NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    expires_at INTEGER,
    creates TEXT,
    device_scoped INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    reason TEXT NOT NULL,
    status INTEGER,
    excerpt TEXT,
    died_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    envelope_key TEXT,
    unknown_since INTEGER,
    depends_on TEXT                         -- JSON: local ids of records; NULL: none
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holdfast_letters_by_lane ON holdfast_letters (lane, place);

  CREATE TABLE holdfast_records (
    local TEXT PRIMARY KEY,
    remote TEXT,
    state TEXT NOT NULL,
    lane INTEGER NOT NULL,
    creation TEXT,                          -- the operation that creates it; NULL: none has said so
    changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Records of users who were forgotten: what needs one must not take it for the server's own id.
  CREATE TABLE holdfast_forgotten_records (
    digest TEXT PRIMARY KEY,
    lane INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdfast_positions (
    lane INTEGER NOT NULL,
    key TEXT NOT NULL,
    token TEXT NOT NULL,
    ready_at INTEGER NOT NULL,
    wait_ms INTEGER NOT NULL,
    PRIMARY KEY (lane, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdfast_outcomes (
    id TEXT PRIMARY KEY,
    outcome TEXT NOT NULL,
    reason TEXT,
    settled_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holdfast_outcomes_by_age ON holdfast_outcomes (settled_at);

  CREATE TABLE holdfast_tokens (
    user TEXT PRIMARY KEY,
    generation INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    refused_tokens TEXT,                    -- JSON: fingerprints, the oldest first; NULL: none
    fingerprint TEXT,
    expires_at INTEGER,
    refresh_at INTEGER,
    sealed BLOB,
    leaving INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdfast_deadlines (
    origin TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    wait_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE holdfast_envelopes ADD COLUMN unsent_attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE holdfast_envelopes ADD COLUMN too_large_generation INTEGER;
  ALTER TABLE holdfast_envelopes ADD COLUMN last_code TEXT;
  ALTER TABLE holdfast_envelopes ADD COLUMN last_failed_at INTEGER;
  `,
  // Endings are numbered, so that what is gone without an outcome can be told from what is forgotten (Q23).
  `
  ALTER TABLE holdfast_outcomes ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE holdfast_outcomes ADD COLUMN status INTEGER;
  UPDATE holdfast_outcomes SET number = numbered.number
    FROM (SELECT id, row_number() OVER (ORDER BY settled_at, id) AS number FROM holdfast_outcomes) AS numbered
    WHERE holdfast_outcomes.id = numbered.id;
  CREATE INDEX holdfast_outcomes_by_number ON holdfast_outcomes (number);
  `,
  // Of a wait that was stored before, nobody knows whether a server asked for it: it counts as asked for.
  `
  ALTER TABLE holdfast_envelopes ADD COLUMN asked_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE holdfast_envelopes SET asked_ms = wait_ms;
  ALTER TABLE holdfast_operations ADD COLUMN revision INTEGER NOT NULL DEFAULT 0; -- how often its payload was replaced
  ALTER TABLE holdfast_letters ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE holdfast_outcomes ADD COLUMN result TEXT; -- JSON; NULL: none

  CREATE INDEX holdfast_letters_by_age ON holdfast_letters (died_at, lane, place, id);

  CREATE TABLE holdfast_owners (
    user TEXT PRIMARY KEY,                  -- '': the anonymous identity
    last_completed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
]

/** The schema this version of Holdfast writes. */
const SCHEMA_VERSION = MIGRATIONS.length

/** The schema of a database, 0 if it has none yet. Reads only. */
function schemaVersion(database: Database): number {
  const table = database
    .prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'holdfast_meta'`)
    .get()
  if (table === undefined) return 0
  const row = database
    .prepare<[], { value: string }>(`SELECT value FROM holdfast_meta WHERE name = 'schema'`)
    .get()
  return row === undefined ? 0 : Number(row.value)
}

/** Refuses a database that a newer version of Holdfast wrote; it has not been touched yet. */
export function refuseNewerSchema(database: Database): void {
  const found = schemaVersion(database)
  if (found <= SCHEMA_VERSION) return
  throw new StorageError(
    'STORAGE_NEWER_SCHEMA',
    `the database has schema ${found}, this version of holdfast knows up to ${SCHEMA_VERSION}; ` +
      'update holdfast, or open another file',
  )
}

/** Brings a database to the current schema, in one transaction. Answers whether it was empty before. */
export function migrate(database: Database): boolean {
  return database
    .transaction(() => {
      refuseNewerSchema(database)
      const found = schemaVersion(database)
      if (found === SCHEMA_VERSION) return false
      database.exec(
        `CREATE TABLE IF NOT EXISTS holdfast_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,
      )
      for (const migration of MIGRATIONS.slice(found)) database.exec(migration)
      database
        .prepare(`INSERT OR REPLACE INTO holdfast_meta (name, value) VALUES ('schema', ?)`)
        .run(String(SCHEMA_VERSION))
      return found === 0
    })
    .immediate()
}
