import { type CorrespondOptions, correspond } from '../../../src/training/correspond/correspond.ts';
import { loadRun } from '../../../src/training/run/model-state.ts';

// The second stage in a process of its own, for a test to kill.
const options = JSON.parse(process.argv[2]) as Omit<CorrespondOptions, 'run'>;
await correspond({ ...options, run: await loadRun(options.folder) });
