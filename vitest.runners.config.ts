import { defineConfig } from 'vitest/config';
import { processes } from './vitest.config.ts';

/** The tests of the engine, with every step that may run anyhow run by both runners on 1, 2, 4 and 8 threads. */
export default defineConfig({
  test: {
    ...processes,
    include: ['test/engine/**/*.test.ts'],
    // These choose runners and processes themselves.
    exclude: [
      'test/engine/native/**',
      'test/engine/ranks/**',
      'test/engine/web/**',
      'test/engine/webgpu.test.ts',
    ],
    setupFiles: [...processes.setupFiles, 'test/engine/every-runner.ts'],
    testTimeout: 600_000,
  },
});
