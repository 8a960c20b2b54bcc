/**
 * Answers token needs: fetches a token from the issuer and pushes it. Some answers are late on purpose,
 * so that a lane stays parked while the others go on; some tokens live only a moment.
 */
import type { Holdfast } from '../../src/index.ts'
import type { Chance } from './random.ts'
import type { ServerLink } from './server-link.ts'

const lateShare = 0.15
const shortLivedShare = 0.1
const shortLifeMs = 1_500

export function answerTokenNeeds(
  holdfast: Holdfast,
  server: ServerLink,
  chance: Chance,
  failed: (error: Error) => void,
): void {
  const answer = async (user: string) => {
    const token = await server.token(
      user,
      chance.fraction() < shortLivedShare ? shortLifeMs : undefined,
    )
    await holdfast.updateToken(user, token)
  }
  holdfast.on('token.needed', ({ user }) => {
    const lateMs = chance.fraction() < lateShare ? chance.between(200, 800) : 0
    setTimeout(() => {
      if (holdfast.status().queue === 'running') answer(user).catch(failed)
    }, lateMs).unref()
  })
}
