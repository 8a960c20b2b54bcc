/**
 * A recorded editing session: transactions that, applied in order to an empty text, give the recorded
 * end. One of them lost, doubled or out of order, and they do not. The format is that of the public
 * editing traces of josephg/editing-traces, gzipped JSON.
 */
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import { DocumentText } from '../server/document-text.ts'

const count = z.number().int().nonnegative()

const patchSchema = z.tuple([count, count, z.string()])

const recordingSchema = z.object({
  startContent: z.literal('', { error: 'must be empty' }),
  endContent: z.string(),
  txns: z.array(z.object({ patches: z.array(patchSchema) })).min(1),
})

/** `[position, deleted, inserted]`. */
export type Patch = z.output<typeof patchSchema>

export interface Recording {
  readonly transactions: readonly (readonly Patch[])[]
  readonly end: string
}

/** The file is not a recording. The message says why. */
export class RecordingError extends Error {}

/** Reads a recording and makes sure that it gives its own end. @throws RecordingError */
export async function readRecording(file: string): Promise<Recording> {
  const parsed = recordingSchema.safeParse(jsonOf(file, await unzipped(file)))
  if (!parsed.success) {
    throw new RecordingError(`${file} is not a recorded session: ${firstIssue(parsed.error)}`)
  }
  const { txns, endContent } = parsed.data
  const transactions = txns.map(({ patches }) => patches)
  if (replayed(transactions) !== endContent) {
    throw new RecordingError(`${file}: its transactions do not give its endContent`)
  }
  return { transactions, end: endContent }
}

async function unzipped(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    return (await promisify(gunzip)(bytes)).toString()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new RecordingError(`there is no file ${file}`)
    if (code === 'Z_DATA_ERROR') throw new RecordingError(`${file} is not gzipped, or is damaged`)
    throw new RecordingError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function jsonOf(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RecordingError(`${file} holds no JSON`)
  }
}

function firstIssue({ issues }: z.ZodError): string {
  const [issue] = issues
  return issue === undefined ? 'wrong shape' : `${issue.path.join('.')}: ${issue.message}`
}

function replayed(transactions: Recording['transactions']): string {
  const text = new DocumentText()
  for (const [position, deleted, inserted] of transactions.flat()) {
    text.splice(position, deleted, inserted)
  }
  return text.toString()
}
