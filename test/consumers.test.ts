/** (A control of `npm run check:package`.) An app does not compile where a declaration needs what is not installed. */
import { appendFileSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { complaintsOfConsumers } from '../scripts/consumers.ts'
import { ROOT, sayNotBuilt, whyNotBuilt } from './support/built.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const whyNot = whyNotBuilt()
sayNotBuilt('the check of apps that use the package', whyNot)

describe.runIf(whyNot === null)('an app', () => {
  test(
    'does not compile where a declaration imports what is not there',
    { timeout: 60_000 },
    () => {
      const folder = temporaryFolder()
      cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true })
      cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
      appendFileSync(join(folder, 'dist/index.d.ts'), `export type { AnyActor } from 'xstate'\n`)
      appendFileSync(
        join(folder, 'dist/simulation.d.ts'),
        `import type { Agent } from 'node:http'\n`,
      )

      const complaints = complaintsOfConsumers(folder, ['nodenext'])

      // One of each compiler.
      expect(complaints).toHaveLength(2)
      for (const complaint of complaints) {
        expect(complaint).toMatch(/index\.d\.ts\(\d+,\d+\): .*Cannot find module 'xstate'/)
        expect(complaint).toMatch(/simulation\.d\.ts\(\d+,\d+\): .*Cannot find \w+ 'node:http'/)
      }
    },
  )
})
