// docs/machines.md, made from the code: of each machine its essay and its diagram, and the table of holds.
//
//   npm run docs:check       compare, fail with the command that brings it up to date
//   npm run docs:machines    write it

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { AnyStateMachine } from 'xstate'
import { format, resolveConfig } from 'prettier'
import { HOLDS } from '../machines/holds.ts'
import { identityMachine } from '../machines/identity.machine.ts'
import { laneMachine } from '../machines/lane.machine.ts'
import { queueMachine } from '../machines/queue.machine.ts'
import { tokenMachine } from '../machines/token.machine.ts'
import { actionText, configOf, guardText, type State, type Transition } from './machine-config.ts'

const file = 'docs/machines.md'
const machines = [identityMachine, tokenMachine, laneMachine, queueMachine]

/** The comment that a file begins with, as Markdown. */
function essay(source: string): string {
  const [, comment] = /^\/\*\*\n([^]*?)\n \*\/\n/.exec(readFileSync(source, 'utf8')) ?? []
  if (comment === undefined) throw new Error(`${source} does not begin with a comment`)
  return comment.replaceAll(/^ \* ?/gm, '')
}

function labelOf(event: string, { guard, actions }: Transition): string {
  const condition = guard === undefined ? '' : ` [${guardText(guard)}]`
  return `${event}${condition}${actionsOf(actions)}`
}

function actionsOf(actions: State['entry']): string {
  return actions.length === 0 ? '' : ` / ${actions.map(actionText).join(', ')}`
}

/** What stays in a state is written into it; what leaves it is an arrow. */
function transitions(name: string, on: State['on']): string[] {
  return Object.entries(on).flatMap(([event, candidates]) =>
    candidates.map((transition) => {
      const { target, guard, actions } = transition
      const label = labelOf(event, transition)
      if (target !== undefined) return `${name} --> ${target.replace(/^\./, '')} : ${label}`
      // Nothing at all, where a state above would do something.
      return `${name} : ${label}${actions.length === 0 && guard !== undefined ? ' / nothing' : ''}`
    }),
  )
}

/** The lines of a state and of what is in it. */
function stateLines(name: string, state: State): string[] {
  const { type, entry, exit, on, states } = state
  if (Object.keys(states).length > 0) {
    return [`state ${name} {`, ...inside(name, state).map(indented), '}']
  }
  return [
    // The first text of a state is shown as its name.
    `state "${name}" as ${name}`,
    ...(entry.length === 0 ? [] : [`${name} : entry${actionsOf(entry)}`]),
    ...(exit.length === 0 ? [] : [`${name} : exit${actionsOf(exit)}`]),
    ...transitions(name, on),
    ...(type === 'final' ? [`${name} --> [*]`] : []),
  ]
}

function inside(name: string, { type, initial, on, states }: State): string[] {
  const children = Object.entries(states).map(([key, child]) => stateLines(key, child))
  const shared = transitions(`any_${name}`, on)
  if (shared.length > 0) {
    const label = type === 'parallel' ? 'any state' : `any state of ${name}`
    children.push([`state "${label}" as any_${name}`, ...shared])
  }
  if (type === 'parallel') {
    return children.flatMap((region, i) => (i === 0 ? region : ['--', ...region]))
  }
  return [...(initial === undefined ? [] : [`[*] --> ${initial}`]), ...children.flat()]
}

const indented = (line: string): string => `  ${line}`

function diagram(machine: AnyStateMachine): string {
  const lines = stateLines(machine.id, configOf(machine)).map(indented)
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n')
}

function holds(): string {
  const rows = Object.entries(HOLDS).map(
    ([name, { covers, setBy, liftedBy, stored }]) =>
      `| \`${name}\` | ${covers} | ${setBy} | ${liftedBy} | ${stored} |`,
  )
  return [
    '| hold | covers | set by | lifted by | stored |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

async function text(): Promise<string> {
  const parts = [
    '# The machines',
    '<!-- Made from machines/ by `npm run docs:machines`. -->',
    'What may happen next. In a diagram, an arrow is labelled `event [guard] / actions`; an event that leaves a state as it is stands in the state. Of several candidates for one event the first one whose guard holds is taken; where none of a state holds, those of “any state” around it are tried.',
    ...machines.flatMap((machine) => [
      `## ${machine.id}`,
      essay(`machines/${machine.id}.machine.ts`),
      diagram(machine),
    ]),
    '## holds',
    essay('machines/holds.ts'),
    holds(),
  ]
  return format(parts.join('\n\n'), { ...(await resolveConfig(file)), filepath: file })
}

const actual = await text()
if (process.argv.includes('--write')) {
  writeFileSync(file, actual)
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== actual) {
  console.error(
    `${file} does not say what the machines do. Bring it up to date: npm run docs:machines`,
  )
  process.exitCode = 1
}
