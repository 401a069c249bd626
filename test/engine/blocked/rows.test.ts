import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { float32, type HostTensor, int32, sizeOf } from '../../../src/engine/host-tensor.ts';
import { maxOverNeighbors } from '../../../src/nn/max-over-neighbors.ts';
import { relu } from '../../../src/nn/relu.ts';
import { gatherRows, relativeCoordinates } from '../../../src/pointcloud/grouping.ts';
import { groupedLinear } from '../../../src/pointcloud/set-abstraction.ts';
import { seeded, values, whole } from '../against-cpu.ts';
import { block, expectPathsAgree, pattern, withGradients } from './paths.ts';

/** Weights of rows that keep the sums of a row near 1. */
function weight(label: string, inputs: number, outputs: number): HostTensor {
  const bound = 1.5 / Math.sqrt(inputs);
  return values(seeded(`weight ${label} ${inputs} ${outputs}`), [inputs, outputs], {
    gap: 0,
    low: -bound,
    high: bound,
  });
}

/** Rows of any number; those that are to be in blocks come in whole blocks of them. */
const rows = (label: string, ...shape: number[]) => values(seeded(`rows ${label} ${shape}`), shape);

/** Whole numbers in [-2, 2], so that many are equal. */
function steps(label: string, shape: readonly number[]): HostTensor {
  const random = seeded(`steps ${label}`);
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(5) - 2),
    shape,
  );
}

/** The identity as weights: what passes them is in blocks and as it was. */
function identity(channels: number): HostTensor {
  const data = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) data[i * (channels + 1)] = 1;
  return float32(data, [channels, channels]);
}

const all = { against: ['plain', 'eager'] } as const;

describe.skipIf(block === undefined)('products of rows with weights, in blocks of channels', () => {
  it('give the values and gradients of standard operations, whatever the lengths', async () => {
    const lengths = fc.constantFrom(3, 8, 16, 20, 24, 32, 48, 64);
    const cases = fc.record({
      count: fc.constantFrom(1, 5, 16, 17, 48, 97, 128, 130, 256),
      widths: fc.tuple(lengths, lengths, lengths),
      bias: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ count, widths: [inputs, middle, outputs], bias }) => {
        const step = withGradients(({ x, first, second, shift }) => {
          const product = tf.matMul(x, first);
          const hidden = tf.softplus(bias ? tf.add(product, shift) : tf.mul(product, shift));
          return tf.tanh(tf.matMul(hidden, second));
        });
        const state = {
          first: weight('first', inputs, middle),
          second: weight('second', middle, outputs),
          shift: rows('shift', middle),
        };
        const batch = { x: rows('x', count, inputs) };
        await expectPathsAgree(
          step,
          { state, batch },
          { what: `${[count, inputs, middle, outputs]} ${bias}` },
        );
      }),
      { numRuns: 60, seed: 21 },
    );
  });

  it('agree with tfjs itself, on rows that are no whole number of blocks too', async () => {
    for (const count of [16, 21]) {
      const step = withGradients(({ x, first, second }) =>
        tf.tanh(tf.matMul(tf.softplus(tf.matMul(x, first)), second)),
      );
      const state = { first: weight('first', 32, 16), second: weight('second', 16, 48) };
      await expectPathsAgree(step, { state, batch: { x: rows('x', count, 32) } }, all);
    }
  });

  it('compare rows with rows, as a contrastive loss does', async () => {
    const step = withGradients(({ x, y, head }) => {
      const [queries, keys] = [x, y].map((each) => tf.matMul(each, head));
      return tf.logSoftmax(tf.matMul(queries, keys, false, true));
    });
    const batch = { x: rows('x', 32, 16), y: rows('y', 32, 16) };
    await expectPathsAgree(step, { state: { head: weight('head', 16, 32) }, batch }, all);
  });
});

