/** Every path through the machines: all states are reached, nothing fails, and what must hold holds. */
import type { AnyStateMachine } from 'xstate'
import { describe, expect, it } from 'vitest'
import { identityMachine } from '../../machines/identity.machine.ts'
import { laneMachine } from '../../machines/lane.machine.ts'
import { queueMachine } from '../../machines/queue.machine.ts'
import { tokenMachine } from '../../machines/token.machine.ts'
import type { UserId } from '../../src/model.ts'
import { identityEvents, identityInvariants } from './identity.paths.ts'
import { laneBounds, laneInvariants } from './lane.paths.ts'
import { queueBounds, queueInvariants } from './queue.paths.ts'
import { tokenEvents, tokenInvariants } from './token.paths.ts'
import { type Bounds, type Invariants, type Step, walk } from './walk.ts'

const user = 'alice' as UserId

function testPaths<Machine extends AnyStateMachine>(
  title: string,
  machine: Machine,
  bounds: Bounds<Machine>,
  invariants: Invariants<Machine>,
  unreachable: readonly string[] = [],
) {
  describe(`every path through ${title}`, () => {
    const { snapshots, steps, unreached } = walk(machine, bounds)

    it('reaches every state', () => {
      expect(snapshots.length).toBeGreaterThan(1)
      expect(unreached).toStrictEqual(unreachable)
    })

    it.each(Object.keys(invariants))('%s', (sentence) => {
      const broken = steps.find((step) => invariants[sentence]?.(step) !== true)
      expect(broken && told(broken)).toBeUndefined()
    })
  })
}

/** A step in short, for the report of a failure. */
function told<Machine extends AnyStateMachine>({ before, event, after, commands }: Step<Machine>) {
  const short = ({ value, context }: { value: unknown; context: unknown }) => ({ value, context })
  return { before: short(before), event, after: short(after), commands }
}

testPaths('the lane', laneMachine, laneBounds, laneInvariants)

testPaths('the queue', queueMachine, queueBounds, queueInvariants)

for (const anonymous of ['drop', 'hold', 'adopt'] as const) {
  for (const whileUnknown of ['hold', 'send'] as const) {
    testPaths(
      `the identity under ${anonymous} and ${whileUnknown}`,
      identityMachine,
      { input: { anonymous, whileUnknown }, events: identityEvents },
      identityInvariants,
    )
  }
}

testPaths(
  'the token with a source',
  tokenMachine,
  { input: { user, hasSource: true }, events: tokenEvents },
  tokenInvariants,
)

testPaths(
  'the token without a source',
  tokenMachine,
  { input: { user, hasSource: false }, events: tokenEvents },
  tokenInvariants,
  ['asking', 'coolingDown', 'denied'].map((state) => `token.refresh.${state}`),
)
