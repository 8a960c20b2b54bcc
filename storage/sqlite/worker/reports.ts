/** The reports of the thread: what is answered at one time leaves as one message. */
import type { MessagePort } from 'node:worker_threads'
import type { Answered, Report } from './protocol.ts'

export class Reports {
  readonly #port: MessagePort
  #answers: Answered[] = []
  #hasNews = false
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

  /** A tick comes after every promise that is settled by now. */
  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    process.nextTick(() => {
      this.#isDue = false
      const report: Report = { answers: this.#answers, hasNews: this.#hasNews }
      this.#answers = []
      this.#hasNews = false
      this.#port.postMessage(report)
    })
  }
}
