import type * as tf from '@tensorflow/tfjs-core';
import { sum, tensor1d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { gelu } from '../../src/nn/gelu.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { valuesOf } from './tensors.ts';

// x, x·Φ(x) and Φ(x) + x·φ(x), by Python's math.erf and math.exp.
const values = [
  [-3, -0.00404969409489031, -0.011945647204183918],
  [-2, -0.04550026389635842, -0.08523180107819693],
  [-0.7, -0.1693745565561511, 0.023385898866340127],
  [0, 0, 0.5],
  [0.5, 0.34573123063700656, 0.8674951246561629],
  [1, 0.8413447460685429, 1.0833154705876864],
  [2.5, 2.4844758366855597, 1.037611085908145],
];

it('is x times the normal distribution function, with its derivative', () => {
  const x = tensor1d(values.map(([at]) => at));
  const { loss, grads } = valueAndGrad(
    ({ x }) => ({ loss: sum(gelu(x as tf.Tensor)) as tf.Scalar, aux: {} }),
    { x },
  );
  values.forEach(([, value, slope], i) => {
    expect(valuesOf(gelu(x))[i]).toBeCloseTo(value, 6);
    expect(valuesOf(grads.get('x')!)[i]).toBeCloseTo(slope, 6);
  });
  expect(valuesOf(loss)[0]).toBeCloseTo(
    values.reduce((total, [, value]) => total + value, 0),
    5,
  );
});
