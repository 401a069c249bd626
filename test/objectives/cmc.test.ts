import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { bankContrast } from '../../src/objectives/parts/bank-contrast.ts';
import { expectNear, valuesOf } from '../nn/tensors.ts';
import { noiseContrastInLoops, softmaxInLoops } from './parts/noise-contrast-in-loops.ts';
import { dense, encoded } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  firstSteps,
  golden,
  leafOf,
  rowsOf,
  runSteps,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Host = Tree<HostTensor>;
type Rows = ReadonlyArray<readonly number[]>;

const { a, b, queue } = golden;
/** The golden bank of colour, and the rows that each picture is told from, its own first. */
const colourBank = [
  [-2, 7, 1, -5],
  [0, -6, 3, -3],
  [2, -4, 5, -1],
  [4, -2, 7, 1],
  [6, 0, -6, 3],
  [-7, 2, -4, 5],
  [-5, 4, -2, 7],
  [-3, 6, 0, -6],
];
const drawn = [
  [0, 3, 5, 1],
  [1, 2, 2, 7],
  [2, 6, 0, 4],
  [3, 3, 1, 5],
];

/** One direction of raw rows against a raw bank. */
function oneDirection(x: tf.Tensor, bank: Rows, by: 'noise' | 'softmax'): tf.Scalar {
  const index = tf.tensor1d([0, 1, 2, 3], 'int32');
  const draws = tf.tensor2d(
    drawn.map((row) => row.slice(1)),
    [4, 3],
    'int32',
  );
  const given = { bank: l2Normalize(rowsOf(bank)), index, draws, normalizer: tf.scalar(0) };
  return bankContrast(l2Normalize(x), given, { by, temperature: 0.07, eps: 1e-7 }).loss;
}

const both = (by: 'noise' | 'softmax', banks: readonly [ofA: Rows, ofB: Rows]) =>
  valuesOf(oneDirection(rowsOf(a), banks[0], by))[0] + valuesOf(oneDirection(rowsOf(b), banks[1], by))[0];

describe("CMC's loss", () => {
  it('has the golden values, each half against the bank of the other', () => {
    expect(both('noise', [colourBank, queue])).toBeCloseTo(18.30917997471, 4);
    expect(both('softmax', [colourBank, queue])).toBeCloseTo(15.687469426946, 4);
    const options = { temperature: 0.07, eps: 1e-7 };
    const inLoops = (x: Rows, bank: Rows) =>
      noiseContrastInLoops(x.map(unit), bank.map(unit), drawn, options).loss;
    expect(inLoops(a, colourBank) + inLoops(b, queue)).toBeCloseTo(18.30917997471, 9);
    // Neither against the own bank, nor the mean of both.
    for (const by of ['noise', 'softmax'] as const) {
      const right = both(by, [colourBank, queue]);
      expect(Math.abs(both(by, [queue, colourBank]) - right)).toBeGreaterThan(0.5);
      expect(Math.abs(right / 2 - right)).toBeGreaterThan(5);
    }
  });

  it('has a gradient of the picture alone', () => {
    const { grads } = valueAndGrad(
      ({ x, bank }) => {
        const given = {
          bank: bank as tf.Tensor,
          index: tf.tensor1d([0, 1, 2, 3], 'int32'),
          draws: tf.tensor2d([[3], [2], [6], [1]], [4, 1], 'int32'),
          normalizer: tf.scalar(0),
        };
        const terms = (['noise', 'softmax'] as const).map(
          (by) => bankContrast(x as tf.Tensor, given, { by, temperature: 0.5, eps: 1e-7 }).loss,
        );
        return { loss: tf.add(terms[0], terms[1]) as tf.Scalar, aux: {} };
      },
      { x: rowsOf(a.map(unit)), bank: rowsOf(queue.map(unit)) },
    );
    expect([...grads.keys()]).toEqual(['x']);
  });
});

