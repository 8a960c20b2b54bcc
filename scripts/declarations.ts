// The declarations of the package, one text per entry point. The text holds everything of our own that can be reached from the
// entry point, and the types of Standard Schema. No other package is imported: an app compiles it with nothing else installed.

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from '@typescript/typescript6'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { ENTRY_POINTS, TYPED_ENTRY_POINTS } from './entry-points.ts'

const CONFIG = 'tsconfig.build.json'
/** Where the compiler puts its many declarations: not below node_modules, as those of another package would be left out. */
export const DECLARATIONS = 'dist/declarations'

/** The packages whose types are copied into ours. */
export const INLINED = ['@standard-schema/spec']

/** The nouns of the project. Its ids are branded by a unique symbol, so that two copies of it would not fit each other. */
const MODEL = 'src/model.ts'

/** Where the schema of scenario files is, whose types follow from it. */
const SCENARIO = 'src/simulation/scenario.ts'

/** The texts by the names of their files; null: the sources have mistakes, which the compiler has told. */
export async function declarations(): Promise<ReadonlyMap<string, string> | null> {
  rmSync(DECLARATIONS, { recursive: true, force: true, maxRetries: 10 })
  // By its path: the `tsc` on the PATH may be the older compiler that rollup-plugin-dts brings along.
  const compile = ['node_modules/typescript/bin/tsc', '-p', CONFIG]
  if (spawnSync(process.execPath, compile, { stdio: 'inherit' }).status !== 0) return null
  writeOutInferred(declarationOf(SCENARIO))
  const texts = new Map<string, string>()
  for (const name of TYPED_ENTRY_POINTS) {
    texts.set(`${name}.d.ts`, await rolledUp(declarationOf(ENTRY_POINTS[name])))
  }
  return texts
}

function declarationOf(source: string): string {
  return join(DECLARATIONS, source.replace(/\.ts$/, '.d.ts'))
}

async function rolledUp(input: string): Promise<string> {
  const isFirst = input === declarationOf(ENTRY_POINTS.index)
  const build = await rollup({
    input,
    external: /^node:/,
    plugins: [
      {
        name: 'one-model',
        resolveId: (source, importer) => (isFirst ? null : ofIndex(source, importer)),
      },
      dts({ tsconfig: CONFIG, includeExternal: INLINED }),
    ],
    onwarn(warning) {
      // A hole in the text; the build's own mistakes are the compiler's to report.
      if (warning.code === 'UNRESOLVED_IMPORT') throw new Error(warning.message)
    },
  })
  const { output } = await build.generate({ format: 'es' })
  await build.close()
  return `${LIBRARIES}${output[0].code}`
}

/** `Symbol.asyncDispose`, which the libraries of most apps do not have. */
const LIBRARIES = '/// <reference lib="esnext.disposable" />\n'

/** The nouns come from the declarations of `holdfast`. */
function ofIndex(source: string, importer: string | undefined) {
  if (importer === undefined || !source.startsWith('.')) return null
  const file = resolve(importer, '..', source)
  return file === resolve(DECLARATIONS, MODEL) ? { id: './index.js', external: true } : null
}

/** Writes each type that is inferred from a schema as it is, so that the package with the schemas is not needed. */
function writeOutInferred(file: string): void {
  const { config } = ts.readConfigFile(CONFIG, (name) => ts.sys.readFile(name))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const program = ts.createProgram([file], options)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  if (source === undefined) throw new Error(`${file} is not there`)
  const {
    NoTruncation,
    InTypeAlias,
    MultilineObjectLiterals,
    UseSingleQuotesForStringLiteralType,
  } = ts.NodeBuilderFlags
  const flags =
    NoTruncation | InTypeAlias | MultilineObjectLiterals | UseSingleQuotesForStringLiteralType
  const printer = ts.createPrinter()
  let text = readFileSync(file, 'utf8')
  for (const statement of source.statements) {
    if (!ts.isTypeAliasDeclaration(statement)) continue
    const written = statement.type.getText(source)
    if (!written.startsWith('z.infer<')) continue
    const type = checker.typeToTypeNode(checker.getTypeAtLocation(statement), undefined, flags)
    if (type === undefined) throw new Error(`${statement.name.text} cannot be written out`)
    const whole = printer.printNode(ts.EmitHint.Unspecified, type, source)
    text = text.replace(`= ${written}`, () => `= ${whole}`)
  }
  writeFileSync(file, text)
}
