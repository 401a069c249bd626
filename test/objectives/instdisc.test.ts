import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import { linearNet, running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { labelCrossEntropy } from '../../src/objectives/parts/cross-entropy.ts';
import { noiseContrastChance } from '../../src/objectives/parts/noise-contrast.ts';
import { expectNear, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { noiseContrastInLoops, softmaxInLoops } from './parts/noise-contrast-in-loops.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  firstSteps,
  golden,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

describe('InstDisc', () => {
  const options = { view: tinyView, dimensions: 6, negatives: 9, temperature: 0.3 };
  const run = tinyImageRun('instdisc-cifar', options);
  // A picture comes twice in the third batch, as where two epochs meet.
  const pictures = [
    [0, 1, 2, 3],
    [4, 6, 1, 2],
    [3, 0, 5, 3],
  ];
  const first = firstSteps(run, { frames: 7, pictures });
  const eager = runSteps(first);
  const bankOf = (state: Tree<HostTensor>) => {
    const { data, shape } = leafOf(state, 'memory/instdisc/bank');
    expect(shape).toEqual([7, 6]);
    return Array.from({ length: 7 }, (_, i) => [...data.slice(6 * i, 6 * i + 6)]);
  };
  /** What the pictures of a step are to the network before it. */
  const embedded = (state: Tree<HostTensor>, batch: Tree<HostTensor>): number[][] => {
    const { params, stats } = state as { readonly [branch: string]: Tree<HostTensor> };
    const net = running(
      { params: uploadTree({ ...params, ...branchAt(params, 'instdisc') }), stats: uploadTree(stats) },
      { training: true },
    );
    const features = net.of(
      'imageEncoder',
      imageEncoderNet(run.encoders.image!),
      upload(leafOf(batch, 'data/instdisc/picture')),
    );
    return l2Normalize(
      net.of('head', linearNet({ inputs: 32, outputs: 6 }), features),
    ).arraySync() as number[][];
  };

  it('tells pictures from rows of the bank as it was before the step, with Z of the first batch', async () => {
    const { outputs, states } = await eager;
    expect(leafOf(states[0], 'memory/instdisc/normalizer').data[0]).toBe(0);
    let z: number | undefined;
    pictures.forEach((numbers, i) => {
      const x = embedded(states[i], first.batches[i]);
      const { data, shape } = leafOf(first.batches[i], 'inputs/instdisc/draws');
      expect(shape).toEqual([4, 9]);
      const rows = numbers.map((number, b) => [
        number,
        ...Array.from(data.slice(9 * b, 9 * b + 9), (draw) => draw % 7),
      ]);
      const { loss, z: used } = noiseContrastInLoops(x, bankOf(states[i]), rows, {
        temperature: 0.3,
        eps: 1e-7,
        z,
      });
      expect(leafOf(outputs[i], 'loss/contrast').data[0]).toBeCloseTo(loss, 4);
      // Written before the loss, the bank would have the pictures themselves in it.
      const written = noiseContrastInLoops(x, bankOf(states[i + 1]), rows, {
        temperature: 0.3,
        eps: 1e-7,
        z,
      });
      expect(Math.abs(written.loss - loss)).toBeGreaterThan(0.05);
      z ??= used;
      expect(leafOf(states[i + 1], 'memory/instdisc/normalizer').data[0] / z).toBeCloseTo(1, 5);
      // Z that each batch estimates anew is another.
      if (i > 0)
        expect(
          Math.abs(
            noiseContrastInLoops(x, bankOf(states[i]), rows, { temperature: 0.3, eps: 1e-7 }).z / z - 1,
          ),
        ).toBeGreaterThan(1e-3);
    });
  });

  it('moves the rows of the pictures in the batch, no others, and writes the last one of two', async () => {
    const { states } = await eager;
    pictures.forEach((numbers, i) => {
      const [before, after] = [bankOf(states[i]), bankOf(states[i + 1])];
      const x = embedded(states[i], first.batches[i]);
      after.forEach((row, number) => {
        const at = numbers.lastIndexOf(number);
        if (at < 0) expect(row).toEqual(before[number]);
        else expectNear(row, unit(before[number].map((value, d) => 0.5 * value + 0.5 * x[at][d])), 5);
      });
    });
  });

  it('draws rows evenly and with replacement, other ones in each step', () => {
    const long = tinyImageRun('instdisc-cifar', { ...options, negatives: 3500 });
    const { batches } = firstSteps(long, { frames: 7, pictures });
    const counts = new Array<number>(7).fill(0);
    for (const draw of leafOf(batches[0], 'inputs/instdisc/draws').data) counts[draw % 7]++;
    // 14,000 draws: 2,000 each, with a deviation of 41.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(leafOf(batches[1], 'inputs/instdisc/draws')).not.toEqual(
      leafOf(batches[0], 'inputs/instdisc/draws'),
    );
  });

  it('trains encoder and head; Z carries no gradient', () => {
    const connected = connectedPaths(first).filter((path) => path !== 'memory/instdisc/bank');
    const branches = new Set(connected.map((path) => path.split('/').slice(0, 2).join('/')));
    expect(branches).toEqual(new Set(['params/imageEncoder', 'params/instdisc']));
  });

  it('knows what a loss is when nothing is learned, which depends on the number of frames', () => {
    expect(first.pretraining.chance(7).total).toBeCloseTo(
      noiseContrastChance({ negatives: 9, candidates: 7, eps: 1e-7 }),
      12,
    );
    const all = firstSteps(tinyImageRun('instdisc-cifar', { ...options, negatives: 0 }), {
      frames: 7,
      pictures,
    });
    expect(all.pretraining.chance(7)).toEqual({ total: Math.log(7), terms: { contrast: Math.log(7) } });
  });

  it('has the softmax over the whole bank with the golden value, and as loops have it', () => {
    const softmax = (rows: Rows, remembered: Rows, index: number[], tau: number) => {
      const logits = tf.div(tf.matMul(rowsOf(rows), rowsOf(remembered), false, true), tau);
      return valuesOf(labelCrossEntropy(logits, tf.tensor1d(index, 'int32')))[0];
    };
    expect(softmax(golden.a.map(unit), golden.queue.map(unit), [0, 1, 2, 3], 0.07)).toBeCloseTo(
      13.830210863535,
      5,
    );
    const [rows, remembered] = [randomRows('x', 4, 6).map(unit), randomRows('bank', 9, 6)];
    expect(softmax(rows, remembered, [8, 1, 0, 1], 0.3)).toBeCloseTo(
      softmaxInLoops(rows, remembered, [8, 1, 0, 1], 0.3),
      4,
    );
  });
  it('is the softmax over the whole bank with no negatives, and then has neither Z nor random numbers', async () => {
    const all = firstSteps(tinyImageRun('instdisc-cifar', { ...options, negatives: 0 }), {
      frames: 7,
      pictures,
    });
    expect(Object.keys(branchAt(branchAt(all.state, 'memory'), 'instdisc'))).toEqual(['bank']);
    expect(all.batches[0].inputs).toBeUndefined();
    const { outputs, states } = await runSteps(all);
    pictures.forEach((numbers, i) => {
      const expected = softmaxInLoops(embedded(states[i], all.batches[i]), bankOf(states[i]), numbers, 0.3);
      expect(leafOf(outputs[i], 'loss/contrast').data[0]).toBeCloseTo(expected, 4);
    });
    await expectCapturedAsEager(all, { outputs, states });
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bank and Z, bit for bit', async () => {
    const state = await expectSameAfterResuming(run);
    expect(leafOf(state, 'memory/instdisc/normalizer').data[0]).toBeGreaterThan(0);
  });
});
