/** The files in memory of the simulator: watches that work, tell nothing, cannot be made or end; and background alarms (Q17). */
import { describe, expect, test, vi } from 'vitest'
import { MemoryFiles, type Watches } from '../../src/simulation/memory-files.ts'
import { ProcessFiles } from '../../src/simulation/process-files.ts'
import { VirtualTime } from '../../src/simulation/virtual-time.ts'

const PATH = '/folder/file'

function machine(watches: Watches = 'works') {
  const time = new VirtualTime()
  const told = vi.fn<(turn: string) => void>()
  const files = new MemoryFiles({ time, watches, told })
  const life = { isAlive: true }
  const system = new ProcessFiles(files, time, life)
  const heard = vi.fn<(kind: 'change' | 'rename') => void>()
  const failed = vi.fn<() => void>()
  system.make(PATH)
  return { time, files, life, system, heard, failed, told }
}

// Q17
describe('Files in memory', () => {
  test('tell a watch of a touch in a later turn, and one of the dead nothing', async () => {
    const { time, life, system, heard, failed } = machine()
    system.watch(PATH, heard, failed)
    system.touch(PATH, 1)
    expect(heard).not.toHaveBeenCalled()
    await time.rest()
    expect(heard.mock.calls).toEqual([['change']])
    system.touch(PATH, 2)
    life.isAlive = false
    await time.rest()
    expect(heard).toHaveBeenCalledOnce()
  })

  test('are watched and not their names: a file that is made again is another one', async () => {
    const { time, files, life, system, heard, failed, told } = machine()
    system.watch(PATH, heard, failed)
    const before = system.facts(PATH)
    files.remove(PATH)
    expect(() => system.touch(PATH, 1)).toThrow('ENOENT')
    system.make(PATH)
    system.touch(PATH, 2)
    await time.rest()
    expect(heard.mock.calls).toEqual([['rename']])
    expect(system.facts(PATH)?.ino).not.toBe(before?.ino)
    expect(files.isDeaf(life, PATH)).toBe(true)
    expect(told.mock.calls).toEqual([['side-file-removed'], ['side-file-made-again']])
  })

  test('tell a silent watch nothing, and a watch that fails cannot be made', async () => {
    const silent = machine('silent')
    silent.system.watch(PATH, silent.heard, silent.failed)
    silent.system.touch(PATH, 1)
    await silent.time.rest()
    expect(silent.heard).not.toHaveBeenCalled()
    const { system, heard, failed } = machine('fails')
    expect(() => system.watch(PATH, heard, failed)).toThrow('EMFILE')
  })

  test('end every watch with an error where one is to fail later', async () => {
    const { time, files, system, heard, failed } = machine()
    system.watch(PATH, heard, failed)
    files.failWatches()
    system.touch(PATH, 1)
    await time.rest()
    expect([heard.mock.calls.length, failed.mock.calls.length]).toEqual([0, 1])
  })

  test('have alarms for which no time passes, which are none of the engine, and which end with the process', () => {
    const { time, life, system } = machine()
    const run = vi.fn<() => void>()
    system.after(2000, run)
    expect([time.nextAt(), time.nextOfAllAt()]).toEqual([null, 2000])
    expect([time.countArmed(life), time.countAllArmed(life)]).toEqual([0, 1])
    time.now = 2000
    expect(time.runNext()).toBe(true)
    expect(run).toHaveBeenCalledOnce()
    system.after(2000, run)
    life.isAlive = false
    expect(time.nextOfAllAt()).toBe(null)
  })
})
