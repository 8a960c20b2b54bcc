/** The commands of all machines are obeyed in the order in which they were given, each to its end before the next. */
import { expect, test } from 'vitest'
import { Commands } from '../src/engine/machines/commands.ts'
import type { Command } from '../src/engine/orders.ts'

const named = (name: string) => ({ type: name }) as unknown as Command
const nameOf = (command: Command) => (command as unknown as { readonly type: string }).type

test('a command that another command leads to waits until that one has been obeyed', () => {
  const seen: string[] = []
  const commands = new Commands((command) => {
    const name = nameOf(command)
    seen.push(`${name} begins`)
    if (name === 'first') {
      commands.after(() => {
        commands.add(named('third'))
      })
    }
    seen.push(`${name} ends`)
  })
  commands.after(() => {
    commands.add(named('first'))
    commands.add(named('second'))
  })
  expect(seen).toEqual(
    ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  )
})

test('longer work begins when no command is left, though a command led to it', () => {
  const seen: string[] = []
  const commands = new Commands((command) => {
    const name = nameOf(command)
    seen.push(name)
    if (name === 'first') {
      commands.after(() => {
        commands.later(() => seen.push('work'))
      })
    }
  })
  commands.after(() => {
    commands.add(named('first'))
    commands.add(named('second'))
  })
  expect(seen).toEqual(['first', 'second', 'work'])
})
