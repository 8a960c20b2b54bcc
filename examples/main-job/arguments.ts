/** The arguments of the main job. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'

export interface Arguments {
  /** Null: the recording that comes with the example. */
  readonly trace: string | null
  readonly seed: number
  readonly kills: number
  readonly speed: number | null
  readonly merge: boolean
}

/** What to do instead of running: the help or a complaint has been printed. */
export interface Ended {
  readonly exitCode: number
}

export function readArguments(argv: readonly string[]): Arguments | Ended {
  const command = new Command('npm start --')
    .description('Replays recorded editing sessions through Holdfast, with faults and kills.')
    .option('--trace <file>', 'a recorded session, .json.gz, for alice (default: a bundled one)')
    .option('--seed <number>', 'chooses the faults and when they come', wholeNumber, 1)
    .option('--kills <number>', 'how often the app is killed', wholeNumber, 5)
    .option(
      '--speed <number>',
      'operations typed per second; 0: as fast as they are taken (default: 150, with --trace 0)',
      wholeNumber,
    )
    .option('--no-merge', 'one request for each operation')
    .exitOverride()
  try {
    command.parse(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 }
    throw error
  }
  const options = command.opts<{
    trace?: string
    seed: number
    kills: number
    speed?: number
    merge: boolean
  }>()
  const speed = options.speed ?? (options.trace === undefined ? 150 : 0)
  return { ...options, trace: options.trace ?? null, speed: speed === 0 ? null : speed }
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0.')
}
