import { type PrepareOptions, prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';

// In a process of its own, for a test to kill.
await prepareSequences(JSON.parse(process.argv[2]) as PrepareOptions);