describe.skipIf(block === undefined)('values that lie otherwise than an operation wants them', () => {
  const x = rows('x', 32, 32);
  const state = { w: weight('w', 32, 32) };

  it('a gradient of weights that is cut and joined', async () => {
    // Queries, keys and values of one weight: its gradient is joined from three.
    const step = withGradients(({ x, packed }) => {
      const [q, k, v] = tf.split(packed, 3, 1).map((part) => tf.matMul(x, part));
      return tf.mul(tf.tanh(tf.add(q, k)), v);
    });
    await expectPathsAgree(step, { state: { packed: weight('packed', 32, 96) }, batch: { x } }, all);
  });

  it('with a bias, a ReLU behind it, and results that are needed before either', async () => {
    const state = { w: weight('biased', 16, 32), bias: rows('bias', 32) };
    const host = { state, batch: { x: rows('biased', 32, 16) } };
    const sums = ({ x, w }: { readonly [name: string]: tf.Tensor }) => tf.matMul(x, w);
    const biased = withGradients((given) => relu(tf.add(sums(given), given.bias)));
    await expectPathsAgree(biased, host, { ...all, what: 'bias and ReLU' });
    const less = withGradients((given) => tf.tanh(tf.sub(sums(given), given.bias)));
    await expectPathsAgree(less, host, { ...all, what: 'a bias taken off' });
    const twice = withGradients((given) => {
      const before = sums(given);
      const after = tf.add(before, given.bias);
      return tf.add(tf.mul(tf.tanh(before), relu(after)), tf.tanh(after));
    });
    await expectPathsAgree(twice, host, { ...all, what: 'needed before' });
  });

  it('weights that are added to rows, and multiplied with weights', async () => {
    const added = withGradients(({ x, w }) => tf.tanh(tf.add(tf.matMul(x, w), tf.mul(w, 2))));
    await expectPathsAgree(added, { state, batch: { x } }, all);
    const squared = withGradients(({ x, w }) => tf.tanh(tf.matMul(tf.matMul(x, tf.matMul(w, w)), w)));
    await expectPathsAgree(squared, { state, batch: { x } }, all);
  });

  it('rows that also stand as weights', async () => {
    const step = withGradients(({ x, w }) => {
      const y = tf.matMul(x, w);
      return tf.tanh(tf.mul(tf.add(tf.matMul(y, x), tf.add(y, x)), 0.1));
    });
    await expectPathsAgree(step, { state, batch: { x } }, all);
  });

  it('a gradient that is multiplied by itself, as an optimizer that whitens does', async () => {
    await expectPathsAgree(
      ({ w, u }, { x }) => {
        const loss = (weight: tf.Tensor) => tf.sum(tf.square(tf.matMul(x as tf.Tensor, weight)));
        const gradient = tf.grad(loss as (w: tf.Tensor) => tf.Tensor)(w as tf.Tensor);
        const whitened = tf.matMul(tf.matMul(gradient, gradient, false, true), u as tf.Tensor);
        return [{ w: tf.sub(w as tf.Tensor, tf.mul(whitened, 1e-6)), u }, { whitened }];
      },
      { state: { ...state, u: weight('u', 32, 32) }, batch: { x } },
      all,
    );
  });

  it('numbers with more axes than the rows', async () => {
    for (const shape of [
      [1, 1, 1],
      [1, 1, 32],
      [1, 32, 32],
      [2, 32, 32],
      [32, 1, 1],
    ]) {
      const other = values(seeded(`other ${shape}`), shape, { low: 0.5, high: 2 });
      for (const op of [tf.add, tf.sub, tf.mul, tf.div]) {
        const after = withGradients(({ x, w, other }) => tf.tanh(op(tf.matMul(x, w), other)));
        const before = withGradients(({ x, w, other }) => tf.tanh(op(other, tf.exp(tf.matMul(x, w)))));
        for (const step of [after, before])
          await expectPathsAgree(step, { state, batch: { x, other } }, { what: `${op.name} ${shape}` });
      }
      // tfjs has no gradient of a broadcast maximum.
      const step: Step = (weights, batch) => {
        const product = tf.matMul(batch.x as tf.Tensor, weights.w as tf.Tensor);
        return [weights, { y: tf.maximum(product, batch.other as tf.Tensor) }];
      };
      await expectPathsAgree(step, { state, batch: { x, other } }, { what: `maximum ${shape}` });
    }
  });

  it('rows whose number is that of their channels, beside one number a row', async () => {
    for (const op of [tf.add, tf.mul, tf.div]) {
      const step = withGradients(({ x, w, column }) => tf.tanh(op(tf.matMul(x, w), column)));
      const column = values(seeded('column'), [32, 1], { low: 0.5, high: 2 });
      await expectPathsAgree(step, { state, batch: { x, column } }, { what: op.name });
    }
  });
});

