/** Faults in whose an operation is, and in what a change of identity or requirement does. */
import type { Mutant } from './mutant.ts'

export const USER_MUTANTS: readonly Mutant[] = [
  {
    id: 'ill-formed-users-taken',
    what: 'a user id may be half a character, which storage makes one with other users',
    rule: 'Q21',
    in: 'isText',
    find: "typeof value === 'string' && value.isWellFormed() && ",
    replace: "typeof value === 'string' && ",
  },
  {
    id: 'token-of-the-current-user',
    what: 'every lane is sent with the token of whoever is logged in',
    rule: 'I5',
    in: 'send',
    find: 'const credential = user === null ? null : this.#wallet.credential(user)',
    replace: `const signer = this.#core.pilot.user ?? user
    const credential = signer === null ? null : this.#wallet.credential(signer)`,
  },
  {
    id: 'anonymous-kept',
    what: 'anonymous operations stay when the requirement becomes required',
    rule: 'I3',
    in: '#dropsAnonymous',
    find: `return pilot.requirement === 'required' && settings.anonymous === 'drop'`,
    replace: `return pilot.requirement === 'never' && settings.anonymous === 'drop'`,
  },
  {
    id: 'silent-drop',
    what: 'what is swept out is not reported',
    rule: 'I3',
    in: 'purge',
    find: `report('operation.dropped', { id, user, kind, reason })`,
    replace: '',
  },
  {
    id: 'device-scoped-kept',
    what: 'device-scoped operations of the former user stay when another one logs in',
    rule: 'I8',
    in: 'by',
    find: 'if (!isNeeded) return NOTHING',
    replace: 'return NOTHING',
  },
  {
    id: 'token-kept-after-logout',
    what: 'the token is still there after the end of the session',
    rule: 'T11',
    in: 'end',
    find: `    Object.assign(entry, {
      token: null,`,
    replace: `    Object.assign(entry, {
      token: entry.token,`,
  },
]
