/** Several processes on one file, and the server they send to: how they begin, and what came of it. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import {
  type ReferenceServer,
  startReferenceServer,
} from '../../examples/server/reference-server.ts'
import { parseOperationId } from '../../storage/operation-id.ts'
import type { AppSettings, Bundled } from '../processes/protocol.ts'
import { AppProcess } from './app-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const running: AppProcess[] = []
const servers: ReferenceServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.kill()))
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

export interface Company {
  readonly file: string
  readonly server: ReferenceServer
  readonly apps: readonly AppProcess[]
}

/** Processes that are loaded, on a file that is not there yet. `threads`: where the storage of each runs. */
export async function gather(
  count: number,
  {
    requirement = 'off',
    clock = 'system',
    threads = [],
  }: Partial<AppSettings> & { readonly threads?: readonly ('main' | 'worker')[] } = {},
): Promise<Company> {
  const server = await startReferenceServer({ requirement })
  servers.push(server)
  const vaultKey = randomBytes(32).toString('hex')
  const file = join(temporaryFolder(), 'outbox.db')
  const { origin } = server
  const settings = { file, origin, vaultKey, requirement, clock }
  const apps = Array.from({ length: count }, (_, index) => {
    return new AppProcess({ ...settings, thread: threads[index] ?? 'main' })
  })
  running.push(...apps)
  await Promise.all(apps.map((app) => app.loaded()))
  return { file, server, apps }
}

/** The first of them opens the file, and so dispatches; then the others, at one instant. */
export async function openInTurn(apps: readonly AppProcess[]): Promise<void> {
  await apps[0]?.tell('open', null)
  await Promise.all(apps.slice(1).map((app) => app.tell('open', null)))
}

/** The keys the server applied, in its order. */
export function appliedBy(server: ReferenceServer): readonly string[] {
  return server.applied(0, 100_000).entries.map(({ key }) => key)
}

/** Each was applied once, none besides, and within each lane in the order of places. */
export function expectAllOnceInOrder(server: ReferenceServer, ids: readonly string[]): void {
  const applied = appliedBy(server)
  expect([...applied].sort()).toEqual([...ids].sort())
  expect(disorderedIn(applied)).toEqual([])
}

/** The texts of each envelope of merging operations that the server applied, in its order. */
export function bundlesIn(server: ReferenceServer): readonly (readonly string[])[] {
  return server.applied(0, 100_000).entries.map(({ body }) => {
    return (body as { readonly texts: readonly string[] }).texts
  })
}

/** The same as `expectAllOnceInOrder`, for operations whose envelopes have keys of their own. */
export function expectBundledOnceInOrder(server: ReferenceServer, made: readonly Bundled[]): void {
  const idOf = new Map(made.map(({ id, text }) => [text, id]))
  const applied = bundlesIn(server).flat()
  expect([...applied].sort()).toEqual([...idOf.keys()].sort())
  expect(disorderedIn(applied.map((text) => idOf.get(text) ?? text))).toEqual([])
  expect(server.summary().violations).toBe(0)
}

/** Those that came after one that lies behind them in their lane. */
function disorderedIn(ids: readonly string[]): readonly string[] {
  const last = new Map<number, number>()
  return ids.filter((id) => {
    const { lane, place } = parseOperationId(id) ?? { lane: -1, place: -1 }
    const before = last.get(lane) ?? Number.NEGATIVE_INFINITY
    last.set(lane, place)
    return place <= before
  })
}

/** Keys that came once more after they were applied, or while they were: what the server told apart. */
export function repetitionsAt(server: ReferenceServer): number {
  const { users } = server.summary()
  return Object.values(users).reduce((sum, user) => sum + user.duplicatesSuppressed, 0)
}

/** Says how many operations each process sent, and had answered. */
export function report(what: string, { apps, server }: Company): void {
  const counts = apps.map((app, index) => {
    const sent = app.ids('operation.sent').length
    return `${String.fromCharCode(65 + index)} ${sent} sent, ${app.ids('operation.completed').length} completed`
  })
  const { length } = appliedBy(server)
  process.stdout.write(`\n  ${what}: ${counts.join('; ')}; the server applied ${length}\n`)
}
