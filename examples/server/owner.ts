/** Whose path a request is for: a user, or `null` for the anonymous path. */
export type Owner = string | null

/** Does the server demand identity verification? */
export type ServerRequirement = 'required' | 'off'
