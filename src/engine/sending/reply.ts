/**
 * Handles the arrival of a reply to a write or a read: decides whether the server itself gave it, and carries out the
 * consequences of that alone. A captive portal answers in place of the server, and its reply says nothing of it (Q6).
 */
import type { UserId } from '../../model.ts'
import type { DeclaredReply } from '../../operations/define-operation.ts'
import { isCaptivePortal } from '../../operations/captive-portal.ts'
import type { Reply } from '../../ports/transport.ts'
import { plain } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Credential } from './attempt.ts'

export interface RepliesParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly connectivity: Connectivity
}

export class Replies {
  readonly #parts: RepliesParts

  constructor(parts: RepliesParts) {
    this.#parts = parts
  }

  /** True if a captive portal gave this reply. `declared`: the declaration of the kind or the read on its replies. */
  isPortal(reply: Reply, declared: DeclaredReply): boolean {
    const { boundary, settings } = this.#parts.context
    return boundary.pull('portal', plain<boolean>(), () =>
      isCaptivePortal(reply, declared, settings.origin),
    )
  }

  /** The server itself has answered: it can be reached, and tells its time (T9). */
  genuine(reply: Reply): void {
    const { context, wallet, connectivity } = this.#parts
    connectivity.genuineReply()
    wallet.clock.heard(reply.headers.date, context.boundary.wall)
  }

  /** The captive portal stops the lanes no longer. The waits that the reply asks of every lane hold by now. */
  portalGone(): void {
    this.#parts.connectivity.portalGone()
  }

  /** The server has accepted the token that was sent (T8). */
  accepted(user: UserId | null, credential: Credential | null): void {
    if (user !== null && credential !== null) {
      this.#parts.wallet.accepted(user, credential.generation)
    }
  }
}
