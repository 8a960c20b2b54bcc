/** The processes of the simulated app, by name. A run begins with `main`. */
export const PROCESS_NAMES = ['main', 'second'] as const

export type ProcessName = (typeof PROCESS_NAMES)[number]
