/** What `forget()` answers. */
export interface ForgetResult {
  /**
   * The files that Holdfast has set aside as damaged (`onCorrupt: 'set-aside'`), as paths, sorted: they may still hold the
   * user's data, and nothing erases it there. Delete them once you need them no more. Usually empty.
   */
  readonly setAside: readonly string[]
}

/** `setAside` is asked for with the erasing, not behind it: by then the engine may be closed. Of the two failures the erasing's counts. */
export async function forgetResult(
  erased: Promise<void>,
  setAside: Promise<readonly string[]>,
): Promise<ForgetResult> {
  setAside.catch(() => undefined)
  await erased
  return { setAside: await setAside }
}