describe('CMC', () => {
  const options = { view: tinyView, dimensions: 6, negatives: 0, temperature: 0.3 };
  const preset = 'cmc-cifar';
  const run = tinyImageRun(preset, options);
  // A picture comes twice in the third batch, as where two epochs meet.
  const pictures = [
    [0, 1, 2, 3],
    [4, 6, 1, 2],
    [3, 0, 5, 3],
  ];
  const first = firstSteps(run, { frames: 7, pictures });
  const eager = runSteps(first);
  const bankOf = (state: Host, half: string) => {
    const { data, shape } = leafOf(state, `memory/cmc/${half}/bank`);
    expect(shape).toEqual([7, 6]);
    return Array.from({ length: 7 }, (_, i) => [...data.slice(6 * i, 6 * i + 6)]);
  };
  /** What both halves make of the pictures of a step before it. */
  const embedded = (state: Host, batch: Host): { lightness: number[][]; colour: number[][] } => {
    const { params, stats } = state as { readonly [branch: string]: Host };
    const features = encoded(run, params, stats, leafOf(batch, 'data/cmc/picture'));
    const [lightness, colour] = tf.split(features, 2, 1);
    const rows = (half: string, x: tf.Tensor) =>
      (dense(params, `cmc/${half}`, x).arraySync() as number[][]).map(unit);
    return { lightness: rows('lightness', lightness), colour: rows('colour', colour) };
  };

  it("compares each half with the other's bank as it was before the step", async () => {
    const { outputs, states } = await eager;
    pictures.forEach((numbers, i) => {
      const x = embedded(states[i], first.batches[i]);
      for (const [half, other] of [
        ['lightness', 'colour'],
        ['colour', 'lightness'],
      ] as const) {
        const loss = leafOf(outputs[i], `loss/${half}`).data[0];
        expect(loss).toBeCloseTo(softmaxInLoops(x[half], bankOf(states[i], other), numbers, 0.3), 4);
        const own = softmaxInLoops(x[half], bankOf(states[i], half), numbers, 0.3);
        const written = softmaxInLoops(x[half], bankOf(states[i + 1], other), numbers, 0.3);
        for (const wrong of [own, written]) expect(Math.abs(loss - wrong)).toBeGreaterThan(1e-3);
      }
    });
    expect(first.pretraining.chance(7)).toEqual({
      total: 2 * Math.log(7),
      terms: { lightness: Math.log(7), colour: Math.log(7) },
    });
  });

  it('moves the rows of the pictures in the batch, no others, each half in its own bank', async () => {
    const { states } = await eager;
    pictures.forEach((numbers, i) => {
      const x = embedded(states[i], first.batches[i]);
      for (const half of ['lightness', 'colour'] as const) {
        const [before, after] = [bankOf(states[i], half), bankOf(states[i + 1], half)];
        after.forEach((row, number) => {
          const at = numbers.lastIndexOf(number);
          if (at < 0) expect(row).toEqual(before[number]);
          else expectNear(row, unit(before[number].map((value, d) => 0.5 * value + 0.5 * x[half][at][d])), 5);
        });
      }
    });
  });

  it('trains both halves and their heads, and no bank', () => {
    const paths = connectedPaths(first).filter((path) => path.startsWith('params/'));
    expect(paths).toEqual(leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path));
    expect(new Set(paths.map((path) => path.split('/').slice(1, 3).join('/')))).toEqual(
      new Set(['cmc/colour', 'cmc/lightness', 'imageEncoder/colour', 'imageEncoder/lightness']),
    );
  });

  it('has, against drawn rows, a normaliser for each half, of the first batch', async () => {
    const noise = firstSteps(tinyImageRun(preset, { ...options, negatives: 5, contrast: 'noise' }), {
      frames: 7,
      pictures: pictures.slice(0, 2),
    });
    const { outputs, states } = await runSteps(noise);
    const z: { [half: string]: number } = {};
    for (const i of [0, 1]) {
      const x = embedded(states[i], noise.batches[i]);
      const { data } = leafOf(noise.batches[i], 'inputs/cmc/draws');
      const rows = pictures[i].map((number, n) => [
        number,
        ...Array.from(data.slice(5 * n, 5 * n + 5), (draw) => draw % 7),
      ]);
      for (const [half, other] of [
        ['lightness', 'colour'],
        ['colour', 'lightness'],
      ] as const) {
        const how = { temperature: 0.3, eps: 1e-7, z: z[half] };
        const { loss, z: used } = noiseContrastInLoops(x[half], bankOf(states[i], other), rows, how);
        z[half] = used;
        expect(leafOf(outputs[i], `loss/${half}`).data[0]).toBeCloseTo(loss, 3);
        expect(leafOf(states[i + 1], `memory/cmc/${half}/normalizer`).data[0] / used).toBeCloseTo(1, 5);
      }
    }
    expect(Math.abs(z.lightness / z.colour - 1)).toBeGreaterThan(1e-4);
    const softmax = firstSteps(tinyImageRun(preset, { ...options, negatives: 5 }), {
      frames: 7,
      pictures: [],
    });
    expect(softmax.pretraining.chance(7).total).toBeCloseTo(2 * Math.log(6), 12);
    expect(Object.keys(branchAt(branchAt(branchAt(softmax.state, 'memory'), 'cmc'), 'colour'))).toEqual([
      'bank',
    ]);
  });

  it('refuses an encoder that is not two, an odd width, and noise without drawn rows', () => {
    const image = run.encoders.image!;
    const whole = tinyImageRun(preset, options, {
      encoders: { image: { ...image, kind: 'resnet' } as never },
    });
    expect(() => firstSteps(whole, { frames: 7, pictures: [] })).toThrow(
      'configuration: encoders.image.kind: expected lab-resnet, the two encoders that cmc needs, found resnet',
    );
    expect(() =>
      tinyImageRun(preset, options, { encoders: { image: { ...image, width: 5 } as never } }),
    ).toThrow(/encoders.image.width.*multiple of 2/);
    const noise = tinyImageRun(preset, { ...options, contrast: 'noise' });
    expect(() => firstSteps(noise, { frames: 7, pictures: [] })).toThrow(
      'configuration: objectives.cmc.negatives: expected at least 1 where contrast is noise',
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
