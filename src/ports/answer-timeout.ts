/** How long a source of the app has to answer: without an answer by then it counts as unavailable (T6, I2). */
export const ANSWER_TIMEOUT_MS = 60_000
