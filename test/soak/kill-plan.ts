/** What a seed makes of a campaign of kills: who works on the file, and at which moments they are killed. */
import { Dice } from '../../src/simulation/search/dice.ts'
import type { FloodTurn } from '../processes/protocol.ts'

export interface KillPlan {
  readonly seed: number
  readonly durability: 'power-loss' | 'app-crash'
  readonly requirement: 'required' | 'off'
  readonly users: readonly (string | null)[]
  /** How many live at once. */
  readonly processCount: number
  readonly latencyMs: number
  /** Does the next one dispatch what is left at the end, or one that is alive? */
  readonly isDrainedAnew: boolean
  readonly steps: readonly KillStep[]
}

export interface KillStep {
  /** What each living process that has nothing to do is to enqueue now. */
  readonly turns: readonly FloodTurn[]
  readonly moment: Moment
  /** Turns of the event loop that pass between the moment and the kill. */
  readonly delayTurns: number
  /** Which of the living, for moments that can be anybody's. */
  readonly victim: number
  /** Is the file looked into after the kill? Who looks changes who recovers it. */
  readonly looks: boolean
}

type Moment =
  /** While it opens the file. */
  | { readonly type: 'opening' }
  /** It said so many times more that something is stored. */
  | { readonly type: 'stored'; readonly count: number }
  /** Somebody said so many times more that this happened: who did is killed. */
  | { readonly type: 'sent' | 'completed'; readonly count: number }
  /** A request of the first process has stopped before it left, or when its reply was there. */
  | { readonly type: 'held'; readonly at: 'sending' | 'replied' }

const MOST_STEPS = 12

export function makeKillPlan(seed: number, mostKills = MOST_STEPS): KillPlan {
  const dice = new Dice(seed)
  const requirement = dice.of<'off' | 'required'>(['off', 'off', 'required'])
  const users = requirement === 'off' ? [null, 'alice', 'bob'] : ['alice', 'bob']
  const kinds = dice.of([['note'], ['bundle'], ['note', 'bundle'], ['bundle', 'bundle', 'note']])
  const processCount = dice.of([1, 1, 2, 3, 4])
  const count = Math.min(mostKills, dice.between(6, MOST_STEPS))
  return {
    seed,
    durability: dice.of(['power-loss', 'power-loss', 'app-crash']),
    requirement,
    users,
    processCount,
    latencyMs: dice.of([0, 0, 1, 5]),
    isDrainedAnew: dice.chance(0.5),
    steps: Array.from({ length: count }, () => makeStep(dice, users, kinds)),
  }
}

function makeStep(
  dice: Dice,
  users: readonly (string | null)[],
  kinds: readonly string[],
): KillStep {
  const turns = Array.from({ length: dice.between(1, 12) }, (): FloodTurn => ({
    user: dice.any(users),
    kinds: Array.from({ length: dice.of([1, 1, 2, 5, 12]) }, () =>
      dice.any(kinds) === 'bundle' ? 'bundle' : 'note',
    ),
  }))
  const total = turns.reduce((sum, turn) => sum + turn.kinds.length, 0)
  const count = dice.between(1, total)
  const moment = dice.of<Moment>([
    { type: 'opening' },
    { type: 'stored', count },
    { type: 'stored', count },
    { type: 'sent', count },
    { type: 'completed', count },
    { type: 'held', at: dice.of(['sending', 'replied']) },
  ])
  return {
    turns,
    moment,
    // To open a file takes long.
    delayTurns:
      moment.type === 'opening'
        ? dice.between(0, 20_000)
        : dice.of([0, 0, 1, dice.between(2, 30), dice.between(30, 1000)]),
    victim: dice.between(0, 11),
    looks: dice.chance(0.5),
  }
}
