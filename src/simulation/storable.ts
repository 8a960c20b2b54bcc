/** True if SQLite gives the text back as it is (Q21): judged here anew, and not by the engine's own code. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000')
}
