// The files of the built package that have a fixed name. All files lie in one folder, because two of them are started by their
// address beside the file that starts them: the thread of the storage, and the process that plays plans.

/** The source of each file, by the name of the file in `dist/`. */
export const ENTRY_POINTS = {
  index: 'src/index.ts',
  simulation: 'src/simulation/index.ts',
  cli: 'src/cli/main.ts',
  'holdfast-worker': 'storage/sqlite/worker/worker.ts',
  'plan-child': 'src/simulation/search/plan-child.ts',
} as const satisfies Readonly<Record<string, string>>

/** The entry points that an app imports. Each has a declaration file; the declarations of the others import the ids from `index`. */
export const TYPED_ENTRY_POINTS = [
  'index',
  'simulation',
] as const satisfies readonly (keyof typeof ENTRY_POINTS)[]
