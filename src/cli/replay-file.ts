/** `holdfast replay`: exit status 0 the same decisions, 1 they differ, 2 the file is no journal. */
import { readFile } from 'node:fs/promises'
import { HoldfastError, ReplayDivergedError } from '../errors.ts'
import { replay } from '../journal/replay.ts'
import { printable, printableJson } from '../scrub/printable.ts'

export async function replayFile(
  file: string,
  { json }: { readonly json: boolean },
): Promise<number> {
  try {
    const report = await replay(await readFile(file, 'utf8'))
    const { fed, decided, withStorage } = report
    const storage = withStorage ? 'on a fresh database' : "with the journal's answers of storage"
    process.stdout.write(
      json
        ? `${printableJson({ file, ok: true, ...report })}\n`
        : `ok ${printable(file)}: ${decided} decisions made again from ${fed} events, ${storage}\n`,
    )
    return 0
  } catch (error) {
    if (error instanceof ReplayDivergedError) {
      const { line, expected, actual, code } = error
      process.stdout.write(
        json
          ? `${printableJson({ file, ok: false, code, line, expected, actual })}\n`
          : `not ok ${printable(file)}: ${code} at line ${line}\n` +
              `    expected ${printableJson(expected)}\n    actual   ${printableJson(actual)}\n`,
      )
      return 1
    }
    const message =
      error instanceof HoldfastError || isFileError(error) ? error.message : String(error)
    process.stderr.write(`${printable(`${file}: ${message}`)}\n`)
    return 2
  }
}

function isFileError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error
}
