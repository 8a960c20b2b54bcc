/** Checks the types of a file with an edit in it. An edit with type errors is no fault that a change could bring in. */
import { join } from 'node:path'
import ts from '@typescript/typescript6'
import type { Sources } from './tree.ts'

/** An edit may leave a name unused: the author of such a change would remove the name too. */
const LENIENT: ts.CompilerOptions = { noUnusedLocals: false, noUnusedParameters: false }

export class TypeChecks {
  readonly #tree: string
  readonly #files: readonly string[]
  readonly #options: ts.CompilerOptions
  readonly #host: ts.CompilerHost
  /** Every program has these same files, and therefore costs little after the first. */
  readonly #parsed = new Map<string, ts.SourceFile | undefined>()
  #edited: { readonly path: string; readonly source: ts.SourceFile } | null = null
  #program: ts.Program | undefined
  readonly #checked = new Set<string>()

  constructor(tree: string, sources: Sources) {
    this.#tree = tree
    this.#files = [...sources.keys()].map((file) => this.#pathOf(file))
    this.#options = { ...optionsOf(tree), ...LENIENT }
    const host = ts.createCompilerHost(this.#options)
    this.#host = { ...host, getSourceFile: (path, target) => this.#sourceOf(host, path, target) }
  }

  /** @throws {Error} if the types of the file are wrong without an edit. */
  holds(file: string, text: string): boolean {
    if (!this.#checked.has(file)) {
      this.#checked.add(file)
      const [wrong] = this.#wrongIn(file)
      if (wrong !== undefined)
        throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(wrong.messageText, ' ')}`)
    }
    const path = this.#pathOf(file)
    const source = ts.createSourceFile(path, text, this.#options.target ?? ts.ScriptTarget.Latest)
    this.#edited = { path, source }
    try {
      return this.#wrongIn(file).length === 0
    } finally {
      this.#edited = null
    }
  }

  #wrongIn(file: string): readonly ts.Diagnostic[] {
    this.#program = ts.createProgram(this.#files, this.#options, this.#host, this.#program)
    const source = this.#program.getSourceFile(this.#pathOf(file))
    const unparsed = this.#program.getSyntacticDiagnostics(source)
    return unparsed.length > 0 ? unparsed : this.#program.getSemanticDiagnostics(source)
  }

  #sourceOf(
    host: ts.CompilerHost,
    path: string,
    target: ts.ScriptTarget | ts.CreateSourceFileOptions,
  ): ts.SourceFile | undefined {
    if (this.#edited?.path === path) return this.#edited.source
    if (!this.#parsed.has(path)) this.#parsed.set(path, host.getSourceFile(path, target))
    return this.#parsed.get(path)
  }

  /** As the compiler writes it. */
  #pathOf(file: string): string {
    return join(this.#tree, file).replaceAll('\\', '/')
  }
}

function optionsOf(tree: string): ts.CompilerOptions {
  const file = join(tree, 'tsconfig.json')
  const complain = (wrong: ts.Diagnostic): never => {
    throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(wrong.messageText, ' ')}`)
  }
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: complain }
  const config = ts.getParsedCommandLineOfConfigFile(file, {}, host)
  if (config === undefined) throw new Error(`${file} cannot be read`)
  return config.options
}
