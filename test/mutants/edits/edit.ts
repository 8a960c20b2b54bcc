/**
 * An edit: one small change of one file, as data. A program derives edits from the syntax and knows nothing of the purpose
 * of the engine. A mutant, in contrast, is a fault that a person chose.
 */

export interface Replacement {
  /** Where the replaced text begins in the file. */
  readonly start: number
  /** The first character behind it. */
  readonly end: number
  /** The text in its place. */
  readonly text: string
}

export interface Edit extends Replacement {
  /** The same in every tree whose file has these lines, wherever in the file they are. */
  readonly id: string
  /** The class of the edit, such as `operator`. */
  readonly kind: string
  /** From the root of the tree, with `/` on every system. */
  readonly file: string
}

/** The text with the edit in it. */
export function edited(text: string, { start, end, text: put }: Replacement): string {
  return text.slice(0, start) + put + text.slice(end)
}

/** An edit as people read it: its place, and the lines that it changes. */
export interface Shown {
  /** The file and the line. */
  readonly at: string
  readonly before: string
  readonly after: string
}

/** `text`: that of the file, without the edit. */
export function shown(text: string, edit: Omit<Edit, 'id'>): Shown {
  const lineStart = text.lastIndexOf('\n', edit.start - 1) + 1
  const nextBreak = text.indexOf('\n', edit.end)
  const lineEnd = nextBreak === -1 ? text.length : nextBreak
  const after = edited(text, edit).slice(
    lineStart,
    lineEnd + edit.text.length - edit.end + edit.start,
  )
  return {
    at: `${edit.file}:${text.slice(0, edit.start).split('\n').length}`,
    before: text.slice(lineStart, lineEnd),
    after,
  }
}
