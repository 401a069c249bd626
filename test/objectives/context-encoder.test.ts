import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/encoders/trainable.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { eroded, logisticLoss, paintingError, signedValues } from '../../src/objectives/context-encoder.ts';
import { distance, uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  firstSteps,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
} from './tiny-image-run.ts';

type Host = Tree<HostTensor>;

describe("a context encoder's parts", () => {
  it('have values from -1 to 1', () => {
    const data = Uint8Array.of(0, 128, 255, 117, 104, 123);
    const expected = [...data].map((value) => (2 * value) / 255 - 1);
    const rgb = tf.tensor4d(normalizeImage({ width: 2, height: 1, data }, IMAGENET_RGB), [1, 1, 2, 3]);
    expect(distance(valuesOf(signedValues(rgb, IMAGENET_RGB)), expected)).toBeLessThan(1e-5);
    const bgr = tf.tensor4d(normalizeImage({ width: 2, height: 1, data }, IMAGENET_BGR), [1, 1, 2, 3]);
    const turned = [2, 1, 0, 5, 4, 3].map((i) => expected[i]);
    expect(distance(valuesOf(signedValues(bgr, IMAGENET_BGR)), turned)).toBeLessThan(1e-5);
  });

  it('leave the edge of a hole visible, not the edge of the picture', () => {
    const drawn = ['0000000', '0111110', '0111110', '0111110', '0000011', '0000011'];
    const mask = tf.tensor3d([drawn.map((row) => [...row].map(Number))]);
    const rows = (eroded(mask, 1).arraySync() as number[][][])[0].map((row) => row.join(''));
    expect(rows).toEqual(['0000000', '0000000', '0011100', '0000000', '0000000', '0000001']);
    expect(valuesOf(eroded(mask, 0))).toEqual(valuesOf(mask));
  });

  it('weigh the squared error by pixel', () => {
    const [painted, real] = [tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 3, 1, 2]), tf.zeros([1, 3, 1, 2])];
    const weights = tf.tensor3d([10, 1], [1, 1, 2]);
    const expected = (10 * (1 + 9 + 25) + (4 + 16 + 36)) / (3 * 11);
    expect(valuesOf(paintingError(painted, real, weights))[0]).toBeCloseTo(expected, 5);
    expect(valuesOf(paintingError(painted, real, tf.zeros([1, 1, 2])))[0]).toBe(0);
  });

  it('judge by the logistic loss, ln 2 where nothing is known', () => {
    const rows = randomRows('logits', 6, 1);
    const restated = (label: number) =>
      rows.reduce((sum, [x]) => {
        const p = 1 / (1 + Math.exp(-x));
        return sum - Math.log(label === 1 ? p : 1 - p) / rows.length;
      }, 0);
    for (const label of [0, 1] as const)
      expect(valuesOf(logisticLoss(rowsOf(rows), label))[0]).toBeCloseTo(restated(label), 5);
    expect(valuesOf(logisticLoss(tf.zeros([4, 1]), 1))[0]).toBeCloseTo(Math.log(2), 6);
  });
});

