/** How the id of an operation carries the name that the scenario gives the operation. */

/** The nonce of the operation with this name in the scenario. A header can carry a nonce (Q21), but not every name. */
export function nonceOf(name: string): string {
  return encodeURIComponent(name.toWellFormed())
}

/** The simulation's ids end in the name that the scenario gives the operation. */
export function nameOf(id: string): string {
  return decodeURIComponent(id.split('.').slice(2).join('.'))
}
