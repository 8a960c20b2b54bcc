/** What a commit survives, as SQLite and as Holdfast say it. */
export type Durability = 'FULL' | 'NORMAL'

export const DURABILITIES: readonly Durability[] = ['FULL', 'NORMAL']
