import { type ProbeOptions, probeRun } from '../../../src/training/probe/probe-run.ts';
import { loadEncoderRun } from '../../../src/training/run/encoder-run.ts';

// A probe in a process of its own, for a test to kill.
const options = JSON.parse(process.argv[2]) as Omit<ProbeOptions, 'run' | 'say'>;
const run = await loadEncoderRun(options.folder);
await probeRun({ ...options, run, stream: { write: () => true }, say: () => {} });
