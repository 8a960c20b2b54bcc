/**
 * What comes and goes with each call, in the order of coming. Its members are the links: to put one in or to take
 * one out makes no object, where a `Set` of a few that change makes a new table for every other one.
 */

/** What a member of a linked list extends. It can be in one list at a time. */
export abstract class Link {
  /** @internal */
  previous: this | null = null
  /** @internal */
  next: this | null = null
}

export class LinkedList<Member extends Link> {
  #first: Member | null = null
  #last: Member | null = null

  /** Null: there is none. */
  get first(): Member | null {
    return this.#first
  }

  add(member: Member): void {
    member.previous = this.#last
    if (this.#last === null) this.#first = member
    else this.#last.next = member
    this.#last = member
  }

  /** Is it no member any more only now? */
  remove(member: Member): boolean {
    const { previous, next } = member
    if (previous === null && this.#first !== member) return false
    if (previous === null) this.#first = next
    else previous.next = next
    if (next === null) this.#last = previous
    else next.previous = previous
    // So that who is gone does not keep alive who came later.
    member.previous = null
    member.next = null
    return true
  }

  *[Symbol.iterator](): Iterator<Member> {
    for (let member = this.#first; member !== null; member = member.next) yield member
  }
}
