/** For each mutant a seed that finds it; `npm run mutants -- --record` writes them anew. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const SEEDS_FILE = fileURLToPath(new URL('./seeds.json', import.meta.url))

export function readSeeds(): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(SEEDS_FILE, 'utf8')) as Record<string, number>
}
