import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    // Own processes, because a native module that crashes takes its whole process along.
    pool: 'forks',
    // Node takes the types off a worker thread's code with WebAssembly, and while such threads come and go, V8 loses
    // count of its protected pages (nodejs/node#64500). What is published is JavaScript, and has none of that.
    execArgv: ['--no-memory-protection-keys'],
    maxWorkers: '100%',
    testTimeout: 10_000,
    hookTimeout: 10_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    reporters: ['dot'],
  },
})
