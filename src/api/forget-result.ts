/** The result of `forget()`. */
export interface ForgetResult {
  /**
   * The files that Holdfast has set aside as damaged (`onCorrupt: 'set-aside'`), as paths, sorted. The files may still
   * hold the user's data, and Holdfast never erases it there. Delete the files once you need them no more. Usually empty.
   */
  readonly setAside: readonly string[]
}

/**
 * Waits for both. `setAside` is asked for together with the erasing, not after it, when the engine may be closed. If both
 * fail, the error of the erasing counts.
 */
export async function forgetResult(
  erased: Promise<void>,
  setAside: Promise<readonly string[]>,
): Promise<ForgetResult> {
  setAside.catch(() => undefined)
  await erased
  return { setAside: await setAside }
}
