/**
 * Checks that the database belongs to the origin of the transport (E6). The origin that first opened a database owns
 * it, and any other origin is refused, unless the app says that the server has moved (`formerOrigins`). Then the
 * database changes its origin, once, before anything is sent.
 */
import { canonicalOrigin } from '../../origin.ts'
import type { Context } from '../context.ts'
import { formerOriginInUse, isForOrigin, originChanged } from '../stored/database-origin.ts'

/**
 * `stored`: the origin that the database belongs to. `then` gets the reason why the database is not for this
 * transport, or null.
 */
export function claimDatabase(
  context: Context,
  stored: string | null,
  then: (refusal: Error | null) => void,
): void {
  const { origin, formerOrigins } = context.settings
  if (stored === null || isForOrigin(stored, origin)) then(null)
  else if (formerOrigins.includes(stored)) takeOver(context, stored, then)
  else then(originChanged(stored, origin))
}

/**
 * Takes the database over from a former origin. Only the process that dispatches may do so: otherwise another process
 * would go on sending to the former origin.
 */
function takeOver(
  { settings, store }: Context,
  former: string,
  then: (refusal: Error | null) => void,
): void {
  store.lock((locked) => {
    if (!locked.ok || !locked.value) {
      then(locked.ok ? formerOriginInUse(former) : locked.error)
      return
    }
    const origin = canonicalOrigin(settings.origin)
    store.commit([{ change: 'origin', former, origin }], {}, (answer) => {
      if (!answer.ok) then(answer.error)
      else then(answer.value[0]?.applied === true ? null : originChanged(former, settings.origin))
    })
  })
}
