import { type PretrainOptions, pretrain } from '../../src/training/pretrain.ts';

// A run in a process of its own, for a test to kill.
const options = JSON.parse(process.argv[2]) as PretrainOptions;
await pretrain({ ...options, stream: { write: () => true } });