describe('a context encoder', () => {
  const options = {
    view: { ...tinyView, width: 16, height: 16, jitter: undefined },
    hidden: { shape: 'centre', width: 8, height: 6 },
    bottleneck: 6,
    decoder: 8,
    discriminator: [3, 4],
    reconstruction: 0.9,
  };
  const run = tinyImageRun('context-encoder-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);

  /** The paths of the parameters that a term's gradient reaches. */
  function reachedBy(term: string): string[] {
    const { params, stats } = first.state as { readonly [branch: string]: Host };
    const { grads } = valueAndGrad((tree) => {
      const model = { params: tree, stats: uploadTree(stats), memory: {} } as unknown as Model;
      const batch = uploadTree(branchAt(first.batches[0], 'data'));
      const { terms } = first.pretraining.loss(model, batch, { training: true });
      return { loss: terms[term] as tf.Scalar, aux: {} };
    }, uploadTree(params));
    for (const [path, grad] of grads) expect(valuesOf(grad).every(Number.isFinite), path).toBe(true);
    return [...grads.keys()];
  }

  it('trains painter and discriminator each by its own terms alone', () => {
    const paths = leavesOf(branchAt(first.state, 'params')).map(([path]) => path);
    const judges = paths.filter((path) => path.startsWith('context-encoder/discriminator/'));
    const painters = paths.filter((path) => !judges.includes(path));
    expect(judges.length).toBeGreaterThan(4);
    expect(reachedBy('reconstruction')).toEqual(painters);
    expect(reachedBy('adversarial')).toEqual(painters);
    expect(reachedBy('discriminator')).toEqual(judges);
    expect(connectedPaths(first)).toHaveLength(paths.length);
  });

  it('has an optimizer state of the discriminator, at a rate of its own', () => {
    expect(first.groups.map(({ name, learningRate }) => [name, learningRate])).toEqual([
      ['image', 0.05],
      ['context-encoder-discriminator', expect.closeTo(0.005, 10)],
      ['heads', 0.05],
    ]);
    expect(Object.keys(branchAt(first.state, 'optimizer')).toSorted()).toEqual([
      'context-encoder-discriminator',
      'heads',
      'image',
    ]);
  });

  it('weighs reconstruction and adversarial term, and adds the discriminator', async () => {
    const { outputs } = await eager;
    for (const output of outputs) {
      const at = (term: string) => leafOf(output, `loss/${term}`).data[0];
      const sum = 0.9 * at('reconstruction') + 0.1 * at('adversarial') + at('discriminator');
      expect(at('total')).toBeCloseTo(sum, 5);
    }
    const { chance } = first.pretraining.parts[0].objective;
    expect(chance.adversarial).toBeCloseTo(Math.log(2), 12);
    const deviations = [58.395, 57.12, 57.375].map((std) => std / 127.5);
    const variance = deviations.reduce((sum, value) => sum + value ** 2 / 3, 0);
    expect(chance.reconstruction).toBeCloseTo(variance, 10);
  });

  it('does not see what is hidden, except for its edge', async () => {
    const changedAt = async (y: number, x: number) => {
      const batch = first.batches[0];
      const path = 'context-encoder/picture';
      const image = leafOf(batch, `data/${path}/image`);
      const data = Float32Array.from(image.data);
      data[3 * (16 * y + x)] += 1;
      const own = branchAt(branchAt(branchAt(batch, 'data'), 'context-encoder'), 'picture');
      const moved = {
        ...batch,
        data: {
          ...branchAt(batch, 'data'),
          'context-encoder': { picture: { ...own, image: { ...image, data } } },
        },
      } as Host;
      const { states, outputs } = await runSteps({ ...first, batches: [moved] });
      const { states: before, outputs: then } = await eager;
      // The encoder's running mean tells whether its input changed.
      const mean = 'stats/imageEncoder/bn1/running_mean';
      const seen = distance(leafOf(states[1], mean).data, leafOf(before[1], mean).data) > 0;
      const loss = 'loss/reconstruction';
      return { seen, counted: leafOf(outputs[0], loss).data[0] !== leafOf(then[0], loss).data[0] };
    };
    // The hole has rows 5 to 10 and columns 4 to 11, its edge is one pixel wide.
    expect(await changedAt(7, 7)).toEqual({ seen: false, counted: true });
    expect(await changedAt(5, 7)).toEqual({ seen: true, counted: true });
  });

  it('has a decoder that ends at the size of the picture', () => {
    const params = branchAt(branchAt(first.state, 'params'), 'context-encoder');
    expect(shapesOf(branchAt(params, 'decoder'))).toMatchObject({
      '1/weight': [4 * 32, 6],
      '4/weight': [6, 4 * 8],
      '9/weight': [8, 8, 3, 3],
    });
    expect(shapesOf(branchAt(params, 'discriminator'))).toMatchObject({
      '0/weight': [3, 3, 4, 4],
      '2/weight': [4, 3, 4, 4],
    });
  });

  it('refuses what does not fit', () => {
    const made = (changes: object) =>
      firstSteps(tinyImageRun('context-encoder-cifar', { ...options, ...changes }), {
        frames: 6,
        pictures: [],
      });
    expect(() => made({ view: { ...options.view, width: 12 } })).toThrow(
      "objectives.context-encoder.view: expected sides that are multiples of the encoder's stride, 8, found 12 x 16",
    );
    expect(() => made({ hidden: { shape: 'centre', width: 20, height: 6 } })).toThrow(
      'expected a rectangle inside of the view, 16 x 16, found 20 x 6',
    );
    expect(() => made({ discriminator: [1, 1, 1, 1, 1] })).toThrow('discriminator');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { steps: 4 });
  });
});
