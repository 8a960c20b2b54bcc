/** Faults in what leaves the engine: texts of a server, of a network, of other code. */
import type { Mutant } from './mutant.ts'

export const SECRET_MUTANTS: readonly Mutant[] = [
  {
    id: 'excerpt-not-scrubbed',
    what: 'a dead letter keeps the beginning of the reply as it came',
    rule: 'Q9',
    in: '#excerptOf',
    find: 'return excerptOf(body, { tokens: this.#wallet.knownTokens(user, credential), isCut })',
    replace: "return isCut || user === null || credential === null ? '' : body.slice(0, 256)",
  },
  {
    id: 'failure-not-scrubbed',
    what: 'the message of a failure is told as the transport gave it',
    rule: 'Q22',
    in: 'failureOf',
    find: 'message: scrub(message, { tokens }),',
    replace: 'message: tokens.length === 0 ? scrub(message) : message,',
  },
  {
    id: 'cause-passed-whole',
    what: 'what the token source threw is passed on as it is',
    rule: 'T16',
    in: '#failed',
    find: 'const cause = rebuilt(thrown, this.#parts.wallet.knownTokens(user))',
    replace: 'const cause = thrown',
  },
]
