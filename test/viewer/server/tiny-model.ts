import { Random } from '../../../src/engine/random.ts';
import type { RunConfig } from '../../../src/training/config.ts';
import { createPretraining } from '../../../src/training/create-pretraining.ts';
import { type Looking, lookingThrough } from '../../../src/training/export-features.ts';
import type { Features } from '../../../src/viewer/server/features.ts';
import { tiny } from '../../objectives/tiny-simipu.ts';

/** Points all around the car, so that some fall outside of the picture. Some partners are farther apart than the gate. */
export const wideRun: RunConfig = tiny({
  simipu: { matchGateM: 3 },
  input: { range: { min: [-10, -40, -3], max: [70.4, 40, 1] }, cropToImage: false },
});

/** How frames are looked at through the encoders of a run. */
export function lookingAt(run: RunConfig): Looking {
  return lookingThrough(createPretraining(run, 1));
}

/** Rows of length one in all directions. */
export function randomFeatures(seed: string, count: number, width: number): Features {
  const random = Random.fromSeed(seed);
  const rows = Float32Array.from({ length: count * width }, () => random.normal());
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * width, (i + 1) * width);
    row.set(row.map((value) => value / Math.hypot(...row)));
  }
  return { width, rows };
}
