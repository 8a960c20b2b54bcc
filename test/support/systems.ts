/**
 * The tests that a system cannot run. Such a test is left out there, and its reason is printed, because nobody sees a test
 * that is not there. The functions are for `test.skipIf()` and `describe.skipIf()`.
 */

const SYSTEMS = { win32: 'Windows', darwin: 'macOS' } as const

/** The reasons that several test files share. */
export const NO_STOP = 'Windows cannot stop a process and let it go on'
export const NO_REQUESTS_TO_END = 'on Windows every signal ends the process without asking it'
export const NO_MODES = 'files on Windows have no modes, their access lists are not ours'
export const NO_LINKS = 'Windows has no FIFOs, and makes links for administrators only'
export const OPEN_FILES_STAY =
  'Windows lets nobody remove, move or replace a file that SQLite has open'

interface Machine {
  readonly platform: NodeJS.Platform
  readonly print: (text: string) => void
}

const here: Machine = {
  platform: process.platform,
  print: (text) => void process.stdout.write(text),
}

/** True on Windows. Prints there which tests are left out, and why. */
export function leftOutOnWindows(what: string, why: string, machine = here): boolean {
  const isLeftOut = machine.platform === 'win32'
  if (isLeftOut) machine.print(`\n  not tested: ${what}, because ${why}\n`)
  return isLeftOut
}

/** True on every other system. Prints there which tests are left out. */
export function leftOutUnlessOn(
  system: keyof typeof SYSTEMS,
  what: string,
  machine = here,
): boolean {
  const isLeftOut = machine.platform !== system
  if (isLeftOut) machine.print(`\n  not tested: ${what}, because this is not ${SYSTEMS[system]}\n`)
  return isLeftOut
}

/**
 * How the end of a process looks to its parent after the process has sent SIGKILL to itself. On Windows the process ends at
 * once too, but with a status, as no signal came from the parent.
 */
export const KILLED_BY_ITSELF =
  process.platform === 'win32'
    ? ({ status: 1, signal: null } as const)
    : ({ status: null, signal: 'SIGKILL' } as const)
