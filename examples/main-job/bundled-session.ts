/** The recording that comes with the example. */
import { fileURLToPath } from 'node:url'

export const bundledSession = fileURLToPath(new URL('session.json.gz', import.meta.url))
