/**
 * Texts of a file, a server or an app as a terminal or a log may show them (E6): with every control character escaped,
 * lest such a text clears the screen, or writes a line of its own.
 */

/** C0, DEL and C1, and the marks that turn the direction of a text. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** One line of text. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped)
}

/** A text of several lines, each of which was written here. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** JSON on one line. What JSON itself leaves as it is is escaped too, as JSON does that. */
export function printableJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').replace(UNPRINTABLE, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
