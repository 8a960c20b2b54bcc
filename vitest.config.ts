import { defineConfig } from 'vitest/config'
import { setEnvironment } from './test/support/environment.ts'

setEnvironment()

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/build-first.ts',
    environment: 'node',
    // Own processes, because a native module that crashes takes its whole process along.
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 10_000,
    hookTimeout: 10_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    // A file is to hold what failed and the summary, and no dot for each test.
    reporters: [process.stdout.isTTY ? 'dot' : 'minimal'],
  },
})
