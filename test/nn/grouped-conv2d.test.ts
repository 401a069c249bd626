import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { conv2d } from '../../src/nn/conv2d.ts';
import { groupedConv2d } from '../../src/nn/grouped-conv2d.ts';
import { expectClose, expectGradients, randomTensor, weighed } from './tensors.ts';

/** Each group's channels by themselves, through the plain convolution. */
function oneByOne(weight: tf.Tensor, x: tf.Tensor, groups: number, stride: number): tf.Tensor {
  const kernels = tf.split(weight, groups, 0);
  const parts = tf.split(x, groups, 1);
  return tf.concat(
    parts.map((part, i) => conv2d({ weight: kernels[i] }, part, { stride, padding: 1 })),
    1,
  );
}

describe('a convolution in groups', () => {
  it.each([
    [1, 4, 6, 1],
    [2, 4, 6, 2],
    [3, 6, 6, 1],
    [4, 4, 8, 2],
  ])(
    'of %i groups from %i to %i channels with a stride of %i is that of each group',
    (groups, inputs, outputs, stride) => {
      const x = randomTensor('x', [2, inputs, 5, 6]);
      const weight = randomTensor('w', [outputs, inputs / groups, 3, 3]);
      const options = { groups, stride, padding: 1 };
      const expected = oneByOne(weight, x, groups, stride);
      expectClose(groupedConv2d({ weight }, x, options), expected, 1e-5);
      expectGradients((tree) => weighed(groupedConv2d(tree, tree.x as tf.Tensor, options)), { weight, x });
    },
  );

  it('refuses groups that do not share out the channels', () => {
    const weight = randomTensor('w', [4, 2, 1, 1]);
    expect(() => groupedConv2d({ weight }, tf.zeros([1, 5, 2, 2]), { groups: 2 })).toThrow('2 groups of 2');
  });
});
