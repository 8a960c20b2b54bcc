// The package `node` installs the binary that runs every script here, in an install step that the lock file knows nothing
// of. Its hash is pinned instead, for each platform whose package could be looked at: node.sha256, for Node 24.21.0.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const platform = `${process.platform}-${process.arch}`
const pinned = readFileSync(new URL('node.sha256', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.split('  '))
  .find(([, name]) => name === platform)?.[0]
const found = createHash('sha256').update(readFileSync(process.execPath)).digest('hex')

if (pinned === undefined) {
  console.log(`check-node: not checked, no hash is pinned for ${platform} (found ${found})`)
} else if (pinned !== found) {
  console.error(
    `check-node: ${process.execPath} has the sha256 ${found}, pinned is ${pinned}; ` +
      'run `npm ci` again, and if that does not help, find out where the binary comes from before you run anything',
  )
  process.exit(1)
}
