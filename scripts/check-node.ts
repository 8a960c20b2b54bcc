// The package `node` installs the binary that runs every script here, in an install step that the lock file knows nothing
// of. Its hash is pinned instead, for each platform whose package could be looked at: node.sha256, for Node 24.21.0.
//
// HOLDFAST_NODE=machine says that the Node of the machine is meant to run the scripts, another version for instance. It does so
// where the package has no binary: after `npm ci --ignore-scripts`.

import { createHash } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import { sep } from 'node:path'

const platform = `${process.platform}-${process.arch}`
const pinned = readFileSync(new URL('node.sha256', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.split('  '))
  .find(([, name]) => name === platform)?.[0]
const found = createHash('sha256').update(readFileSync(process.execPath)).digest('hex')

if (process.env['HOLDFAST_NODE'] === 'machine' && !isOfPackage(process.execPath)) {
  console.log(`check-node: not checked, Node ${process.versions.node} of this machine is meant`)
} else if (pinned === undefined) {
  console.log(`check-node: not checked, no hash is pinned for ${platform} (found ${found})`)
} else if (pinned !== found) {
  console.error(
    `check-node: ${process.execPath} has the sha256 ${found}, pinned is ${pinned}; ` +
      'run `npm ci` again, and if that does not help, find out where the binary comes from before you run anything. ' +
      'If the Node of this machine is meant: `npm ci --ignore-scripts`, and HOLDFAST_NODE=machine',
  )
  process.exit(1)
}

/** True if a package of this project brought the binary along, so that its hash must be right. */
function isOfPackage(binary: string): boolean {
  const packages = realpathSync.native(new URL('../node_modules', import.meta.url))
  return realpathSync.native(binary).startsWith(packages + sep)
}
