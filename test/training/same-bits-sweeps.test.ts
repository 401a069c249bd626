import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/training/config.ts';
import { stepsOn } from '../objectives/tiny-image-run.ts';
import { streetBatch } from '../objectives/tiny-street.ts';
import { tinySweepRun } from '../objectives/tiny-sweeps.ts';
import { otherBits, sameBits } from './other-bits.ts';

/** Fewer than other tests have: most of the time goes into opening these large graphs. */
const threadCounts = [1, 2, 8];

/** Point levels that are large enough for ONNX Runtime to share their operations out among threads. */
const levels = [
  { points: 128, radii: [1], neighbors: [16], widths: [[16, 32]], out: 32 },
  { points: 64, radii: [3, 9], neighbors: [16, 32], widths: [[32], [32, 32]], out: 64 },
];

describe(`${sameBits(threadCounts)}, on sweeps`, () => {
  it.each(['pseudo-boxes-small', 'occupancy-small'])('%s', { timeout: 240_000 }, async (preset) => {
    const { points } = tinySweepRun(preset).encoders;
    const encoders = { points: { ...points!, levels, input: { ...points!.input, count: 256 } } };
    const changes = { batchSize: 8, encoders } as Partial<RunConfig>;
    const run = tinySweepRun(preset, { candidateLevel: 0 }, changes);
    const data = [streetBatch(run, [0, 1, 2, 3, 4, 5, 6, 7], 0)];
    const { step, state, batches } = stepsOn(run, { frames: 8, data });
    expect(await otherBits({ step, state, batch: batches[0] }, threadCounts)).toEqual([]);
  });
});
