/** A chain has the members that a `Set` would have, in the order of their coming. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LinkedList, Link } from '../src/engine/linked-list.ts'

class Member extends Link {}

test('whoever is added is a member until removed, in the order of coming', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 100 }), (picks) => {
      const members = Array.from({ length: 10 }, () => new Member())
      const chain = new LinkedList<Member>()
      const set = new Set<Member>()
      for (const pick of picks) {
        const member = members[pick] as Member
        const wasThere = set.delete(member)
        expect(chain.remove(member)).toBe(wasThere)
        if (!wasThere) {
          set.add(member)
          chain.add(member)
        }
        expect([...chain]).toEqual([...set])
        expect(chain.first).toBe([...set][0] ?? null)
      }
    }),
    { seed: 3 },
  )
})

test('who is gone holds on to nobody who came later', () => {
  const chain = new LinkedList<Member>()
  const [first, second] = [new Member(), new Member()]
  chain.add(first)
  chain.add(second)
  chain.remove(first)
  expect([first.previous, first.next]).toEqual([null, null])
})
