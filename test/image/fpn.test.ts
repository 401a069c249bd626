import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree } from '../../src/engine/tree.ts';
import { fitToCanvas } from '../../src/image/fit-to-canvas.ts';
import { doubled, fpn, initFpn } from '../../src/image/fpn.ts';

beforeAll(() => tf.setBackend('cpu'));

describe('doubled', () => {
  it('has every pixel four times', () => {
    const x = tf.tensor([1, 2, 3, 4, 5, 6], [1, 1, 2, 3]);
    expect(doubled(x).arraySync()).toEqual([
      [
        [
          [1, 1, 2, 2, 3, 3],
          [1, 1, 2, 2, 3, 3],
          [4, 4, 5, 5, 6, 6],
          [4, 4, 5, 5, 6, 6],
        ],
      ],
    ]);
  });
});

describe('a pyramid', () => {
  const options = {
    stages: [
      { stage: 'c4', channels: 3 },
      { stage: 'c5', channels: 5 },
    ] as const,
    channels: 4,
    batchNorm: { eps: 1e-5, momentum: 0.1 },
  };
  const made = initFpn(Random.fromSeed(1), options);
  const tensors = (part: 'params' | 'stats') =>
    mapTree(made[part], ({ data, shape }) => tf.tensor(data, [...shape]));
  const c5 = tf.randomNormal([2, 5, 2, 3], 0, 1, 'float32', 1);
  const c4 = tf.randomNormal([2, 3, 4, 6], 0, 1, 'float32', 2);

  it('gives the wanted levels at their own sizes, and statistics of the same form', () => {
    const { maps, stats } = fpn(
      tensors('params'),
      tensors('stats'),
      { c4, c5 },
      { ...options, training: true, outputs: ['c4'] },
    );
    expect(maps.c4!.shape).toEqual([2, 4, 4, 6]);
    expect(maps.c5).toBeUndefined();
    const paths = (tree: typeof stats) =>
      leavesOf(tree)
        .map(([path]) => path)
        .sort();
    expect(paths(stats)).toEqual(paths(tensors('stats')));
  });

  it('brings what the coarse stage sees to the fine one', () => {
    const run = (coarse: tf.Tensor) =>
      fpn(
        tensors('params'),
        tensors('stats'),
        { c4, c5: coarse },
        { ...options, training: false, outputs: ['c4', 'c5'] },
      );
    const [before, after] = [run(c5), run(tf.add(c5, 1))];
    expect(before.maps.c5!.shape).toEqual([2, 4, 2, 3]);
    expect(tf.max(tf.abs(tf.sub(before.maps.c4!, after.maps.c4!))).dataSync()[0]).toBeGreaterThan(0.1);
  });

  it('needs the features of all its stages', () => {
    const run = () =>
      fpn(tensors('params'), tensors('stats'), { c4 }, { ...options, training: false, outputs: ['c4'] });
    expect(run).toThrow(/c5/);
  });
});

describe('fitToCanvas', () => {
  const canvas = { width: 64, height: 32 };
  it('scales a picture to what fits, and cuts or pads it otherwise', () => {
    const placed = (scale: [number, number]) =>
      fitToCanvas({ width: 200, height: 50 }, Random.fromSeed(1), { canvas, scale, mirrored: false });
    expect(placed([1, 1])).toMatchObject({ width: 64, height: 16 });
    expect(placed([2, 2])).toMatchObject({ width: 64, height: 32 });
    expect(placed([0.5, 0.5])).toMatchObject({ width: 32, height: 8 });
  });
});
