/** TypeScript reads mitt's declarations as CommonJS under `nodenext`. This file gives the type of its real export. */
import mittModule, { type Emitter, type EventType } from 'mitt'

export type { Emitter }

export const mitt = mittModule as unknown as <
  Events extends Record<EventType, unknown>,
>() => Emitter<Events>
