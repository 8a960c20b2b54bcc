/** mitt's declarations are read as CommonJS under `nodenext`; this says what it exports. */
import mittModule, { type Emitter, type EventType } from 'mitt'

export type { Emitter }

export const mitt = mittModule as unknown as <
  Events extends Record<EventType, unknown>,
>() => Emitter<Events>
