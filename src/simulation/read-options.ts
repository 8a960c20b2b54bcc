/** The options of `read()` that a step of a scenario asks for. */
import type { ReadOptions } from '../api/call-options.ts'
import { interpretReply } from '../operations/interpret-reply.ts'
import type { ReadInterpret } from '../operations/read-interpretation.ts'
import type { ScenarioRead } from './scenario.ts'

/** `after`: the ids of the operations that the step names; undefined: it names none. */
export function readOptionsOf(
  { key, deadlineMs, interpret, needs }: ScenarioRead,
  after: readonly string[] | undefined,
): ReadOptions {
  const { required = [], optional = [] } = needs ?? {}
  return {
    request: ({ owner, position, record, optionalRecord }) => {
      const ids = [...required.map(record), ...optional.map(optionalRecord)]
      return {
        method: 'GET',
        path: owner.user === null ? '/anonymous/read' : `/users/${owner.user}/read`,
        query: {
          ...(position === null ? {} : { position }),
          ...(needs === undefined ? {} : { record: ids.map((id) => id ?? 'none').join(' ') }),
        },
      }
    },
    ...(after === undefined ? {} : { after }),
    ...(key === undefined ? {} : { key }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(needs === undefined ? {} : { needs: { required, optional } }),
    ...(interpret === undefined ? {} : { interpret: interpretBy(interpret) }),
  }
}

/** Judges by the status, and leaves every other reply to Q6. */
function interpretBy(outcomes: NonNullable<ScenarioRead['interpret']>): ReadInterpret {
  return (reply, context) => {
    const outcome = outcomes[String(reply.status)]
    if (outcome === undefined) return interpretReply(reply, context)
    if (outcome === 'throws') throw new Error('the scripted interpret failed')
    return { outcome }
  }
}
