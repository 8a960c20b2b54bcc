/** Checks the options of `read()`, and makes of them what the engine takes (E1, Q21). */
import { show } from '../checks/show.ts'
import { textOf, wordOf } from '../checks/texts.ts'
import type { ReadArgs } from '../engine/reads/read.ts'
import { deadlineOf, idsOf, needsOf } from './arguments.ts'
import type { ReadOptions } from './call-options.ts'

/** @throws TypeError that names the option and the value. */
export function readArgs({
  request,
  after,
  key = '',
  needs,
  reply,
  deadlineMs,
  interpret,
}: ReadOptions): ReadArgs {
  if (typeof request !== 'function') throw new TypeError('read: request must be a function')
  if (reply !== undefined) wordOf('read: reply', reply, ['json', 'any'])
  if (interpret !== undefined && typeof interpret !== 'function') {
    throw new TypeError(`read: interpret must be a function, not ${show(interpret)}`)
  }
  return {
    request,
    after: after === undefined ? null : idsOf('read', 'after', after),
    key: textOf('read: key', key),
    needs: needs === undefined ? null : needsOf('read', needs),
    reply: reply ?? null,
    deadlineMs: deadlineMs === undefined ? null : deadlineOf('read', deadlineMs),
    interprets: interpret !== undefined,
    interpret: interpret ?? null,
  }
}
