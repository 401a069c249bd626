import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, int32 } from '../../src/engine/host-tensor.ts';
import { elementwise } from '../../src/engine/kernels/elementwise.ts';
import { broadcastShape } from '../../src/engine/operations.ts';
import type { TensorFunction } from './against-cpu.ts';
import { awkwardShapes, expectAsOnCpu, seeded, unexercised, values, whole } from './against-cpu.ts';

const everywhere: { [name: string]: TensorFunction } = {
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
const positive: { [name: string]: TensorFunction } = {
  acosh: (x) => tf.acosh(tf.add(x, 1.1)),
  log: tf.log,
  log1p: tf.log1p,
  reciprocal: tf.reciprocal,
  rsqrt: tf.rsqrt,
  sqrt: tf.sqrt,
};
const inside: { [name: string]: TensorFunction } = { acos: tf.acos, asin: tf.asin, atanh: tf.atanh };
const rounding: { [name: string]: TensorFunction } = { ceil: tf.ceil, floor: tf.floor, round: tf.round };
const binary: { [name: string]: TensorFunction } = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  pow: (a, b) => tf.pow(tf.add(tf.abs(a), 0.2), b),
};
/** tfjs has no gradient of these where they broadcast. */
const unbroadcast: { [name: string]: TensorFunction } = {
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
};
const undifferentiated: { [name: string]: TensorFunction } = {
  floorDiv: tf.floorDiv,
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
    const classes: { [name: string]: TensorFunction } = {
      isNaN: (x) => tf.isNaN(tf.sqrt(x)),
      isFinite: (x) => tf.isFinite(tf.log(tf.relu(x))),
      isInf: (x) => tf.isInf(tf.log(tf.relu(x))),
    };
    await expectAsOnCpu(everywhere, [values(random, shape)], { valuesOnly: classes });
    await expectAsOnCpu(positive, [values(random, shape, { low: 0.1, high: 4 })], { tolerance: 1e-3 });
    await expectAsOnCpu(inside, [values(random, shape, { low: -0.9, high: 0.9 })]);
    await expectAsOnCpu(rounding, [values(random, shape, { low: -4, high: 4 })]);
  });

  it('rounding of halves, to the even side', async () => {
    const halves = Float32Array.from({ length: 13 }, (_, i) => i / 2 - 3);
    await expectAsOnCpu({}, [float32(halves, [13])], { valuesOnly: rounding });
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
        const same = left.join() === right.join();
        await expectAsOnCpu(
          { ...binary, ...(same ? unbroadcast : {}) },
          [values(random, left), values(random, right)],
          {
            valuesOnly: { ...undifferentiated, ...(same ? {} : unbroadcast) },
            tolerance: 1e-3,
          },
        );
        expect(broadcastShape(left, right)).toEqual(
          tf.broadcast_util.assertAndGetBroadcastShape([...left], [...right]),
        );
      }),
      {
        numRuns: 30,
        seed: 7,
        examples: [
          [
            [
              [3, 5],
              [3, 5],
            ],
          ],
          [[[], []]],
          [
            [
              [2, 1, 3],
              [2, 1, 3],
            ],
          ],
        ],
      },
    );
  });

  it('operands that are one number everywhere', async () => {
    const shape = [3, 5];
    const functions: { [name: string]: TensorFunction } = {};
    const valuesOnly: { [name: string]: TensorFunction } = {};
    for (const [name, f] of Object.entries({ ...binary, ...unbroadcast })) {
      for (const number of [0, 1, 2]) {
        functions[`${name} ${number}`] = (x) => f(x, tf.scalar(number));
        functions[`${name} filled ${number}`] = (x) => f(x, tf.fill(shape, number));
        (name in unbroadcast ? valuesOnly : functions)[`${number} ${name}`] = (x) =>
          f(tf.fill([4, ...shape], number), x);
      }
    }
    await expectAsOnCpu(functions, [values(seeded('one number'), shape)], { valuesOnly, tolerance: 1e-3 });
  });

  it('whole numbers: floor division and remainder of every sign', async () => {
    const numbers = [-7, -4, -1, 1, 3, 8, -2147483000, 16777217];
    const pairs = numbers.flatMap((a) => [-5, -2, 1, 3].map((b) => [a, b]));
    const inputs = [0, 1].map((side) =>
      int32(
        Int32Array.from(pairs, (pair) => pair[side]),
        [pairs.length],
      ),
    );
    const { mod, add, sub, maximum, minimum, equal, less, floorDiv, abs, neg, relu } = tf;
    const one: { [name: string]: TensorFunction } = {
      abs: (a) => abs(a),
      neg: (a) => neg(a),
      relu: (a) => relu(a),
    };
    const valuesOnly = { mod, add, sub, maximum, minimum, equal, less, floorDiv, ...one };
    await expectAsOnCpu({}, inputs, { valuesOnly });
  });

  it.each(awkwardShapes.map((shape) => [shape]))('choosing and casting, shape [%s]', async (shape) => {
    const random = seeded(`select ${shape}`);
    const inputs = [whole(random, shape, 2), values(random, shape), values(random, shape)];
    const functions: { [name: string]: TensorFunction } = {
      where: (m, x, y) => tf.where(tf.cast(m, 'bool'), tf.square(x), y),
      addN: (_, x, y) => tf.addN([x, y, x]),
    };
    const valuesOnly: { [name: string]: TensorFunction } = {
      int: (_, x) => tf.cast(tf.mul(x, 3), 'int32'),
      bool: (_, x) => tf.cast(tf.relu(x), 'bool'),
      back: (_, x) => tf.cast(tf.greater(x, 0), 'float32'),
      not: (_, x) => tf.logicalNot(tf.greater(x, 0)),
      counted: (_, x) => tf.sum(tf.cast(tf.greater(x, 0), 'int32')),
      whereBool: (m, x, y) => tf.where(tf.cast(m, 'bool'), tf.greater(x, 0), tf.greater(y, 0)),
      whereMixed: (m, x) => tf.where(tf.cast(m, 'bool'), x, m),
      doubled: (m) => tf.mul(m, 2),
    };
    if (shape.length > 1) functions.prelu = (_, x, y) => tf.prelu(x, tf.slice(y, 0, 1));
    await expectAsOnCpu(functions, inputs, { valuesOnly });
  });

  it('every kernel of this table was run', () => {
    expect(unexercised(elementwise)).toEqual([]);
  });
});
