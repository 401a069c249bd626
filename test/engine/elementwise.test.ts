import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastShape } from '../../src/engine/operations.ts';
import type { Function } from './against-cpu.ts';
import { awkwardShapes, expectAsOnCpu, seeded, values, whole } from './against-cpu.ts';

const everywhere: { [name: string]: Function } = {
  abs: tf.abs,
  asinh: tf.asinh,
  atan: tf.atan,
  clip: (x) => tf.clipByValue(x, -0.7, 1.1),
  cos: tf.cos,
  cosh: tf.cosh,
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expm1: tf.expm1,
  leakyRelu: (x) => tf.leakyRelu(x, 0.13),
  neg: tf.neg,
  relu: tf.relu,
  relu6: (x) => tf.relu6(tf.mul(x, 5)),
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  sin: tf.sin,
  sinh: tf.sinh,
  softplus: tf.softplus,
  square: tf.square,
  step: (x) => tf.step(x, 0.25),
  tan: (x) => tf.tan(tf.mul(x, 0.5)),
  tanh: tf.tanh,
};
const positive: { [name: string]: Function } = {
  acosh: (x) => tf.acosh(tf.add(x, 1.1)),
  log: tf.log,
  log1p: tf.log1p,
  reciprocal: tf.reciprocal,
  rsqrt: tf.rsqrt,
  sqrt: tf.sqrt,
};
const inside: { [name: string]: Function } = { acos: tf.acos, asin: tf.asin, atanh: tf.atanh };
const rounding: { [name: string]: Function } = { ceil: tf.ceil, floor: tf.floor, round: tf.round };
const binary: { [name: string]: Function } = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  pow: (a, b) => tf.pow(tf.add(tf.abs(a), 0.2), b),
};
/** tfjs has no gradient of these where they broadcast. */
const unbroadcast: { [name: string]: Function } = { maximum: tf.maximum, minimum: tf.minimum, squaredDifference: tf.squaredDifference };
const undifferentiated: { [name: string]: Function } = {
  floorDiv: (a, b) => tf.floor(tf.div(a, b)),
  mod: tf.mod,
  equal: tf.equal,
  notEqual: tf.notEqual,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
  less: tf.less,
  lessEqual: tf.lessEqual,
  and: (a, b) => tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0)),
  or: (a, b) => tf.logicalOr(tf.greater(a, 0), tf.greater(b, 0)),
};

describe('kernels that work element by element, against tfjs on the cpu', () => {
  it.each(awkwardShapes.map((shape) => [shape]))('unary, shape [%s]', async (shape) => {
    const random = seeded(`unary ${shape}`);
    await expectAsOnCpu(everywhere, [values(random, shape)]);
    await expectAsOnCpu(positive, [values(random, shape, { low: 0.1, high: 4 })], { tolerance: 1e-3 });
    await expectAsOnCpu(inside, [values(random, shape, { low: -0.9, high: 0.9 })]);
    await expectAsOnCpu(unbroadcast, [values(random, shape), values(random, shape)]);
    await expectAsOnCpu(rounding, [values(random, shape, { low: -4, high: 4 })]);
    await expectAsOnCpu({ isNaN: (x) => tf.isNaN(tf.sqrt(x)), isFinite: (x) => tf.isFinite(tf.log(tf.relu(x))), isInf: (x) => tf.isInf(tf.log(tf.relu(x))) }, [values(random, shape)], { gradient: false });
  });

  it('binary, with every kind of broadcast', async () => {
    const axis = fc.constantFrom(1, 2, 3, 5);
    const shapes = fc
      .array(fc.tuple(axis, fc.constantFrom('both', 'left', 'right')), { maxLength: 4 })
      .chain((axes) => fc.tuple(fc.constant(axes), fc.nat(axes.length), fc.nat(axes.length)))
      .map(([axes, dropLeft, dropRight]) => {
        const left = axes.map(([length, side]) => (side === 'right' ? 1 : length));
        const right = axes.map(([length, side]) => (side === 'left' ? 1 : length));
        return [left.slice(dropLeft), dropLeft === 0 ? right.slice(dropRight) : right] as const;
      });
    await fc.assert(
      fc.asyncProperty(shapes, async ([left, right]) => {
        const random = seeded(`binary ${left} ${right}`);
        const inputs = [values(random, left), values(random, right)];
        await expectAsOnCpu(binary, inputs, { tolerance: 1e-3 });
        await expectAsOnCpu({ ...undifferentiated, ...unbroadcast }, inputs, { gradient: false });
        expect(broadcastShape(left, right)).toEqual(tf.broadcast_util.assertAndGetBroadcastShape([...left], [...right]));
      }),
      { numRuns: 30, seed: 7 },
    );
  });

  it('whole numbers: floor division and remainder of every sign', async () => {
    const numbers = [-7, -4, -1, 1, 3, 8, -2147483000, 16777217];
    const pairs = numbers.flatMap((a) => [-5, -2, 1, 3].map((b) => [a, b]));
    const inputs = [0, 1].map((side) => ({ dtype: 'int32' as const, shape: [pairs.length], data: Int32Array.from(pairs, (pair) => pair[side]) }));
    const ops = { mod: tf.mod, add: tf.add, sub: tf.sub, max: tf.maximum, min: tf.minimum, equal: tf.equal, less: tf.less };
    await expectAsOnCpu(ops, inputs, { gradient: false });
    await expectAsOnCpu({ floorDiv: tf.floorDiv, abs: (a) => tf.abs(a), neg: (a) => tf.neg(a), relu: (a) => tf.relu(a) }, inputs, { gradient: false });
  });

  it.each(awkwardShapes.map((shape) => [shape]))('choosing and casting, shape [%s]', async (shape) => {
    const random = seeded(`select ${shape}`);
    const [a, b] = [values(random, shape), values(random, shape)];
    const mask = whole(random, shape, 2);
    await expectAsOnCpu({ where: (m, x, y) => tf.where(tf.cast(m, 'bool'), tf.square(x), y), addN: (_, x, y) => tf.addN([x, y, x]) }, [mask, a, b]);
    await expectAsOnCpu(
      {
        int: (x) => tf.cast(tf.mul(x, 3), 'int32'),
        bool: (x) => tf.cast(tf.relu(x), 'bool'),
        back: (x) => tf.cast(tf.greater(x, 0), 'float32'),
        not: (x) => tf.logicalNot(tf.greater(x, 0)),
        counted: (x) => tf.sum(tf.cast(tf.greater(x, 0), 'int32')),
      },
      [a],
      { gradient: false },
    );
    if (shape.length > 1) await expectAsOnCpu({ prelu: (x, alpha) => tf.prelu(x, alpha) }, [a, values(random, shape.map((length, i) => (i === 0 ? 1 : length)))]);
    await expectAsOnCpu({ rows: (x) => tf.mul(x, 2) }, [whole(random, shape, 9)], { gradient: false });
  });
});
