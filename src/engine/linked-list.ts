/**
 * A list for objects that come and go with each call, in the order of arrival. The members themselves are the links:
 * to add or remove a member makes no object. A `Set` with a few changing members makes a new table for every second
 * member.
 */

/** The base class of the members of a linked list. An object can be in one list at a time. */
export abstract class Link {
  /** @internal */
  previous: this | null = null
  /** @internal */
  next: this | null = null
}

export class LinkedList<Member extends Link> {
  #first: Member | null = null
  #last: Member | null = null

  /** The oldest member; null: the list is empty. */
  get first(): Member | null {
    return this.#first
  }

  add(member: Member): void {
    member.previous = this.#last
    if (this.#last === null) this.#first = member
    else this.#last.next = member
    this.#last = member
  }

  /** Returns true if this call removed the member, false if it was already gone. */
  remove(member: Member): boolean {
    const { previous, next } = member
    if (previous === null && this.#first !== member) return false
    if (previous === null) this.#first = next
    else previous.next = next
    if (next === null) this.#last = previous
    else next.previous = previous
    // A removed member must not keep alive the members that were added later.
    member.previous = null
    member.next = null
    return true
  }

  *[Symbol.iterator](): Iterator<Member> {
    for (let member = this.#first; member !== null; member = member.next) yield member
  }
}
