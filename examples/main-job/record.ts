/**
 * Makes `session.json.gz`, the recording that the main job replays by default: somebody writes a short
 * text, with slips, second thoughts and a paste. The same file each time. What is used is the file;
 * this is how it came to be. `npx tsx examples/main-job/record.ts`
 */
import { writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { Patch } from './recording.ts'
import { seededChance } from './random.ts'
import { bundledSession } from './bundled-session.ts'

const keyboard = 'qwertyuiopasdfghjklzxcvbnm'
const beganAt = Date.parse('2025-03-02T09:00:00.000Z')
const chance = seededChance(7)

/** Somebody at a keyboard: a text, a cursor in it, and every transaction written down. */
class Writer {
  readonly txns: { readonly time: string; readonly patches: Patch[] }[] = []
  text = ''
  #cursor = 0
  #at = beganAt

  type(words: string): this {
    for (const character of words) {
      if (chance.fraction() < 0.02 && character !== '\n') this.#slip()
      this.#edit(0, character)
    }
    return this
  }

  paste(words: string): this {
    this.#edit(0, words)
    return this
  }

  /** Key by key, as many as the passage has. */
  backspaceOver(passage: string): this {
    this.goBehind(passage)
    for (const character of Array.from(passage).toReversed()) this.#backspace(character.length)
    return this
  }

  /** Selected and removed at once. */
  remove(passage: string): this {
    this.goBehind(passage)
    return this.#backspace(passage.length)
  }

  /** A search and replace: all places in one transaction. */
  replaceAll(passage: string, by: string): this {
    const patches: Patch[] = []
    for (let at = this.text.indexOf(passage); at >= 0; at = this.text.indexOf(passage, at)) {
      patches.push([at, passage.length, by])
      this.text = this.text.slice(0, at) + by + this.text.slice(at + passage.length)
      at += by.length
    }
    this.#write(patches)
    this.#cursor = this.text.length
    return this
  }

  goBehind(passage: string): this {
    const at = this.text.indexOf(passage)
    if (at < 0) throw new Error(`there is no "${passage}"`)
    this.#cursor = at + passage.length
    return this
  }

  goToEnd(): this {
    this.#cursor = this.text.length
    return this
  }

  /** A wrong key, noticed at once. */
  #slip(): void {
    this.#edit(0, keyboard.charAt(chance.between(0, keyboard.length - 1)))
    this.#backspace(1)
  }

  #backspace(length: number): this {
    this.#cursor -= length
    this.#edit(length, '')
    return this
  }

  #edit(deleted: number, inserted: string): void {
    const at = this.#cursor
    this.text = this.text.slice(0, at) + inserted + this.text.slice(at + deleted)
    this.#cursor = at + inserted.length
    this.#write([[at, deleted, inserted]])
  }

  #write(patches: Patch[]): void {
    this.#at += chance.between(60, 400)
    this.txns.push({ time: new Date(this.#at).toISOString(), patches })
  }
}

const writer = new Writer()
  .type('# Holdfast\n\nA holdfast is what ties kelp to the rock. ')
  .type('It is not a root: it takes nothing from the ground, it only holds on. ')
  .type('Waves pull at the kelp all day, and most of the kelp is still there tomorrow.\n\n')
  .backspaceOver('most of the kelp is still there tomorrow')
  .type('in the morning it is still there')
  .goToEnd()
  .paste('- the storm takes the weak blades\n- the holdfast stays\n- new blades grow\n\n')
  .type('Some hold for years — the oldest is said to be 25 years old 🌊.\n')
  .remove(' the oldest is said to be 25 years old')
  .type(' nobody has counted them all')
  .goBehind('A holdfast is ')
  .type('the thing ')
  .remove('the thing ')
  .goBehind('ties kelp')
  .type(', a seaweed as tall as a tree,')
  .replaceAll('kelp', 'the kelp')
  .replaceAll('the the kelp', 'the kelp')
  .type('\nSo should a queue: whatever pulls at it, what it was given stays.\n')
  .backspaceOver('whatever pulls at it')
  .type('however it is pulled at')

const { txns, text: endContent } = writer
const json = JSON.stringify({ startContent: '', endContent, txns })
await writeFile(bundledSession, gzipSync(json, { level: 9 }))
console.log(`${txns.length} transactions, ${endContent.length} characters\n\n${endContent}`)
