/**
 * Swarm testing: each plan has whole features off and wild weights for the rest, because what is always
 * mixed with everything else hides what a few features do to each other (Groce et al., ISSTA 2012).
 * Every second plan has a theme: the few features that it takes to reach one part of the engine, and little else.
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
  'sendNows',
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
  'shortLived',
  'slow',
  'sleeps',
  'setClocks',
  'scanners',
  'watches',
  'mortals',
  'devices',
  'texts',
  'within',
  'retains',
  'results',
  'keys',
  'closes',
  'looks',
  'listens',
  'vaults',
  'echoes',
  'noRoom',
] as const

export type Feature = (typeof FEATURES)[number]

/** The weight of each feature that is on. */
export type Features = ReadonlyMap<Feature, number>

/** Features that disturb, or only refuse calls: where many are on, the rest of the plan does not get far. */
const DISTURBING: ReadonlySet<Feature> = new Set([
  'disk',
  'forgets',
  'requirements',
  'pauses',
  'power',
  'wall',
  'unsent',
  'tooLarge',
  'damage',
  'illFormed',
  'outsized',
  'noRoom',
  'scanners',
  'watches',
  'sleeps',
  'setClocks',
  'garbage',
])

/** The share of plans that have a disturbing feature is smaller by this factor: else hardly a request is sent before the end. */
const DISTURBING_SHARE = 0.5

/** Features that only together reach a part of the engine. */
const THEMES: readonly [readonly Feature[], ...(readonly Feature[])[]] = [
  // Envelopes of unknown outcome, and neighbours that come after them.
  ['merges', 'lostReplies', 'unsent', 'crashes', 'slowReplies'],
  ['merges', 'folds', 'lostReplies', 'unsent', 'network', 'deaths'],
  ['misfits', 'merges', 'lostReplies', 'unsent', 'cancels'],
  ['releases', 'draws', 'lostReplies', 'crashes', 'briefKeys'],
  ['damage', 'merges', 'lostReplies', 'slowReplies', 'crashes'],
  // Tokens.
  ['badTokens', 'updateTokens', 'reads', 'slowReplies', 'positions'],
  ['badTokens', 'updateTokens', 'logouts', 'reads', 'switches'],
  ['source', 'shortLived', 'updateTokens', 'wall', 'dates'],
  ['tokenStorms', 'updateTokens', 'source', 'refreshes', 'notBefore'],
  ['source', 'lateAnswers', 'badTokens', 'switches', 'sourceLines'],
  // Who sends, and for whom.
  ['second', 'updateTokens', 'crashes', 'deaths', 'merges'],
  ['requirements', 'requirementSource', 'switches', 'deviceScoped', 'logouts', 'farewells'],
  ['records', 'followUps', 'badStatuses', 'retries', 'discards'],
  ['retryAfter', 'restarts', 'expiry', 'network', 'power', 'sendNows'],
  ['slow', 'requirements', 'second', 'within', 'updateTokens'],
  ['devices', 'records', 'switches', 'deviceScoped', 'mortals'],
  ['keys', 'positions', 'reads', 'forgets', 'switches'],
  ['closes', 'slowReplies', 'lostReplies', 'looks', 'retains', 'results'],
  ['vaults', 'restarts', 'updateTokens', 'crashes', 'listens'],
  ['echoes', 'badStatuses', 'texts', 'within', 'noRoom'],
]

/** A plan with a theme has nearly all features of it. */
const OF_THEME_SHARE = 0.85

export function chooseFeatures(dice: Dice): Features {
  const on = new Map<Feature, number>()
  const theme = dice.chance(0.5) ? dice.of(THEMES) : []
  const share = theme.length > 0 ? dice.of([0, 0.1, 0.2]) : dice.of([0.1, 0.25, 0.4, 0.6])
  for (const feature of FEATURES) {
    const isOn = dice.chance(
      theme.includes(feature)
        ? OF_THEME_SHARE
        : share * (DISTURBING.has(feature) ? DISTURBING_SHARE : 1),
    )
    if (isOn) on.set(feature, dice.of([0.3, 1, 1, 3]))
  }
  // What a slow check is there for is that the requirement turns meanwhile.
  if (on.has('slow') && dice.chance(0.5)) turnOn(on, 'requirements')
  // Only what is set aside is in the way of a scanner, and only of another process is there something to notice.
  if (on.has('scanners')) turnOn(on, 'damage')
  if (on.has('watches')) turnOn(on, 'second')
  if (on.has('keys')) turnOn(on, 'positions', 'reads')
  // A vault is asked only at a start.
  if (on.has('vaults')) turnOn(on, 'restarts')
  return on
}

function turnOn(on: Map<Feature, number>, ...features: readonly Feature[]): void {
  for (const feature of features) if (!on.has(feature)) on.set(feature, 1)
}