describe.skipIf(block === undefined)('operations on rows in blocks of channels', () => {
  const unary: { readonly [name: string]: (x: tf.Tensor) => tf.Tensor } = {
    exp: (x) => tf.exp(x),
    log: (x) => tf.log(tf.add(tf.abs(x), 1)),
    sqrt: (x) => tf.sqrt(tf.add(tf.square(x), 0.1)),
    tanh: (x) => tf.tanh(x),
    sigmoid: (x) => tf.sigmoid(x),
    softplus: (x) => tf.softplus(x),
    elu: (x) => tf.elu(x),
    leaky: (x) => tf.leakyRelu(x, 0.2),
    neg: (x) => tf.neg(x),
    reciprocal: (x) => tf.reciprocal(tf.add(tf.square(x), 1)),
    sign: (x) => tf.mul(x, tf.sign(x)),
    clipped: (x) => tf.clipByValue(x, -0.75, 0.75),
    norm: (x) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), 1, true))),
    softmax: (x) => tf.softmax(x),
    standardized: (x) => {
      const { mean, variance } = tf.moments(x, 0, true);
      return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)));
    },
    quotients: (x) => tf.div(tf.add(x, 3), tf.add(tf.mul(x, x), 1)),
    inverse: (x) => tf.div(2, tf.add(x, 4)),
    smaller: (x) => tf.minimum(x, tf.mul(x, 0.5)),
    sums: (x) => tf.mul(tf.sum(x, 0), tf.sum(tf.mul(x, tf.tanh(x)), 0)),
    total: (x) => tf.mul(tf.sum(x), tf.mean(tf.square(x), 1)),
    turned: (x) => tf.transpose(tf.mul(x, 2)),
    cube: (x) => tf.sum(tf.mul(tf.reshape(x, [3, 16, 32]), 2), [0, 1]),
  };

  it.each(Object.keys(unary))('%s', async (name) => {
    const step = withGradients(({ x, w }) => unary[name](tf.matMul(x, w)));
    // Away from the kinks of those functions that have some.
    const x = values(seeded(`away ${name}`), [48, 32], { gap: 0.05 });
    await expectPathsAgree(step, { state: { w: identity(32) }, batch: { x } }, all);
  });

  it('join and cut channels, at whole blocks and elsewhere', async () => {
    for (const widths of [
      [16, 32],
      [32, 16, 64],
      [16, 20],
      [24, 8, 16],
    ]) {
      const step = withGradients(({ x, ...weights }) => {
        const parts = widths.map((_, i) => tf.softplus(tf.matMul(x, weights[`w${i}`])));
        const joined = tf.concat(parts, 1);
        const cut = tf.split(tf.tanh(joined), widths, 1);
        const [first] = cut;
        const rest = tf.slice(joined, [2, widths[0]], [5, widths[1]]);
        return tf.add(tf.sum(tf.square(rest)), tf.mul(first, tf.sum(cut[1], 1, true)));
      });
      const state = Object.fromEntries(widths.map((width, i) => [`w${i}`, weight(`${i}`, 16, width)]));
      await expectPathsAgree(step, { state, batch: { x: rows('x', 48, 16) } }, { ...all, what: `${widths}` });
    }
  });

  it('take rows by number, add rows up by number', async () => {
    for (const [count, channels] of [
      [48, 32],
      [64, 16],
      [33, 16],
      [16, 24],
    ]) {
      const step = withGradients(({ x, w, taken, bins }) => {
        const y = tf.softplus(tf.matMul(x, w));
        const some = gatherRows(y, taken);
        const sums = tf.unsortedSegmentSum(tf.tanh(some), bins as tf.Tensor1D, 9);
        return tf.add(tf.sum(tf.square(sums)), tf.mul(some, 0.5));
      });
      const batch = {
        x: rows('x', count, 16),
        taken: whole(seeded('taken'), [50], count),
        bins: whole(seeded('bins'), [50], 9),
      };
      await expectPathsAgree(step, { state: { w: weight('w', 16, channels) }, batch }, all);
    }
  });

  it('the maximum over neighbours shares its gradient out among ties', async () => {
    for (const [groups, neighbors, channels] of [
      [8, 4, 16],
      [16, 7, 32],
      [5, 7, 32],
      [16, 1, 16],
      [32, 32, 32],
      [7, 3, 24],
    ]) {
      const step = withGradients(({ x, w }) => maxOverNeighbors(tf.matMul(x, w), neighbors));
      const batch = { x: steps(`ties ${groups} ${neighbors}`, [groups * neighbors, channels]) };
      await expectPathsAgree(step, { state: { w: identity(channels) }, batch }, all);
    }
  });

  it('compares groups with a maximum of one axis less as tfjs broadcasts it', async () => {
    // As many groups as neighbours: the maxima [8, 32] stand beside the neighbours then, not beside the groups.
    const step: Step = (weights, { x }) => {
      const groups = tf.reshape(tf.matMul(x as tf.Tensor, weights.w as tf.Tensor), [8, 8, 32]);
      return [weights, { ties: tf.cast(tf.equal(groups, tf.max(groups, 1)), 'float32') }];
    };
    await expectPathsAgree(
      step,
      { state: { w: identity(32) }, batch: { x: steps('square', [64, 32]) } },
      all,
    );
  });

  it('groups beside one row a group, and beside one row a neighbour', async () => {
    const shapes = [
      [8, 1, 32],
      [1, 4, 32],
      [4, 32],
      [8, 4, 1],
      [1, 1, 32],
      [8, 4, 32],
    ];
    for (const shape of shapes) {
      for (const op of [tf.add, tf.sub, tf.mul, tf.div]) {
        const step = withGradients(({ x, w, other }) => {
          const groups = tf.reshape(tf.softplus(tf.matMul(x, w)), [8, 4, 32]);
          const one = op(groups, other);
          return tf.tanh(tf.add(one, tf.mul(op(other, groups), tf.max(one, 1, true))));
        });
        const other = values(seeded(`beside ${shape}`), shape, { low: 0.5, high: 2 });
        const batch = { x: rows('x', 32, 16), other };
        await expectPathsAgree(
          step,
          { state: { w: weight('w', 16, 32) }, batch },
          { what: `${op.name} ${shape}` },
        );
      }
    }
  });

  it('sums over neighbours, and what is subtracted from each of them', async () => {
    const step = withGradients(({ x, w }) => {
      const groups = tf.reshape(tf.matMul(x, w), [8, 4, 32]);
      const centered = tf.sub(groups, tf.mean(groups, 1, true));
      return tf.tanh(tf.add(tf.sum(tf.square(centered), 1), tf.max(groups, 1)));
    });
    await expectPathsAgree(step, { state: { w: weight('w', 16, 32) }, batch: { x: rows('x', 32, 16) } }, all);
  });

  it('a ReLU passes the gradient where it is above 0 alone', async () => {
    const step = withGradients(({ x, w }) => relu(tf.matMul(x, w)));
    const batch = { x: steps('relu', [48, 32]) };
    await expectPathsAgree(step, { state: { w: identity(32) }, batch }, { ...all, tolerance: 1e-6 });
  });

  it('keeps a pattern in place through a reshaping into more groups', async () => {
    const step = withGradients(({ x, w }) => {
      const y = tf.matMul(x, w);
      const groups = tf.mul(tf.reshape(y, [16, 2, 32]), pattern([16, 2, 32]));
      return tf.add(tf.reshape(groups, [32, 32]), tf.reshape(tf.reshape(y, [16, 64]), [32, 32]));
    });
    await expectPathsAgree(step, { state: { w: identity(32) }, batch: { x: rows('x', 32, 32) } }, all);
  });
});

describe.skipIf(block === undefined)('the layers of a point encoder in blocks of channels', () => {
  it.each([
    [false, false, 16, 32],
    [true, false, 16, 32],
    [true, true, 32, 16],
    [true, true, 13, 16],
  ])(
    'grouped products (coordinates %s, linear first %s, %i to %i)',
    async (useXyz, linearFirst, inputs, outputs) => {
      const step = withGradients(({ features, w, weight, xyz, neighbors, centers }) => {
        const mapped = tf.tanh(tf.matMul(features, w));
        const relative = useXyz ? relativeCoordinates(xyz, neighbors, centers) : undefined;
        const grouped = groupedLinear(weight, mapped, { neighbors, relative, linearFirst });
        return maxOverNeighbors(tf.tanh(grouped), 4);
      });
      const random = seeded('grouped');
      const state = {
        w: weight('w', 16, inputs),
        weight: weight('grouped', inputs + (useXyz ? 3 : 0), outputs),
      };
      const batch = {
        features: rows('features', 32, 16),
        xyz: values(random, [32, 3]),
        neighbors: whole(random, [48], 32),
        centers: int32([...random.permutation(32)].slice(0, 12), [12]),
      };
      await expectPathsAgree(step, { state, batch }, all);
    },
  );
});
