#!/usr/bin/env node
/** The command `holdfast`. */
import { Command, InvalidArgumentError } from 'commander'
import { oldNodeMessage } from '../../storage/sqlite/node-version.ts'
import { VERSION } from '../version.ts'
import type { FuzzCommandOptions } from './fuzz.ts'

const tooOld = oldNodeMessage()
if (tooOld !== null) {
  process.stderr.write(`${tooOld}\n`)
  process.exit(2)
}

const program = new Command('holdfast')
  .description('Runs and replays what Holdfast did, or should do.')
  .version(VERSION)
  // 1 says that something was run and does not hold; a call that is not understood ran nothing.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))

program
  .command('simulate')
  .description('run scenario files on a fresh engine in virtual time, and compare')
  .argument('<files...>', 'scenario files')
  .option('--journal <file>', "write the run's journal (JSON Lines; of the last file, if several)")
  .option('--json', 'print the whole result as JSON', false)
  .action(async (files: string[], options: { journal?: string; json: boolean }) => {
    const { simulate } = await import('./simulate.ts')
    process.exitCode = await simulate(files, options)
  })

program
  .command('replay')
  .description('feed a journal to this version, and stop at the first decision that differs')
  .argument('<file>', 'a journal, as `simulate --journal` or the option `journal` writes it')
  .option('--json', 'print the result as JSON', false)
  .action(async (file: string, options: { json: boolean }) => {
    const { replayFile } = await import('./replay-file.ts')
    process.exitCode = await replayFile(file, options)
  })

program
  .command('fuzz')
  .description(
    'make plans from seeds, run each in the simulated world, and look at every invariant',
  )
  .option('--seeds <count>', 'how many (default: 1000, or without end with --seconds)', wholeNumber)
  .option('--seconds <count>', 'stop after so many seconds', wholeNumber)
  .option('--from <seed>', 'the first seed', wholeNumber, 1)
  .option('--seed <seed>', 'this one only', wholeNumber)
  .option('--jobs <count>', 'how many processes play plans (default: one per core)', wholeNumber)
  .option('--save <folder>', 'where the smallest plan of each failure is written', '.')
  .option('--json', 'print the whole result as JSON', false)
  .action(async (options: FuzzCommandOptions) => {
    const { fuzzCommand } = await import('./fuzz.ts')
    process.exitCode = await fuzzCommand(options)
  })

await program.parseAsync()

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('it must be a whole number.')
}
