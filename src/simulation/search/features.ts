/**
 * Swarm testing: each plan has whole features off and wild weights for the rest, because what is always
 * mixed with everything else hides what a few features do to each other (Groce et al., ISSTA 2012).
 */
import type { Dice } from './dice.ts'

/** What a step may be, and what the world may do. */
const FEATURES = [
  'switches',
  'logouts',
  'updateTokens',
  'badTokens',
  'source',
  'garbage',
  'requirements',
  'requirementSource',
  'crashes',
  'deaths',
  'disk',
  'restarts',
  'network',
  'power',
  'pauses',
  'wall',
  'cancels',
  'retries',
  'discards',
  'reads',
  'merges',
  'records',
  'deviceScoped',
  'expiry',
  'slowReplies',
  'lostReplies',
  'badStatuses',
  'retryAfter',
  'portals',
  'dates',
  'positions',
  'malformed',
  'forgets',
  'refreshes',
  'flushes',
  'followUps',
  'folds',
  'limits',
  'briefKeys',
  'releases',
  'farewells',
  'second',
  'unsent',
  'tooLarge',
  'misfits',
  'cuts',
  'labels',
  'tokenStorms',
  'notBefore',
  'lateAnswers',
  'sourceLines',
  'damage',
  'illFormed',
  'outsized',
  'draws',
] as const

export type Feature = (typeof FEATURES)[number]

/** The weight of each feature that is on. */
export type Features = ReadonlyMap<Feature, number>

export function chooseFeatures(dice: Dice): Features {
  const on = new Map<Feature, number>()
  const share = dice.of([0.25, 0.5, 0.75])
  for (const feature of FEATURES) {
    if (dice.chance(share)) on.set(feature, dice.of([0.3, 1, 1, 3]))
  }
  return on
}
