// The snippets of the README, run in their order as one app, with the package as it is installed: each goes on where the one
// before has left off. The app runs in a folder of CommonJS, which `npm init -y` makes, and in one of ES modules.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { codeBlocks, projectText } from '../test/support/markdown.ts'

/** A server on loopback that takes everything, beside the app in its process. */
const SERVER = `
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    const sent = body === '' ? {} : JSON.parse(body)
    const user = Buffer.from(JSON.stringify({ sub: sent.user ?? '' })).toString('base64url')
    const answers = {
      '/issuer/token': { token: \`e30.\${user}.c2ln\` },
      '/lists': { list: sent.list, id: 'srv-1' },
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answers[request.url] ?? {}))
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
server.unref()
process.env.API_URL = \`http://127.0.0.1:\${server.address().port}\`
`

const CLOSE = 'await holdfast.close()'

/** One snippet, without its imports. */
interface Snippet {
  readonly imports: readonly string[]
  readonly code: string
}

function snippetOf(text: string): Snippet {
  const imports = [...text.matchAll(/^import [^]*? from '[^']+'$/gm)].map(([line]) => line)
  const code = imports.reduce((rest, line) => rest.replace(line, ''), text)
  return { imports, code: code.replaceAll(/^declare function .*$/gm, '') }
}

/** The names that are imported from each module, once. */
function mergedImports(snippets: readonly Snippet[]): string {
  const defaults = new Map<string, string>()
  const names = new Map<string, Set<string>>()
  for (const line of snippets.flatMap(({ imports }) => imports)) {
    const [, what = '', from = ''] = /^import ([^]*?) from '([^']+)'$/.exec(line) ?? []
    const braced = /^\{([^]*)\}$/.exec(what)?.[1]
    if (braced === undefined) defaults.set(from, what)
    const known = names.get(from) ?? new Set()
    names.set(from, known)
    for (const name of braced?.split(',') ?? []) if (name.trim() !== '') known.add(name.trim())
  }
  const lines = [...defaults].map(([from, name]) => `import ${name} from '${from}'`)
  for (const [from, known] of names) {
    if (known.size > 0) lines.push(`import { ${[...known].join(', ')} } from '${from}'`)
  }
  return lines.join('\n')
}

/** The whole app: the quick start, and every later snippet in a block of its own, which closes the engine that it makes. */
export function readmeApp(readme: string): string {
  const [quickStart, ...others] = codeBlocks(readme, 'ts').map(snippetOf)
  if (quickStart === undefined || others.length === 0) throw new Error('the snippets are gone')
  if (!quickStart.code.includes(CLOSE)) throw new Error('the quick start does not close its engine')
  const blocks = others.map(({ code }) => {
    const makesEngine = code.includes('const holdfast = await createHoldfast(')
    return `{\n${code}\n${makesEngine ? CLOSE : ''}\n}`
  })
  return [
    `import './server.mjs'`,
    mergedImports([quickStart, ...others]),
    quickStart.code.replace(CLOSE, ''),
    'const signIn = (user: string) => fetchToken(user, AbortSignal.timeout(5000))',
    ...blocks.map((code) => code.replaceAll(`'https://api.example.com'`, 'baseUrl')),
    CLOSE,
    `console.log('every snippet has run')`,
  ].join('\n\n')
}

/** Runs the app in both kinds of folder, below a folder in which the package is installed. @throws where a snippet fails. */
export function runReadmeApp(folder: string): void {
  // Node strips no types below node_modules, where the package finds its dependencies.
  const app = transformSync(readmeApp(projectText('README.md')), {
    loader: 'ts',
    format: 'esm',
  }).code
  const kinds = [
    ['commonjs-app', {}, 'app.mjs'],
    ['module-app', { type: 'module' }, 'app.js'],
  ] as const
  for (const [name, manifest, file] of kinds) {
    const its = join(folder, name)
    mkdirSync(its)
    writeFileSync(
      join(its, 'package.json'),
      JSON.stringify({ name, version: '1.0.0', ...manifest }),
    )
    writeFileSync(join(its, 'server.mjs'), SERVER)
    writeFileSync(join(its, file), app)
    const printed = execFileSync(process.execPath, [file], {
      cwd: its,
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 60_000,
      env: { ...process.env, API_URL: '' },
    })
    if (!printed.includes('every snippet has run'))
      throw new Error(`${name} ended early: ${printed}`)
  }
}
