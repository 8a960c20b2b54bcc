/** The answer of a kind's schema, or of its `upgrade`, about one payload. */

export type Checked = { readonly ok: true; readonly payload: unknown } | Unfit

/** A payload that the schema, or an upgrade, does not take. */
export interface Unfit {
  readonly ok: false
  readonly why: string
  /** The error that the code of the kind threw, if that is the reason. */
  readonly thrown?: Error
}
