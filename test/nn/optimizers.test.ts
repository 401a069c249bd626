import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { exponentialMovingAverage } from '../../src/nn/ema.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { initState, type OptimizerOptions, update } from '../../src/nn/optimizers.ts';
import { distance, uploadTree, valuesOf } from './tensors.ts';

/** Several vectors, which go as one, and a scalar, which is none. */
const SHAPES = { matrix: [3, 2], vector: [4], bias: [3], scale: [1], temperature: [] };
const STEPS = 5;

interface Setting {
  readonly options: OptimizerOptions;
  readonly weightDecay: number;
}

/** One parameter's way in plain loops, as the optimizer's definition reads. `vector` tells biases apart. */
type Restated = (start: number[], grads: number[][], rates: number[], vector: boolean) => number[];

function zipped(a: number[], f: (value: number, i: number) => number): number[] {
  return a.map(f);
}

const norm = (values: number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

function sgdLoop(momentum: number, decay: number, nesterov: boolean): Restated {
  return (start, grads, rates) => {
    let p = start;
    let buffer: number[] | undefined;
    grads.forEach((grad, t) => {
      const d = zipped(grad, (g, i) => g + decay * p[i]);
      const previous: number[] | undefined = buffer;
      const current = previous === undefined ? d : zipped(previous, (v, i) => momentum * v + d[i]);
      buffer = current;
      p = zipped(p, (value, i) => value - rates[t] * (nesterov ? d[i] + momentum * current[i] : current[i]));
    });
    return p;
  };
}

function adamWLoop(
  beta1: number,
  beta2: number,
  eps: number,
  { decay: some, excluded = false }: { readonly decay: number; readonly excluded?: boolean },
): Restated {
  return (start, grads, rates, vector) => {
    const decay = vector && excluded ? 0 : some;
    let p = start;
    let m = start.map(() => 0);
    let v = start.map(() => 0);
    grads.forEach((grad, t) => {
      p = p.map((value) => value - rates[t] * decay * value);
      m = zipped(m, (value, i) => beta1 * value + (1 - beta1) * grad[i]);
      v = zipped(v, (value, i) => beta2 * value + (1 - beta2) * grad[i] ** 2);
      p = zipped(p, (value, i) => {
        const mean = m[i] / (1 - beta1 ** (t + 1));
        const variance = v[i] / (1 - beta2 ** (t + 1));
        return value - (rates[t] * mean) / (Math.sqrt(variance) + eps);
      });
    });
    return p;
  };
}

function larsLoop(momentum: number, decay: number, trust: number): Restated {
  return (start, grads, rates, vector) => {
    let p = start;
    let v = start.map(() => 0);
    grads.forEach((grad, t) => {
      let d = vector ? grad : zipped(grad, (g, i) => g + decay * p[i]);
      if (!vector && norm(p) > 0 && norm(d) > 0) {
        const scale = (trust * norm(p)) / norm(d);
        d = d.map((value) => value * scale);
      }
      v = zipped(v, (value, i) => momentum * value + d[i]);
      p = zipped(p, (value, i) => value - rates[t] * v[i]);
    });
    return p;
  };
}

const CASES: ReadonlyArray<readonly [name: string, setting: Setting, restated: Restated]> = [
  ['SGD', { options: { kind: 'sgd', momentum: 0 }, weightDecay: 0 }, sgdLoop(0, 0, false)],
  [
    'SGD with momentum',
    { options: { kind: 'sgd', momentum: 0.9 }, weightDecay: 0.1 },
    sgdLoop(0.9, 0.1, false),
  ],
  [
    'SGD after Nesterov',
    { options: { kind: 'sgd', momentum: 0.9, nesterov: true }, weightDecay: 0.1 },
    sgdLoop(0.9, 0.1, true),
  ],
  ['AdamW', { options: { kind: 'adamw' }, weightDecay: 0 }, adamWLoop(0.9, 0.999, 1e-8, { decay: 0 })],
  [
    'AdamW with other betas',
    { options: { kind: 'adamw', beta1: 0.95, beta2: 0.99, eps: 1e-3 }, weightDecay: 0.2 },
    adamWLoop(0.95, 0.99, 1e-3, { decay: 0.2 }),
  ],
  [
    'AdamW without a decay of vectors',
    { options: { kind: 'adamw', excludeVectors: true }, weightDecay: 0.2 },
    adamWLoop(0.9, 0.999, 1e-8, { decay: 0.2, excluded: true }),
  ],
  [
    'LARS',
    { options: { kind: 'lars', momentum: 0.9, trustCoefficient: 0.02 }, weightDecay: 0.1 },
    larsLoop(0.9, 0.1, 0.02),
  ],
];

function randomTree(seed: string): Tree<HostTensor> {
  const random = Random.fromSeed(seed);
  return Object.fromEntries(
    Object.entries(SHAPES).map(([key, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [
        key,
        float32(
          Array.from({ length: size }, () => random.normal()),
          shape,
        ),
      ];
    }),
  );
}

const numbers = (tree: Tree<HostTensor>, key: string): number[] => Array.from(leafAt(tree, key).data);

describe.each(CASES)('%s', (_, { options, weightDecay }, restated) => {
  const start = randomTree('start');
  const grads = Array.from({ length: STEPS }, (__, t) => randomTree(`grads ${t}`));
  const rates = Array.from({ length: STEPS }, (__, t) => 0.1 / (t + 1));

  it('moves parameters as plain loops do', () => {
    let params = uploadTree(start);
    let state = uploadTree(initState(options, start));
    grads.forEach((grad, t) => {
      const hyper = { learningRate: tf.scalar(rates[t]), weightDecay };
      ({ params, state } = update(options, params, new Map(leavesOf(uploadTree(grad))), state, hyper));
    });
    for (const key of Object.keys(SHAPES)) {
      const expected = restated(
        numbers(start, key),
        grads.map((grad) => numbers(grad, key)),
        rates,
        key !== 'matrix',
      );
      const moved = valuesOf(leafAt(params, key));
      expect(distance(moved, expected), key).toBeLessThan(1e-5);
      expect(distance(moved, numbers(start, key)), key).toBeGreaterThan(1e-4);
    }
  });

  it('leaves a parameter without a gradient alone', () => {
    const params = uploadTree(start);
    const state = uploadTree(initState(options, start));
    const hyper = { learningRate: tf.scalar(0.1), weightDecay: 0.5 };
    const grad = new Map([['vector', leafAt(uploadTree(grads[0]), 'vector')]]);
    const updated = update(options, params, grad, state, hyper);
    expect(leafAt(updated.params, 'matrix')).toBe(leafAt(params, 'matrix'));
    expect(distance(valuesOf(leafAt(updated.params, 'vector')), numbers(start, 'vector'))).toBeGreaterThan(0);
    expect(leavesOf(updated.state).map(([path]) => path)).toEqual(leavesOf(state).map(([path]) => path));
  });

  it('says which parameter its state does not know', () => {
    const { matrix: _, ...vectors } = start as { readonly [key: string]: HostTensor };
    const state = uploadTree(initState(options, vectors));
    const hyper = { learningRate: tf.scalar(0.1), weightDecay };
    expect(() => update(options, uploadTree(start), new Map(), state, hyper)).toThrow("parameter 'matrix'");
  });
});

describe('LARS', () => {
  it('takes the plain step where a norm is zero', () => {
    const options: OptimizerOptions = { kind: 'lars', momentum: 0 };
    const start = { zero: float32([0, 0], [1, 2]), still: float32([1, 1], [1, 2]) };
    const grads = new Map([
      ['zero', tf.tensor2d([[1, 2]])],
      ['still', tf.tensor2d([[0, 0]])],
    ]);
    const hyper = { learningRate: tf.scalar(0.5), weightDecay: 0 };
    const { params } = update(
      options,
      uploadTree(start),
      grads,
      uploadTree(initState(options, start)),
      hyper,
    );
    expect(valuesOf(leafAt(params, 'zero'))).toEqual([-0.5, -1]);
    expect(valuesOf(leafAt(params, 'still'))).toEqual([1, 1]);
  });
});

describe('exponentialMovingAverage', () => {
  it('mixes two trees, by a number or a scalar', () => {
    const [average, current] = [{ a: { w: tf.tensor1d([1, 2]) } }, { a: { w: tf.tensor1d([3, -2]) } }];
    for (const momentum of [0.75, tf.scalar(0.75)]) {
      const mixed = leavesOf(exponentialMovingAverage(average, current, momentum));
      expect(mixed.map(([path]) => path)).toEqual(['a/w']);
      expect(distance(valuesOf(mixed[0][1]), [1.5, 1])).toBeLessThan(1e-6);
    }
  });

  it('refuses trees that differ', () => {
    const [one, two] = [{ a: tf.scalar(1) }, { a: tf.scalar(1), b: tf.scalar(2) }];
    expect(() => exponentialMovingAverage(two, one, 0.5)).toThrow("has 'b', the current one");
    expect(() => exponentialMovingAverage(one, two, 0.5)).toThrow("has 'b', the averaged one");
  });
});
