/**
 * What works on the system of whoever writes it and not on another one: the traps that `tidy.test.ts` searches the tests
 * and scripts for. A file may step into one where its entry in `ALLOWED` says why that does no harm.
 */
import type { Source } from './sources.ts'

interface Trap {
  readonly pattern: RegExp
  readonly why: string
  /** Code that must be found, so that a pattern which finds nothing is noticed. */
  readonly example: string
}

const PROGRAM = String.raw`(?<![.\w])(?:execFile|execFileSync|exec|execSync|spawn|spawnSync)\(\s*['"\x60]`

export const TRAPS = {
  shim: {
    pattern: /\(\s*['"`](?:npm|npx|tsc|tsx|vitest|prettier|oxlint|knip|publint|attw)['"`],/,
    why: 'on Windows the command is a .cmd file, which only a shell can start: use scripts/commands.ts',
    example: `run('npm', 'pack')`,
  },
  program: {
    pattern: new RegExp(PROGRAM),
    why: 'another system may not have the program, or have another one of that name',
    example: `spawnSync('mkfifo', [place])`,
  },
  shell: {
    pattern: /\bshell:|['"`](?:ba)?sh['"`]|\bulimit\b/,
    why: 'Windows has no POSIX shell',
    example: `execFile('true', [], { shell: true })`,
  },
  stop: {
    pattern: /\bSIG(?:STOP|CONT|TSTP|USR[12]|HUP|PIPE|ALRM)\b/,
    why: 'Windows has no such signal: leave the test out there, see support/systems.ts',
    example: `child.kill('SIGSTOP')`,
  },
  'request to end': {
    pattern: /\bSIG(?:TERM|INT|BREAK)\b/,
    why: 'on Windows the signal ends the process without asking it',
    example: `child.kill('SIGTERM')`,
  },
  'signal to itself': {
    pattern: /(?<![.#\w])process\.kill\(/,
    why: 'on Windows the parent sees a status and no signal: expect KILLED_BY_ITSELF',
    example: `process.kill(process.pid, 'SIGKILL')`,
  },
  mode: {
    pattern: /\bl?chmod(?:Sync)?\(|\bumask\(|\b0o[0-7]{3,4}\b/,
    why: 'files on Windows have no modes',
    example: `chmodSync(file, 0o600)`,
  },
  owner: {
    pattern: /\b(?:get|set)e?[ug]id\b|\bl?chown(?:Sync)?\(/,
    why: 'Windows has no numbers of users',
    example: `process.geteuid()`,
  },
  link: {
    pattern: /\bsymlink(?:Sync)?\(|\blink(?:Sync)?\(|\breadlink(?:Sync)?\(|\bmkfifo\b/,
    why: 'Windows makes links for administrators only, except junctions, and has no FIFOs',
    example: `symlinkSync(real, link)`,
  },
  'path of one system': {
    pattern: /['"`]\/(?:tmp|dev|proc|etc|usr|bin|var|home|Users|Library)\b|['"`][A-Z]:\\/,
    why: 'only one system has the path',
    example: `existsSync('/proc/locks')`,
  },
  'folder of temporary files': {
    pattern: /\bmkdtemp(?:Sync)?\(|\bTMPDIR\b/,
    why: 'the name may lead through a link (macOS) or be a short one (Windows): use temporaryFolder()',
    example: `mkdtempSync(join(tmpdir(), 'test-'))`,
  },
  'removal at once': {
    pattern: /\brm(?:Sync)?\([^)]*recursive: true(?![^)]*(?:maxRetries|retries))/,
    why: 'on Windows a scanner may have a file open for a moment: give maxRetries',
    example: `rmSync(folder, { recursive: true })`,
  },
  'path of an URL': {
    pattern: /import\.meta\.url\)\.pathname/,
    why: 'on Windows it begins with /C:, and characters are escaped: use fileURLToPath()',
    example: `new URL('x.ts', import.meta.url).pathname`,
  },
  'import of a path': {
    pattern: /\bimport\((?:join|resolve|fileURLToPath)\(|\bimport\(`\$\{(?:ROOT|folder|file)/,
    why: 'on Windows C: is taken for the scheme of a URL: use pathToFileURL()',
    example: 'await import(join(folder, "x.ts"))',
  },
} satisfies Readonly<Record<string, Trap>>

type TrapName = keyof typeof TRAPS

export const TRAP_NAMES = Object.keys(TRAPS) as TrapName[]

const LEFT_OUT = 'the tests are left out on Windows'
const NEEDS_ROOT = 'the tests need root, and say so where there is none'
const WITHOUT_ROOT = 'does nothing where there is no such function'
const ONLY_LINUX = 'used only where the file exists'

/** Every file that may, and why. */
const ALLOWED: Readonly<Record<string, Readonly<Partial<Record<TrapName, string>>>>> = {
  'bench/measuring.ts': {
    'folder of temporary files': 'no path of it is compared',
  },
  'examples/main-job/app.ts': {
    'request to end': 'it listens to both; Ctrl+C comes on Windows too',
  },
  'examples/main-job/job.ts': {
    'folder of temporary files': 'no path of it is compared',
  },
  'examples/main-job/start.ts': {
    'request to end': 'it listens to both; Ctrl+C comes on Windows too',
  },
  'examples/server/main.ts': {
    'request to end': 'it listens to both, and ends at the end of its input too',
  },
  'scripts/build.ts': { mode: 'Windows ignores the execute bit' },
  'scripts/consumers.ts': {
    'folder of temporary files': 'no path of it is compared',
  },
  'scripts/public-types.ts': {
    program: 'whoever has the project has git',
    'folder of temporary files': 'no path of it is compared',
  },
  'test/dispatch-lock.test.ts': { link: 'a junction' },
  'test/file-journal-refused.test.ts': { mode: LEFT_OUT },
  'test/file-locks.test.ts': { program: 'without python3 the tests are left out, and said so' },
  'test/file-names.test.ts': { link: LEFT_OUT },
  'test/main-job.test.ts': { 'request to end': LEFT_OUT },
  'test/merging-processes.test.ts': { stop: LEFT_OUT },
  'test/package.test.ts': { mode: LEFT_OUT },
  'test/platform/drives.test.ts': { link: 'a hard link, which Windows makes for everybody' },
  'test/platform/only-on-the-system.test.ts': {
    program: 'programs of Windows, for tests that run there only',
    'removal at once': 'that it works at once is what the test shows',
  },
  'test/platform/windows-files.test.ts': {
    'path of one system': 'only its length is looked at',
  },
  'test/private-files.test.ts': { mode: LEFT_OUT, link: LEFT_OUT, program: LEFT_OUT },
  'test/processes.test.ts': { stop: LEFT_OUT },
  'test/processes/commit-and-die.ts': { 'signal to itself': 'KILLED_BY_ITSELF is expected' },
  'test/processes/salvage-until-killed.ts': { 'signal to itself': 'KILLED_BY_ITSELF is expected' },
  'test/processes/visited-by-another.ts': {
    'signal to itself': 'KILLED_BY_ITSELF is expected',
    link: 'on Linux only',
    'path of one system': 'on Linux only',
  },
  'test/reference-server.test.ts': { 'request to end': LEFT_OUT },
  'test/soak/file-limit.ts': { shell: LEFT_OUT, program: LEFT_OUT },
  'test/soak/full-disk.ts': { shell: 'names what is left out' },
  'test/soak/scratch.ts': {
    'path of one system': ONLY_LINUX,
    'folder of temporary files': 'no path of it is compared',
  },
  'test/sqlite-storage-failures.test.ts': { mode: LEFT_OUT, owner: WITHOUT_ROOT },
  'test/storage.contract.test.ts': {
    'folder of temporary files': 'no path of it is compared',
  },
  'test/support/app-process.ts': { stop: 'the tests that call it are left out on Windows' },
  'test/support/built.ts': { mode: 'not looked at on Windows' },
  'test/support/locks.ts': { 'path of one system': ONLY_LINUX },
  'test/bundlers.test.ts': {
    'folder of temporary files': 'the folder is in the project',
  },
  'test/support/snippets.ts': {
    'folder of temporary files': 'the folder is in the project',
  },
  'test/support/temporary-folder.ts': {
    'folder of temporary files': 'takes the real name of the folder',
  },
  'test/take-over.test.ts': { stop: LEFT_OUT },
  'test/two-users.test.ts': { mode: NEEDS_ROOT, owner: NEEDS_ROOT, link: NEEDS_ROOT },
  'test/worker-storage-failures.test.ts': { mode: LEFT_OUT, owner: WITHOUT_ROOT },
  'test/worker-storage-processes.test.ts': { stop: LEFT_OUT },
}

type Code = Pick<Source, 'path' | 'code'>

/** Each trap that a file steps into without leave. */
export function trapsIn(files: readonly Code[]): string[] {
  return files.flatMap(({ path, code }) =>
    TRAP_NAMES.filter((name) => TRAPS[name].pattern.test(code))
      .filter((name) => ALLOWED[path]?.[name] === undefined)
      .map((name) => `${path}: ${name}: ${TRAPS[name].why}`),
  )
}

/** Each leave that its file does not need. */
export function needlessLeaves(files: readonly Code[]): string[] {
  const codes = new Map(files.map(({ path, code }) => [path, code]))
  return Object.entries(ALLOWED).flatMap(([path, leaves]) =>
    TRAP_NAMES.filter((name) => leaves[name] !== undefined)
      .filter((name) => !TRAPS[name].pattern.test(codes.get(path) ?? ''))
      .map((name) => `${path}: ${name}`),
  )
}
