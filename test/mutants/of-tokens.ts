/** Faults in what a token, a 401 or the token source leads to, and in reads. */
import type { Mutant } from './mutant.ts'

export const TOKEN_MUTANTS: readonly Mutant[] = [
  {
    id: 'late-401-refuses-the-current',
    what: 'a 401 of an older generation refuses the current one',
    rule: 'T4',
    in: 'refused',
    find: 'const { generation } = credential\n',
    replace: 'const generation = this.#wallet.generation(user)\n',
  },
  {
    id: 'late-401-parks',
    what: 'a token that came while its 401 was in flight is missed',
    rule: 'T7',
    in: 'refused',
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
    in: 'tokenMachine',
    find: `actions: ['takeToken', 'forgetFailures', 'unpark', 'closeNeed']`,
    replace: `actions: ['takeToken', 'forgetFailures', 'closeNeed']`,
  },
  {
    id: 'attempt-charged-for-401',
    what: 'a refused token counts as an attempt of its operation',
    rule: 'T4',
    in: '#afterRefusal',
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
    in: '#call',
    find: 'call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))',
    replace: `boundary.ask(this.#question(call), () => undefined)
    call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))`,
  },
  {
    id: 'source-asked-without-end',
    what: 'a source whose tokens are all refused is asked again at once',
    rule: 'T8',
    in: 'isRefusedAgain',
    find: 'isRefusedAgain: ({ context }) => context.refusedCount > 0',
    replace: 'isRefusedAgain: () => false',
  },
  {
    id: 'pushed-tokens-are-unbounded',
    what: 'every pushed token is tried, however many have been refused',
    rule: 'T8',
    in: 'tokenMachine',
    find: 'context.triedCount >= MOST_TRIED',
    replace: 'context.triedCount > 1000',
  },
  {
    id: 'late-answer-is-used',
    what: 'an answer of the source takes the place of a token that has come since it was asked',
    rule: 'T6',
    in: 'take',
    find: 'since !== null && since !== entry.arrivalCount',
    replace: 'since !== null && since > entry.arrivalCount',
  },
  {
    id: 'need-is-told-once',
    what: 'an open need is not told again by work',
    rule: 'T5',
    in: 'worked',
    find: 'if (this.#open.size === 0 || user === null) return',
    replace: 'if (this.#open.size >= 0 || user === null) return',
  },
  {
    id: 'need-is-not-told-at-the-return',
    what: 'an open need is not told again when the network returns or the machine wakes',
    rule: 'T5',
    in: 'returned',
    find: 'returned(): void {',
    replace: 'returned(): void {\n    if (this.#open.size >= 0) return',
  },
  {
    id: 'too-many-source-calls',
    what: 'the source is asked for all users at once',
    rule: 'T6',
    in: '#callNext',
    find: 'this.#inFlight.size >= this.#core.settings.maxSourceCalls',
    replace: 'this.#inFlight.size >= 1000',
  },
  {
    id: 'early-token-is-sent-at-once',
    what: 'a token that was refused before its time is sent again at once',
    rule: 'T9',
    in: 'early',
    find: 'Math.max(0, until - this.#wallet.now())',
    replace: 'Math.min(0, until - this.#wallet.now())',
  },
  {
    id: 'expired-token-is-sent',
    what: 'a token that has expired is sent although there is a source',
    rule: 'T9',
    in: 'isExpired',
    find: 'context.expiresAt !== null && event.now >= context.expiresAt',
    replace: 'false',
  },
  {
    id: 'token-in-the-journal',
    what: 'an event tells the token itself',
    rule: 'E1',
    in: '#store',
    find: `report('token.updated', { user, generation })`,
    replace: `report('token.updated', { user, generation, token: token.reveal() } as never)`,
  },
  {
    id: 'unheard-rejection',
    what: 'a promise of the app that rejects is heard by nobody',
    rule: 'E3',
    in: 'ask',
    find: '(error: unknown) =>\n        this.#answer(ask, question, { ok: false, error: errorOf(error) }, answered),',
    replace: '',
  },
  {
    id: 'read-missed-by-a-race',
    what: 'a read counts as deferred only after its 401: a token that came before is missed',
    rule: 'R3',
    in: '#refused',
    find: `    } else {
      this.#book.look(read)
    }`,
    replace: '    }',
  },
  {
    id: 'sealed-for-the-generation-before',
    what: 'a token is sealed for the generation that it replaces',
    rule: 'E6',
    in: '#seal',
    find: 'seal(this.#parts.core, { user: entry.user, generation, epoch }, token,',
    replace:
      'seal(this.#parts.core, { user: entry.user, generation: generation - 1, epoch }, token,',
  },
  {
    id: 'sealed-for-the-first-session',
    what: 'every token is sealed for the first session of its user',
    rule: 'E6',
    in: '#seal',
    find: 'seal(this.#parts.core, { user: entry.user, generation, epoch }, token,',
    replace: 'seal(this.#parts.core, { user: entry.user, generation, epoch: 0 }, token,',
  },
  {
    id: 'session-ends-without-a-new-epoch',
    what: 'the end of a session does not begin a new epoch in storage',
    rule: 'T11',
    in: 'Sessions',
    find: 'epoch = epoch + 1, ',
    replace: '',
    foundBy: { file: 'test/scenarios/t11-a-refresh-that-comes-after-the-end-is-discarded.yaml' },
  },
  {
    id: 'refused-tokens-forgotten-at-the-start',
    what: 'the tokens that were refused before the last one are forgotten at a restart',
    rule: 'T2',
    in: 'restore',
    find: 'refusedTokens: row.refusedTokens ?? []',
    replace: 'refusedTokens: []',
    foundBy: { file: 'test/scenarios/t2-an-older-refused-token-again-after-a-restart.yaml' },
  },
  {
    id: 'vault-failure-is-final',
    what: 'a vault that is unavailable counts as one that cannot read the token',
    rule: 'T1',
    in: 'unseal',
    find: `codeIn(answer.error) === 'AUTH_VAULT_UNREADABLE'`,
    replace: `codeIn(answer.error) !== 'AUTH_VAULT_UNAVAILABLE'`,
    foundBy: { file: 'test/scenarios/t1-a-vault-that-is-locked-is-asked-again.yaml' },
  },
  {
    id: 'vault-wait-does-not-double',
    what: 'the wait for a vault that is unavailable does not double',
    rule: 'T1',
    in: 'unseal',
    find: 'backoffMs(round, 1, VAULT_RETRY)',
    replace: 'backoffMs(1, 1, VAULT_RETRY)',
    foundBy: { file: 'test/scenarios/t1-a-vault-that-is-locked-is-asked-again.yaml' },
  },
  {
    id: 'late-listener-hears-of-one-user',
    what: 'a listener that is added late hears only of the need of the current user',
    rule: 'T5',
    in: 'announcedNeeds',
    find: 'if (need.announced) yield',
    replace: 'if (need.announced && user === this.user) yield',
    foundBy: {
      file: 'test/scenarios/t5-a-listener-that-comes-late-hears-of-a-user-that-has-left.yaml',
    },
  },
  {
    id: 'larger-margin',
    what: 'a token counts as one that is about to expire for the larger of 30 s and a tenth of its life',
    rule: 'T9',
    in: 'spanOf',
    find: 'Math.min(MARGIN_MS,',
    replace: 'Math.max(MARGIN_MS,',
    foundBy: { file: 'test/scenarios/t9-a-difference-under-5-s-is-ignored.yaml' },
  },
  {
    id: 'late-token-is-stored',
    what: 'a token is stored though its session has ended while it was sealed',
    rule: 'T11',
    in: '#seal',
    find: `if (session !== entry.session) then({ taken: 'late' })
      // Another process has stored a token meanwhile.
      else if (generation !== entry.generation + 1) this.#take(entry, session, token, then)
      else this.#store(entry, session, { token, sealed, epoch }, then)`,
    replace: `if (generation !== entry.generation + 1) this.#take(entry, session, token, then)
      else this.#store(entry, session, { token, sealed, epoch: entry.epoch }, then)`,
    foundBy: { file: 'test/scenarios/t11-a-token-on-its-way-at-the-logout-is-not-kept.yaml' },
  },
  {
    id: 'token-keeps-a-leaving-user',
    what: 'a token for a user that has logged out lifts the mark of the logout in storage',
    rule: 'T11',
    in: '#store',
    find: `{ change: 'leave', user, leaving: entry.leaving }`,
    replace: `{ change: 'leave', user, leaving: false }`,
    foundBy: {
      file: 'test/scenarios/t11-a-token-pushed-for-a-leaving-user-ends-with-the-session.yaml',
    },
  },
]
