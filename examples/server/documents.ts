/**
 * The documents of all users. An edit is applied as it comes, also one out of order: a client that
 * loses, doubles or reorders operations spoils the text, and the fault is counted.
 */
import { DocumentText } from './document-text.ts'
import type { Edit } from './operation-body.ts'
import type { Owner } from './owner.ts'

interface Document {
  readonly owner: Owner
  readonly name: string
  readonly text: DocumentText
  /** The index that must come next. */
  next: number
  orderViolationCount: number
}

export interface DocumentSummary {
  readonly user: Owner
  readonly document: string
  readonly length: number
  readonly next: number
  readonly orderViolations: number
}

export class Documents {
  readonly #byOwner = new Map<Owner, Map<string, Document>>()

  /** Applies one edit; `inOrder` is false if its index was not the next one. */
  apply(owner: Owner, edit: Edit): { readonly length: number; readonly inOrder: boolean } {
    const document = this.#open(owner, edit.document)
    const inOrder = edit.index === document.next
    if (!inOrder) document.orderViolationCount += 1
    document.next = Math.max(document.next, edit.index + edit.count)
    for (const [position, deleted, inserted] of edit.patches) {
      document.text.splice(position, deleted, inserted)
    }
    return { length: document.text.length, inOrder }
  }

  /** The text, or undefined if nothing was ever written to that document. */
  text(owner: Owner, name: string): string | undefined {
    return this.#byOwner.get(owner)?.get(name)?.text.toString()
  }

  summary(): DocumentSummary[] {
    return [...this.#byOwner.values()].flatMap((documents) =>
      Array.from(documents.values(), (document) => ({
        user: document.owner,
        document: document.name,
        length: document.text.length,
        next: document.next,
        orderViolations: document.orderViolationCount,
      })),
    )
  }

  #open(owner: Owner, name: string): Document {
    const documents = this.#byOwner.get(owner) ?? new Map<string, Document>()
    this.#byOwner.set(owner, documents)
    const document = documents.get(name) ?? {
      owner,
      name,
      text: new DocumentText(),
      next: 0,
      orderViolationCount: 0,
    }
    documents.set(name, document)
    return document
  }
}
