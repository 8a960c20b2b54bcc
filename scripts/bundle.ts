// The JavaScript of the package: one file per entry point, and files that several of them share, so that a class is the same one
// everywhere. The names of functions and classes stay as they are, and the source maps hold the sources: a stack trace can be read.
//
// The packages of `dependencies` stay imports. The packages of the command and of scenarios are in the files.

import { rolldown } from 'rolldown'
import { ENTRY_POINTS } from './entry-points.ts'

/** Writes the files; answers the names of the packages whose code is in them. `installed`: the packages that stay imports. */
export async function bundle(folder: string, installed: readonly string[]): Promise<string[]> {
  const build = await rolldown({
    input: ENTRY_POINTS,
    platform: 'node',
    external: [/^node:/, ...installed],
    tsconfig: 'tsconfig.build.json',
    // The oldest Node that the package takes.
    transform: { target: 'node22.14' },
    onLog(level, { message }) {
      // A package that is not found would stay an import.
      if (level === 'warn') throw new Error(message)
    },
  })
  const { output } = await build.write({
    dir: folder,
    format: 'esm',
    sourcemap: true,
    keepNames: true,
    // In one folder: see entry-points.ts.
    entryFileNames: '[name].js',
    chunkFileNames: ({ isDynamicEntry }) =>
      isDynamicEntry ? '[name]-[hash].js' : 'shared-[hash].js',
    // The comments of our own code stand in the maps, which hold the sources.
    comments: { jsdoc: false },
  })
  await build.close()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  return packagesOf(modules)
}

function packagesOf(modules: readonly string[]): string[] {
  const names = modules.map(
    (id) => /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1],
  )
  return [...new Set(names.filter((name) => name !== undefined))]
    .map((name) => name.replace('\\', '/'))
    .sort()
}
