/** How long one process takes to import these modules, one after the other. */
const modules = process.argv.slice(2)
const started = performance.now()
for (const module of modules) await import(module)
process.send?.(performance.now() - started)
process.exit()
