#!/usr/bin/env node
/** The command `holdfast`. */
import { Command } from 'commander'
import { oldNodeMessage } from '../../storage/sqlite/node-version.ts'
import { VERSION } from '../version.ts'

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

await program.parseAsync()
