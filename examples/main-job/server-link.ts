/** The workbench of the reference server: its issuer, its faults, its log. */
import type { ControlInput } from '../server/control.ts'
import type { LogSummary } from '../server/summary.ts'

export class ServerLink {
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  async control(change: ControlInput): Promise<void> {
    await this.#post('/control', change)
  }

  /** Mints a token, as an app's own backend would. */
  async token(user: string, ttlMs?: number): Promise<string> {
    const response = await this.#post('/issuer/token', { user, ttlMs })
    return ((await response.json()) as { readonly token: string }).token
  }

  async summary(): Promise<LogSummary> {
    return (await (await this.#get('/log/summary')).json()) as LogSummary
  }

  /** '' if nothing was ever written to it. */
  async text(user: string, document: string): Promise<string> {
    const path = `/documents/${encodeURIComponent(document)}?user=${encodeURIComponent(user)}`
    const response = await fetch(this.#origin + path)
    return response.status === 404 ? '' : response.text()
  }

  async #get(path: string): Promise<Response> {
    return good(await fetch(this.#origin + path))
  }

  async #post(path: string, body: object): Promise<Response> {
    const response = await fetch(this.#origin + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return good(response)
  }
}

async function good(response: Response): Promise<Response> {
  if (response.ok) return response
  throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
}
