import { defineConfig } from 'vitest/config';

const results = process.env.TEST_RESULTS;

/** Rooms whose tests leave nothing behind: their files share a process, which takes half the time. */
const together = [
  'detection',
  'objectives',
  'evaluation',
  'geometry',
  'image',
  'matching',
  'nn',
  'pointcloud',
  'report',
  'encoders',
  'views',
  'viewer/app',
  'viewer/server',
  'engine',
  'datasets',
  'training',
].map((room) => `test/${room}/**/*.test.ts`);

/** Files of these rooms that need a process each: they put another module in the place of one, or look at what theirs has in memory. */
const alone = [
  'test/objectives/toy-objective.test.ts',
  'test/training/run/atomic-file.test.ts',
  'test/engine/keep-memory.test.ts',
  'test/engine/webgpu.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    maxWorkers: 2,
    execArgv: ['--import', 'tsx'],
    // A file that counts the tests, for whoever asks for one.
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
    projects: [
      {
        extends: true,
        test: { name: 'together', include: together, exclude: alone, isolate: false },
      },
      { extends: true, test: { name: 'alone', include: alone } },
      { extends: true, test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: together } },
    ],
  },
});
