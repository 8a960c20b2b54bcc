/**
 * Puts mutants into the engine as its files are loaded: `node --import ./test/mutants/register.ts …`. The
 * whole program is the mutant that HOLDFAST_MUTANT names, or else a module, and all that it imports, the
 * one of its address: `import('../../src/simulation/play.ts?mutant=impatient')`. The product knows nothing of it.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { mutantOf } from './list.ts'
import { mutate } from './mutant.ts'

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
    if (id === undefined || id === '') return loaded
    const mutant = mutantOf(id)
    if (address !== ROOT + mutant.file) return loaded
    const text = loaded.source ?? ''
    const source = typeof text === 'string' ? text : new TextDecoder().decode(text)
    return { ...loaded, source: mutate(mutant, source) }
  },
})

// Whoever misspells it must not believe that all is well.
const named = process.env['HOLDFAST_MUTANT'] ?? ''
if (named !== '')
  process.stderr.write(`mutant ${named} in ${fileURLToPath(ROOT + mutantOf(named).file)}\n`)
