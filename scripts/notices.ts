// The licences of the packages whose code or types are in ours, from the files that they come with. Each asks that its notice
// goes wherever its code goes.

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const LICENCE_FILE = /^(?:licen[cs]e|notice|copying)(?:\.|-|$)/i

/** @throws Error if a package has no file with its licence: an author must look at the package. */
export function notices(packages: readonly string[]): string {
  return [
    'The files of this package hold code or types of the packages below, under their licences.\n',
    ...packages.map(noticeOf),
  ].join(`\n${'-'.repeat(80)}\n\n`)
}

function noticeOf(name: string): string {
  const folder = resolve('node_modules', name)
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly version: string
    readonly license: string
  }
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file))
  if (files.length === 0) throw new Error(`${name} comes without a file of its licence`)
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  return `${[`${name} ${version} (${license})`, ...texts].join('\n\n')}\n`
}
