// Before the package is published: package.json must name where the project really is. Until that is known it names an address
// of `.example`, a domain that no project can own.

import { readFileSync } from 'node:fs'

const { repository, homepage, bugs } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly repository: { readonly url: string }
  readonly homepage: string
  readonly bugs: { readonly url: string }
}

const unreal = Object.entries({ repository: repository.url, homepage, bugs: bugs.url }).filter(
  ([, address]) => new URL(address).hostname.endsWith('.example'),
)
for (const [name, address] of unreal) {
  console.error(`package.json: ${name} is ${address}, not yet the address of the project`)
  process.exitCode = 1
}
