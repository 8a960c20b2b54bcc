/**
 * Puts mutants into the engine as its files are loaded: `node --import ./test/mutants/register.ts …`. The
 * whole program is the mutant that HOLDFAST_MUTANT names, or else a module, and all that it imports, the
 * one of its address: `import('../../src/simulation/play.ts?mutant=impatient')`. The product knows nothing of it.
 */
import { registerHooks } from 'node:module'
import { mutantOf } from './list.ts'
import { mutated } from './places.ts'

const ROOT = new URL('../../', import.meta.url).href
const QUERY = '?mutant='

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const [, id] = (context.parentURL ?? '').split(QUERY)
    const isOurs = resolved.url.startsWith(ROOT) && resolved.url.endsWith('.ts')
    return id === undefined || !isOurs ? resolved : { ...resolved, url: resolved.url + QUERY + id }
  },
  load(url, context, next) {
    const [address = url, id = process.env['HOLDFAST_MUTANT']] = url.split(QUERY)
    const loaded = next(url, context)
    if (id === undefined || id === '' || !address.startsWith(ROOT)) return loaded
    const { file, text } = mutated(mutantOf(id))
    return address === ROOT + file ? { ...loaded, source: text } : loaded
  },
})

// A misspelt name must not look like a run in which all is well.
const named = process.env['HOLDFAST_MUTANT'] ?? ''
if (named !== '') process.stderr.write(`mutant ${named} in ${mutated(mutantOf(named)).file}\n`)
