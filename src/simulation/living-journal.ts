import type { JournalSink } from '../journal/lines.ts'
import type { Life } from './virtual-time.ts'

/** The journal of a process: a dead process writes nothing. */
export function whileAlive(sink: JournalSink, life: Life): JournalSink {
  return {
    header: (header) => {
      if (life.isAlive) sink.header(header)
    },
    write: (line, t, wall) => {
      if (life.isAlive) sink.write(line, t, wall)
    },
    wantsSummary: () => life.isAlive && sink.wantsSummary?.() === true,
  }
}
