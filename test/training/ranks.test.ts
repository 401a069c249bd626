import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { greatestDifference, tinyView } from '../objectives/tiny-image-run.ts';
import {
  type Course,
  inOnePiece,
  inPieces,
  onCars,
  onPairs,
  onPictures,
  onStreets,
  type Shares,
} from './over-ranks.ts';

/** How far losses, metrics and all of the state but the optimizers' moments are apart. */
function apart(one: Course, other: Course): number {
  const states = [one, other].map(({ state: { optimizer: _, ...rest } }): Tree<HostTensor> => rest);
  return Math.max(
    greatestDifference(states[0], states[1]).difference,
    ...one.outputs.map((outputs, i) => greatestDifference(outputs, other.outputs[i]).difference),
  );
}

const pictures =
  (preset: string, options: { readonly [option: string]: unknown } = {}) =>
  (given: Shares) =>
    onPictures(preset, options, given);

const systems = {
  SimIPU: onPairs,
  point3d: onCars,
  SimCLR: pictures('simclr-cifar', { temperature: 0.5 }),
  'MoCo v2': pictures('moco-v2-cifar', { query: tinyView, key: tinyView, queue: 16 }),
  SwAV: pictures('swav-cifar', { hidden: 32, queue: { size: 8, from: 0 } }),
  'MoCo v3': pictures('moco-v3-cifar', { hidden: 32 }),
  BYOL: pictures('byol-cifar', { hidden: 32, dimensions: 16, predictorRate: 1 }),
  SimSiam: pictures('simsiam-cifar', {
    view: tinyView,
    ...{ hidden: 32, dimensions: 16, bottleneck: 16, predictorRate: 1 },
  }),
  DINO: pictures('dino-cifar', { outputs: 32 }),
  SEER: pictures('seer-cifar', { hidden: 32 }),
  InvaSpread: pictures('invaspread-cifar'),
  'boxes of clusters': (given: Shares) =>
    onStreets('pseudo-boxes-small', { candidateLevel: 0, head: [12] }, given),
  occupancy: (given: Shares) =>
    onStreets('occupancy-small', { candidateLevel: 0, latent: 8, decoder: [8] }, given),
};

describe('over ranks', () => {
  it.each([
    ['SimIPU', 2],
    ['point3d', 4],
    ['SimCLR', 2],
    ['MoCo v2', 4],
    ['SwAV', 2],
    ['MoCo v3', 2],
    ['BYOL', 2],
    ['SimSiam', 2],
    ['DINO', 2],
    ['SEER', 2],
    ['InvaSpread', 2],
    ['boxes of clusters', 4],
    ['occupancy', 2],
  ] as const)('%s computes on %d what it computes on one', async (name, ranks) => {
    const differenceFrom = async (from: number) => {
      const given = systems[name]({ ranks, from });
      return apart(await inOnePiece(given), await inPieces(given));
    };
    const bound = 1e-6;
    const difference = await differenceFrom(0);
    // Rounding may put a value next to 0 on the other side of a ReLU, which no wrong factor does for one batch alone.
    expect(difference < bound ? difference : await differenceFrom(8)).toBeLessThan(bound);
  });

  it('MoCo v2 does not where each rank normalises its own rows alone', async () => {
    const given = systems['MoCo v2']({ ranks: 2 });
    const difference = apart(await inOnePiece(given), await inPieces(given, { batchNorm: 'rank' }));
    expect(difference).toBeGreaterThan(1e-3);
  });
});
