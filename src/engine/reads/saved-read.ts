/** Converts a read for the summary of a journal, and back. It never saves the app's code or the secret of a token. */
import { HoldfastError } from '../../errors.ts'
import type { Json } from '../../journal/lines.ts'
import type { Reply } from '../../ports/transport.ts'
import { tokenWithoutSecret } from '../tokens/token.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Lane } from '../lanes/lane.ts'
import { type Read, readCodec, type SavedRead, type WrittenArgs } from './read.ts'

/** `lane`: the lane of its owner now. */
export function savedRead(read: Read, lane: Lane | undefined): SavedRead {
  const { id, user, awaited, barrier, phase } = read
  const { waitedFor, isLastTry, refused, isDoubted, isSourceOwed, firstRefusal, settle } = read
  const isSending = phase === 'fetching' && read.sending?.isOver === false
  return {
    call: settle.call ?? 0,
    id,
    user,
    args: readCodec.write(read) as unknown as WrittenArgs,
    awaited: [...awaited],
    barrier:
      barrier === null
        ? null
        : { through: barrier.through, isWatched: lane?.barriers.has(barrier) === true },
    phase,
    waitedFor,
    isLastTry,
    wasRefused: firstRefusal !== null,
    refused,
    ...(isDoubted ? { isDoubted } : {}),
    ...(isSourceOwed ? { isSourceOwed } : {}),
    sending: isSending ? savedSending(read) : null,
  }
}

function savedSending({ sending }: Read): SavedRead['sending'] {
  if (sending === null) return null
  const { ask, credential } = sending
  if (credential === null) return { ask, credential }
  return { ask, credential: { token: credential.token.facts, generation: credential.generation } }
}

export function restoredRead(saved: SavedRead, settle: Settle<Reply>): Read {
  const { id, user, args, awaited, barrier, phase } = saved
  const { waitedFor, isLastTry, refused, wasRefused, sending } = saved
  const { isDoubted = false, isSourceOwed = false } = saved
  return {
    ...readCodec.read(args as unknown as Json),
    id,
    user,
    settle,
    awaited: new Set(awaited),
    barrier: barrier === null ? null : { through: barrier.through },
    phase,
    lookup: (local) => local,
    waitedFor,
    isLastTry,
    firstRefusal: wasRefused ? new HoldfastError('AUTH_TOKEN_REFUSED', 'replayed') : null,
    refused,
    isDoubted,
    isSourceOwed,
    abort: new AbortController(),
    sending: sending === null ? null : restoredSending(sending),
  }
}

function restoredSending({ ask, credential }: NonNullable<SavedRead['sending']>): Read['sending'] {
  return {
    ask,
    credential:
      credential === null ? null : { ...credential, token: tokenWithoutSecret(credential.token) },
    isLate: false,
    isOver: false,
  }
}
