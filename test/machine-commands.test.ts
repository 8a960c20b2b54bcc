/** The commands of all machines are obeyed in the order in which they were given, each to its end before the next. */
import { expect, test } from 'vitest'
import { CommandQueue } from '../src/engine/pilot/command-queue.ts'
import type { Command } from '../src/engine/pilot/run-command.ts'

const named = (name: string) => ({ type: name }) as unknown as Command
const nameOf = (command: Command) => (command as unknown as { readonly type: string }).type

test('a command that another command leads to waits until that one has been obeyed', () => {
  const seen: string[] = []
  const commandQueue = new CommandQueue((command) => {
    const name = nameOf(command)
    seen.push(`${name} begins`)
    if (name === 'first') {
      commandQueue.tell(() => {
        commandQueue.enqueue(named('third'))
      })
    }
    seen.push(`${name} ends`)
  })
  commandQueue.tell(() => {
    commandQueue.enqueue(named('first'))
    commandQueue.enqueue(named('second'))
  })
  expect(seen).toEqual(
    ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  )
})

test('longer work begins when no command is left, though a command led to it', () => {
  const seen: string[] = []
  const commandQueue = new CommandQueue((command) => {
    const name = nameOf(command)
    seen.push(name)
    if (name === 'first') {
      commandQueue.tell(() => {
        commandQueue.whenIdle(() => seen.push('work'))
      })
    }
  })
  commandQueue.tell(() => {
    commandQueue.enqueue(named('first'))
    commandQueue.enqueue(named('second'))
  })
  expect(seen).toEqual(['first', 'second', 'work'])
})
