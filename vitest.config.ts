import { defineConfig } from 'vitest/config';

const results = process.env.TEST_RESULTS;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    maxWorkers: 2,
    execArgv: ['--import', 'tsx'],
    // A file that counts the tests, for whoever asks for one.
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
