/** The tables that a salvage reads, by what they are keyed, and what every row of them must satisfy to make sense. */

export interface SalvagedTable {
  readonly name: string
  readonly key: readonly string[]
  /** SQL: true of every row that Holdfast can have written. */
  readonly sense: string
}

const isJson = (column: string) => `json_valid(${column})`
const isJsonOrNull = (column: string) => `(${column} IS NULL OR json_valid(${column}))`

export const OPERATIONS: SalvagedTable = {
  name: 'holdfast_operations',
  key: ['key'],
  sense: `key > 0 AND ${isJson('payload')} AND ${isJsonOrNull('creates')}`,
}

export const LETTERS: SalvagedTable = {
  name: 'holdfast_letters',
  key: ['id'],
  sense: `${isJson('payload')} AND ${isJsonOrNull('creates')} AND ${isJsonOrNull('depends_on')}`,
}

export const ENVELOPES: SalvagedTable = {
  name: 'holdfast_envelopes',
  key: ['lane', 'place'],
  sense: isJson('members'),
}

export const LANES: SalvagedTable = {
  name: 'holdfast_lanes',
  key: ['lane'],
  sense: '(user IS NULL) = (lane = 0)',
}

export const MOVED: SalvagedTable = { name: 'holdfast_moved', key: ['id'], sense: 'true' }

export const RECORDS: SalvagedTable = {
  name: 'holdfast_records',
  key: ['local'],
  sense: `state IN ('pending', 'made', 'lost')`,
}

export const FORGOTTEN_RECORDS: SalvagedTable = {
  name: 'holdfast_forgotten_records',
  key: ['digest'],
  sense: 'true',
}

export const POSITIONS: SalvagedTable = {
  name: 'holdfast_positions',
  key: ['lane', 'key'],
  sense: 'true',
}

export const OWNERS: SalvagedTable = { name: 'holdfast_owners', key: ['user'], sense: 'true' }

export const OUTCOMES: SalvagedTable = {
  name: 'holdfast_outcomes',
  key: ['id'],
  sense: `outcome IN ('completed', 'dropped', 'cancelled', 'dead')`,
}

export const TOKENS: SalvagedTable = {
  name: 'holdfast_tokens',
  key: ['user'],
  sense: isJsonOrNull('refused_tokens'),
}

export const DEADLINES: SalvagedTable = {
  name: 'holdfast_deadlines',
  key: ['origin'],
  sense: 'true',
}

export const META: SalvagedTable = {
  name: 'holdfast_meta',
  key: ['name'],
  sense: `name NOT IN ('left-behind', 'endings') OR json_valid(value)`,
}

export const SALVAGED_TABLES: readonly SalvagedTable[] = [
  META,
  LANES,
  OPERATIONS,
  MOVED,
  ENVELOPES,
  LETTERS,
  RECORDS,
  FORGOTTEN_RECORDS,
  POSITIONS,
  OWNERS,
  OUTCOMES,
  TOKENS,
  DEADLINES,
]
