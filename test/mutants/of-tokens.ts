/** Faults in what a token, a 401 or the token source leads to, and in reads. */
import type { Mutant } from './mutant.ts'

export const TOKEN_MUTANTS: readonly Mutant[] = [
  {
    id: 'late-401-refuses-the-current',
    what: 'a 401 of an older generation refuses the current one',
    rule: 'T4',
    file: 'src/engine/sending/sequel.ts',
    find: 'const { generation } = credential\n',
    replace: 'const generation = this.#wallet.generation(user)\n',
  },
  {
    id: 'late-401-parks',
    what: 'a token that came while its 401 was in flight is missed',
    rule: 'T7',
    file: 'src/engine/sending/sequel.ts',
    find: `if (generation !== this.#wallet.generation(user)) {
`,
    replace: `if (generation !== this.#wallet.generation(user)) {
      this.#holds.setOnOwner(user, 'awaiting-token', 'a late 401')
`,
  },
  {
    id: 'fresh-token-does-not-resume',
    what: 'a fresh token leaves the lane parked',
    rule: 'T7',
    file: 'machines/token.machine.ts',
    find: `actions: ['takeToken', 'forgetFailures', 'unpark', 'closeNeed']`,
    replace: `actions: ['takeToken', 'forgetFailures', 'closeNeed']`,
  },
  {
    id: 'attempt-charged-for-401',
    what: 'a refused token counts as an attempt of its operation',
    rule: 'T4',
    file: 'src/engine/sending/sequel.ts',
    find: 'return { ...envelope, ...failure, refusedCount, key: null, members: [] }',
    replace: `{
      const { attempts, countedAttempts } = envelope
      const counts = { attempts: attempts + 1, countedAttempts: countedAttempts + 1 }
      return { ...envelope, ...failure, ...counts, refusedCount, key: null, members: [] }
    }`,
  },
  {
    id: 'source-asked-twice',
    what: 'the source is asked twice at a time',
    rule: 'T6',
    file: 'src/tokens/refresher.ts',
    find: 'call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))',
    replace: `boundary.ask(this.#question(call), () => undefined)
    call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))`,
  },
  {
    id: 'source-asked-without-end',
    what: 'a source whose tokens are all refused is asked again at once',
    rule: 'T8',
    file: 'machines/token.machine.ts',
    find: 'isRefusedAgain: ({ context }) => context.refusedCount > 0',
    replace: 'isRefusedAgain: () => false',
  },
  {
    id: 'expired-token-is-sent',
    what: 'a token that has expired is sent although there is a source',
    rule: 'T9',
    file: 'machines/token.machine.ts',
    find: 'context.expiresAt !== null && event.now >= context.expiresAt',
    replace: 'false',
  },
  {
    id: 'token-in-the-journal',
    what: 'an event tells the token itself',
    rule: 'E1',
    file: 'src/tokens/takings.ts',
    find: `report('token.updated', { user, generation })`,
    replace: `report('token.updated', { user, generation, token: token.reveal() } as never)`,
  },
  {
    id: 'unheard-rejection',
    what: 'a promise of the app that rejects is heard by nobody',
    rule: 'E3',
    file: 'src/engine/boundary/live-boundary.ts',
    find: '(error: unknown) =>\n        this.#answer(ask, question, { ok: false, error: errorOf(error) }, answered),',
    replace: '',
  },
  {
    id: 'read-missed-by-a-race',
    what: 'a read counts as deferred only after its 401: a token that came before is missed',
    rule: 'R3',
    file: 'src/engine/reads/read-fetch.ts',
    find: `    } else {
      this.#book.look(read)
    }`,
    replace: '    }',
  },
]
