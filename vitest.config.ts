import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

const results = process.env.TEST_RESULTS;

/** Files that need a process each: they put another module in the place of one, or look at what theirs has in memory. */
const alone = [
  'test/objectives/toy-objective.test.ts',
  'test/training/run/atomic-file.test.ts',
  'test/engine/keep-memory.test.ts',
  'test/engine/webgpu.test.ts',
];

/** How the processes of tests are started. */
export const processes = {
  maxWorkers: 2,
  globalSetup: ['test/built-threads.ts', 'test/shared-folder.ts'],
  setupFiles: ['test/equal-arrays.ts'],
  execArgv: ['--import', 'tsx'],
  // Two files run at a time: threads that spin while they wait would take the other one's core.
  env: { OMP_WAIT_POLICY: 'PASSIVE' },
};

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    ...processes,
    sequence: { sequencer: LongestFirst },
    // A file that counts the tests, for whoever asks for one.
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
    projects: [
      // They leave nothing behind, and share processes: loading the modules anew for each takes as long again.
      {
        extends: true,
        test: { name: 'together', include: ['test/**/*.test.ts'], exclude: alone, isolate: false },
      },
      { extends: true, test: { name: 'alone', include: alone } },
    ],
  },
});
