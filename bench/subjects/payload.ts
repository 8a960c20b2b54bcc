/** What every subject stores: 205 bytes of JSON. */
import { z } from 'zod'

export const PAYLOAD = { text: 'x'.repeat(205 - '{"text":""}'.length) }

export const payloadSchema = z.object({ text: z.string() })

export const PAYLOAD_TEXT = JSON.stringify(PAYLOAD)
