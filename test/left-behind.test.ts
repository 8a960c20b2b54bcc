/** What a process that dispatched says, when it closes, of the heads it may have sent (Q10). */
import { describe, expect, test } from 'vitest'
import { neighbours } from './support/neighbours.ts'
import { Rig } from './support/rig.ts'

/** Alice has one operation, made while there was no network. */
async function waiting(): Promise<{ readonly rig: Rig; readonly id: string }> {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  rig.tell('offline')
  return { rig, id: await rig.enqueue('one') }
}

/** The next process on the same file, without a network or a token. */
async function reopened(rig: Rig): Promise<void> {
  rig.tell('offline')
  await rig.open()
}

function cancel(rig: Rig, id: string): Promise<void> {
  return rig.whileResting(rig.holdfast.cancel(id))
}

// Q10
describe('the head of a lane', () => {
  test('can be cancelled after a close with nothing in flight', async () => {
    const { rig, id } = await waiting()
    await rig.close()
    await reopened(rig)
    await cancel(rig, id)
    expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id }])
  })

  test('cannot, if it was in flight when the deadline of the close passed', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    expect(rig.bodies).toEqual(['one'])
    await rig.close()
    await reopened(rig)
    await expect(cancel(rig, id)).rejects.toMatchObject({ code: 'TOO_LATE' })
  })

  test('cannot after a crash of the process that began after the close', async () => {
    const { rig, id } = await waiting()
    await rig.close()
    await reopened(rig)
    rig.tell('online')
    await rig.login('alice', 'a2')
    expect(rig.bodies).toEqual(['one'])
    rig.crash()
    await reopened(rig)
    await expect(cancel(rig, id)).rejects.toMatchObject({ code: 'TOO_LATE' })
  })

  test('cannot after a close either, if it has not been sent again since a crash', async () => {
    const { rig, id } = await waiting()
    rig.crash()
    await reopened(rig)
    await rig.close()
    await reopened(rig)
    await expect(cancel(rig, id)).rejects.toMatchObject({ code: 'TOO_LATE' })
  })

  test('cannot, if what the close said could not be stored', async () => {
    const { rig, id } = await waiting()
    rig.database.exec(
      `CREATE TEMP TRIGGER refuse BEFORE INSERT ON holdfast_meta WHEN NEW.name = 'left-behind'
       BEGIN SELECT RAISE(ABORT, 'no'); END`,
    )
    await rig.close()
    await reopened(rig)
    await expect(cancel(rig, id)).rejects.toMatchObject({ code: 'TOO_LATE' })
  })
})

// Q10, Q17
test('who takes over after a close finds what it said, and what others have enqueued meanwhile', async () => {
  const { first, second } = neighbours()
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  const sent = await first.rig.enqueue('in flight')
  await second.rig.open()
  second.rig.tell('offline')
  await second.rig.login('bob', 'b1')
  const unsent = await second.rig.enqueue('of bob')
  await first.rig.close()
  await second.rig.advance(30_000)
  expect(second.rig.holdsOf('bob')).toEqual(['offline'])
  await cancel(second.rig, unsent)
  await expect(cancel(second.rig, sent)).rejects.toMatchObject({ code: 'TOO_LATE' })
})

// Q10, E2
test('a start that cannot take up what was left behind rejects, and the next one is told all the same', async () => {
  const { rig, id } = await waiting()
  await rig.close()
  rig.tell('offline')
  rig.database.exec(
    `CREATE TEMP TRIGGER refuse BEFORE DELETE ON holdfast_meta WHEN OLD.name = 'left-behind'
     BEGIN SELECT RAISE(ABORT, 'no'); END`,
  )
  await expect(rig.open()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  rig.database.exec('DROP TRIGGER refuse')
  await rig.open()
  await cancel(rig, id)
  expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id }])
})
