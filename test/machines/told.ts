/** Reading the commands of a step. */

interface Command {
  readonly type: string
}

export function has(commands: readonly Command[], type: string): boolean {
  return commands.some((command) => command.type === type)
}

/** What the last of two opposite commands leaves behind. */
export function folded(
  before: boolean,
  commands: readonly Command[],
  [set, lifted]: readonly [string, string],
): boolean {
  const last = commands.findLast(({ type }) => type === set || type === lifted)
  return last === undefined ? before : last.type === set
}

export function isUnique(items: readonly unknown[]): boolean {
  return new Set(items).size === items.length
}
