/** The status of a reply whose head cannot be read to its end (Q6). */

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)[ \r\n]/

/** Null: not even the status has arrived. Heads of 1xx, which come before that of the reply, are passed over. */
export function statusOfHead(head: Buffer): number | null {
  let rest = head.toString('latin1')
  for (;;) {
    const status = Number(STATUS_LINE.exec(rest)?.[1])
    if (Number.isNaN(status)) return null
    if (status >= 200) return status
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return null
    rest = rest.slice(end + 4)
  }
}
