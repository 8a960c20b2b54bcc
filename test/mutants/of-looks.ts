/** Faults in what an app looks at. */
import type { Mutant } from './mutant.ts'

export const LOOK_MUTANTS: readonly Mutant[] = [
  {
    id: 'pending-lists-every-user',
    what: 'pending() of one user lists the operations of all',
    rule: 'Q9',
    in: 'pendingOperations',
    find: '(user !== undefined && owner !== user)',
    replace: 'false',
  },
  {
    id: 'pending-forgets-its-limit',
    what: 'pending() lists more than its limit where there are several lanes',
    rule: 'Q9',
    in: 'pendingOperations',
    find: 'if (found.length === limit) return',
    replace: 'if (found.length > limit + 1) return',
  },
  {
    id: 'late-listener-hears-of-all',
    what: 'a listener that comes late hears of every need at each event',
    rule: 'T5',
    in: 'on',
    find: "if (name === 'token.needed' || name === '*') {",
    replace: '{',
  },
  {
    id: 'late-listener-hears-nothing',
    what: 'a listener that comes late does not hear of open needs',
    rule: 'T5',
    in: 'announced',
    find: 'if (need.announced)',
    replace: 'if (false)',
  },
  {
    id: 'first-watcher-is-not-called',
    what: 'of those who watch the status, the first is not called',
    rule: 'V',
    in: 'notify',
    find: 'for (const watcher of this.#watchers)',
    replace: 'for (const watcher of [...this.#watchers].slice(1))',
  },
]
