import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { greatestDifference, tinyView } from '../objectives/tiny-image-run.ts';
import { type Course, inOnePiece, inPieces, onCars, onPairs, onPictures } from './over-ranks.ts';

/** How far losses, metrics and all of the state but the optimizers' moments are apart. */
function apart(one: Course, other: Course): number {
  const states = [one, other].map(({ state: { optimizer: _, ...rest } }): Tree<HostTensor> => rest);
  return Math.max(
    greatestDifference(states[0], states[1]).difference,
    ...one.outputs.map((outputs, i) => greatestDifference(outputs, other.outputs[i]).difference),
  );
}

const systems = {
  SimIPU: onPairs,
  point3d: onCars,
  SimCLR: (ranks: number) => onPictures('simclr-cifar', { temperature: 0.5 }, ranks),
  'MoCo v2': (ranks: number) => {
    const options = { query: tinyView, key: tinyView, queue: 16 };
    return onPictures('moco-v2-cifar', options, ranks);
  },
  SwAV: (ranks: number) => onPictures('swav-cifar', { hidden: 32, queue: { size: 8, from: 0 } }, ranks),
};

describe('over ranks', () => {
  it.each([
    ['SimIPU', 2],
    ['point3d', 4],
    ['SimCLR', 2],
    ['MoCo v2', 4],
    ['SwAV', 2],
  ] as const)('%s computes on %d what it computes on one', async (name, ranks) => {
    const given = systems[name](ranks);
    expect(apart(await inOnePiece(given), await inPieces(given))).toBeLessThan(1e-6);
  });

  it('MoCo v2 does not where each rank normalises its own rows alone', async () => {
    const given = systems['MoCo v2'](2);
    const difference = apart(await inOnePiece(given), await inPieces(given, { batchNorm: 'rank' }));
    expect(difference).toBeGreaterThan(1e-3);
  });
});
