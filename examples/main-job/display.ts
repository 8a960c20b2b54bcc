/**
 * What the terminal shows while the job runs: on a TTY a block that is drawn again and again, elsewhere
 * a line every other second. Holds are shown as the app's `status()` names them.
 */
import { styleText } from 'node:util'
import type { LaneReport } from './reports.ts'

export interface View {
  readonly documents: readonly {
    readonly user: string
    readonly document: string
    readonly applied: number
    readonly count: number
  }[]
  readonly lanes: readonly LaneReport[]
  readonly requestCount: number
  readonly refused: number
  /** Failed for now, or lost on the way: sent again. */
  readonly retried: number
  readonly dropped: number
  readonly kills: string
}

type Style = Parameters<typeof styleText>[0]

const plainEveryMs = 2_000
const rateOverMs = 1_000
const widestBar = 28
/** Of a document's line: all but the bar and the holds. */
const fixedWidth = 36
/** As long as the holds mostly are. */
const holdsWidth = 26

export class Display {
  readonly #stream: NodeJS.WriteStream
  readonly #isLive: boolean
  readonly #beganAt = performance.now()
  #drawnLines = 0
  #plainAt = 0
  #news = ''
  #rate = { at: 0, requestCount: 0, perSecond: 0 }

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#isLive = stream.isTTY === true && process.env['CI'] === undefined
  }

  /** A line that stays. */
  say(text: string): void {
    this.#clear()
    this.#stream.write(`${text}\n`)
  }

  /** Something happened: shown in the block, or as a line. */
  tell(news: string): void {
    this.#news = news
    if (!this.#isLive) this.#stream.write(`${this.#clock()}  ${news}\n`)
  }

  show(view: View): void {
    this.#measure(view.requestCount)
    if (this.#isLive) this.#draw(view)
    else if (performance.now() - this.#plainAt >= plainEveryMs) {
      this.#plainAt = performance.now()
      this.#stream.write(`${this.#plainLine(view)}\n`)
    }
  }

  /** The block stays as it is. */
  end(): void {
    this.#drawnLines = 0
  }

  finding(ok: boolean, text: string): void {
    const mark = ok ? this.#style('green', 'ok    ') : this.#style('red', 'NOT ok')
    this.#stream.write(`${mark} ${text}\n`)
  }

  #draw(view: View): void {
    const lines = [
      `${this.#style('bold', 'Holdfast main job')}  ${this.#clock()}  ${this.#rate.perSecond} requests/s`,
      ...view.documents.map((document) => this.#documentLine(document, view.lanes)),
      this.#counts(view),
      this.#style('dim', this.#news),
    ]
    this.#clear()
    this.#stream.write(`${lines.join('\n')}\n`)
    this.#drawnLines = lines.length
  }

  #documentLine(
    { user, applied, count }: View['documents'][number],
    lanes: readonly LaneReport[],
  ): string {
    // Some terminals do not tell how wide they are.
    const columns = this.#stream.columns > 0 ? this.#stream.columns : 80
    const barWidth = Math.max(4, Math.min(widestBar, columns - fixedWidth - holdsWidth))
    const filled = Math.round((applied / count) * barWidth)
    const bar = this.#style('cyan', '█'.repeat(filled) + '░'.repeat(barWidth - filled))
    const numbers = `${applied}/${count}`.padEnd(14)
    const lane = lanes.find((one) => one.user === user)
    const pending = lane === undefined ? '' : `${lane.pending} pending`
    // A line that wraps would spoil the next drawing.
    const holds = (lane?.holds ?? []).join(' ').slice(0, columns - fixedWidth - barWidth)
    return `${user.padEnd(6)} ${bar} ${numbers} ${pending} ${this.#style('yellow', holds)}`
  }

  #counts({ refused, retried, dropped, kills }: View): string {
    return `refused ${refused} · sent again ${retried} · dropped ${dropped} · killed ${kills}`
  }

  #plainLine(view: View): string {
    const documents = view.documents.map(({ user, applied, count }) => {
      const holds = view.lanes.find((lane) => lane.user === user)?.holds ?? []
      return `${user} ${applied}/${count}${holds.map((hold) => ` [${hold}]`).join('')}`
    })
    const rate = `${this.#rate.perSecond} requests/s`
    return `${this.#clock()}  ${documents.join('  ')}  ${rate}  ${this.#counts(view)}`
  }

  #measure(requestCount: number): void {
    const now = performance.now()
    const { at, requestCount: before } = this.#rate
    if (now - at < rateOverMs) return
    const perSecond = at === 0 ? 0 : Math.round(((requestCount - before) * 1_000) / (now - at))
    this.#rate = { at: now, requestCount, perSecond }
  }

  #clear(): void {
    if (this.#drawnLines > 0) this.#stream.write(`\u001B[${this.#drawnLines}A\u001B[J`)
    this.#drawnLines = 0
  }

  #clock(): string {
    return `${((performance.now() - this.#beganAt) / 1_000).toFixed(1).padStart(6)} s`
  }

  #style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stream })
  }
}
