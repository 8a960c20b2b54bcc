/** The reports of the thread: what is answered at one time leaves as one message. */
import type { MessagePort } from 'node:worker_threads'
import type { WatchLoss } from '../../storage.ts'
import type { Answered, Report } from './protocol.ts'

export class Reports {
  readonly #port: MessagePort
  #answers: Answered[] = []
  #hasNews = false
  #lost: WatchLoss | null = null
  #isDue = false

  constructor(port: MessagePort) {
    this.#port = port
  }

  add(answer: Answered): void {
    this.#answers.push(answer)
    this.#schedule()
  }

  addNews(): void {
    this.#hasNews = true
    this.#schedule()
  }

  addLoss(why: WatchLoss): void {
    this.#lost = why
    this.#schedule()
  }

  /** A tick comes after every promise that is settled by now. */
  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    process.nextTick(() => {
      this.#isDue = false
      const report: Report = {
        answers: this.#answers,
        hasNews: this.#hasNews,
        lost: this.#lost,
      }
      this.#answers = []
      this.#hasNews = false
      this.#lost = null
      this.#port.postMessage(report)
    })
  }
}
