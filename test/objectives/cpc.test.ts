import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { foundAmongAll } from '../../src/objectives/cpc.ts';
import { rowContextNet } from '../../src/objectives/parts/row-context.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import { encoded } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  dot,
  firstSteps,
  golden,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
} from './tiny-image-run.ts';

type Host = Tree<HostTensor>;
type Rows = ReadonlyArray<readonly number[]>;

const { a, b } = golden;
const lossOf = (predictions: Rows, found: Rows) =>
  valuesOf(foundAmongAll(rowsOf(predictions), rowsOf(found)).loss)[0];

/** -log of the softmax at the right one, in loops and float64. */
function restated(predictions: Rows, found: Rows): number {
  const losses = predictions.map((row, i) => {
    const logits = found.map((other) => dot(row, other));
    const highest = Math.max(...logits);
    return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - logits[i];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

describe("CPC's loss", () => {
  const tenth = (rows: Rows) => rows.map((row) => row.map((value) => value / 10));

  it('has the golden value, of rows that are not normalised', () => {
    expect(lossOf(tenth(a), b)).toBeCloseTo(3.729626592661, 5);
    expect(restated(tenth(a), b)).toBeCloseTo(3.729626592661, 10);
    expect(Math.abs(lossOf(tenth(a), tenth(b)) - 3.729626592661)).toBeGreaterThan(0.5);
    expect(Math.abs(lossOf(b, tenth(a)) - 3.729626592661)).toBeGreaterThan(0.05);
  });

  it('sends a gradient to what predicts and to what is to be found', () => {
    const { grads } = valueAndGrad(
      ({ p, z }) => ({ loss: foundAmongAll(p as tf.Tensor, z as tf.Tensor).loss, aux: {} }),
      { p: rowsOf(tenth(a)), z: rowsOf(b) },
    );
    for (const [name, place, scale] of [
      ['p', 1, 1],
      ['z', 2, 1],
    ] as const) {
      const [high, low] = [1e-4, -1e-4].map((step) => {
        const moved = (rows: Rows) =>
          rows.map((row, i) =>
            row.map((value, d) => (i === place && d === 3 ? value + scale * step : value)),
          );
        return name === 'p' ? restated(moved(tenth(a)), b) : restated(tenth(a), moved(b));
      });
      const slope = (high - low) / 2e-4;
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      expect(valuesOf(grads.get(name)!)[4 * place + 3]).toBeCloseTo(slope, 5);
    }
  });

  it('is what loops make of random rows, and ln M where all are the same', () => {
    const [p, z] = [randomRows('p', 9, 5), randomRows('z', 9, 5)];
    expect(lossOf(p, z)).toBeCloseTo(restated(p, z), 5);
    expect(lossOf([a[0], a[0], a[0]], [b[1], b[1], b[1]])).toBeCloseTo(Math.log(3), 6);
  });
});

describe('the context network', () => {
  const net = rowContextNet({ layers: 2, channels: 3, hidden: 4 });
  const { params } = net.initialize(Random.fromSeed('context'));
  const [rows, columns, count] = [4, 5, 2];

  /** The network's layers at one place after the other, in loops: lists of channels by row, column and picture. */
  function restatedContext(grid: number[][][][]): number[][][][] {
    const layer = (name: string, input: readonly number[]) => {
      const { data: weight, shape } = leafOf(params, `${name}/weight`);
      const { data: bias } = leafOf(params, `${name}/bias`);
      return Array.from(
        { length: shape[1] },
        (_, o) => bias[o] + input.reduce((sum, value, i) => sum + value * weight[i * shape[1] + o], 0),
      );
    };
    const rectified = (values: number[]) => values.map((value) => Math.max(0, value));
    const map = (from: number[][][][], make: (r: number, c: number, n: number) => number[]) =>
      from.map((row, r) => row.map((column, c) => column.map((_, n) => make(r, c, n))));
    const none = [0, 0, 0, 0];
    let x = grid;
    for (const l of [0, 1]) {
      const entered = map(x, (r, c, n) => rectified(layer(`${l}/enter`, x[r][c][n])));
      const wide = map(entered, (r, c, n) => {
        const beside = [-1, 0, 1].flatMap((by) => entered[r][c + by]?.[n] ?? none);
        return rectified(layer(`${l}/across`, beside));
      });
      const down = map(wide, (r, c, n) =>
        rectified(layer(`${l}/down`, [...(wide[r - 1]?.[c][n] ?? none), ...wide[r][c][n]])),
      );
      const before = x;
      x = map(down, (r, c, n) =>
        layer(`${l}/leave`, down[r][c][n]).map((value, d) => before[r][c][n][d] + value),
      );
    }
    return x;
  }

  const values = randomRows('grid', rows * columns * count, 3).flat();
  const applied = (x: readonly number[]) =>
    net.apply(uploadTree(params), {}, tf.tensor([...x], [rows, columns, count, 3]), { training: true }).y;

  it('is what loops make of a grid', () => {
    const grid = tf.tensor(values, [rows, columns, count, 3]).arraySync() as number[][][][];
    const expected = restatedContext(grid).flat(3);
    valuesOf(applied(values)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  });

  it('sees its own row and those above, of its own picture, and nothing below, bit for bit', () => {
    const at = (r: number, c: number, n: number) => ((r * columns + c) * count + n) * 3;
    const moved = values.map((value, i) => (i === at(1, 2, 0) ? value + 5 : value));
    const [before, after] = [valuesOf(applied(values)), valuesOf(applied(moved))];
    const changed = new Set<string>();
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        for (let n = 0; n < count; n++)
          if ([0, 1, 2].some((d) => before[at(r, c, n) + d] !== after[at(r, c, n) + d]))
            changed.add(`${r} ${c} ${n}`);
    // Two layers reach two columns to either side, and two rows down.
    expect(changed).toContain('1 2 0');
    expect(changed).toContain('2 3 0');
    for (const place of changed) expect(place).toMatch(/^[1-3] \d 0$/);
  });
});

describe('CPC', () => {
  const options = {
    view: { ...tinyView, width: 16, height: 12 },
    patches: { size: 4, stride: 2 },
    context: { layers: 1, hidden: 5 },
    skip: 1,
    steps: 2,
  };
  const run = tinyImageRun('cpc-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);

  it('has a context network and a matrix for every row that is predicted', () => {
    const shapes = shapesOf(branchAt(branchAt(first.state, 'params'), 'cpc'));
    expect(shapes).toEqual({
      'below2/weight': [32, 32],
      'below3/weight': [32, 32],
      'context/0/across/bias': [5],
      'context/0/across/weight': [15, 5],
      'context/0/down/bias': [5],
      'context/0/down/weight': [10, 5],
      'context/0/enter/bias': [5],
      'context/0/enter/weight': [32, 5],
      'context/0/leave/bias': [32],
      'context/0/leave/weight': [5, 32],
    });
  });

  it('begins with the loss of a choice among all patches that are predicted over so many rows', async () => {
    // Five rows of seven patches of four pictures: three rows predict what is two below, two what is three below.
    const chance = (Math.log(3 * 7 * 4) + Math.log(2 * 7 * 4)) / 2;
    expect(first.pretraining.chance(6).total).toBeCloseTo(chance, 12);
    const { outputs } = await eager;
    expect(leafOf(outputs[0], 'loss/contrast').data[0]).toBeCloseTo(chance, 5);
  });

  it('predicts from the context of a place the patch of the same column so many rows below', async () => {
    const { outputs, states } = await eager;
    const context = rowContextNet({ layers: 1, channels: 32, hidden: 5 });
    for (const step of [2, 3]) {
      const { params, stats } = states[step - 1] as { readonly [branch: string]: Host };
      const { data, shape } = leafOf(first.batches[step - 1], 'data/cpc/picture');
      const [count, height, width] = shape;
      expect([count, height, width]).toEqual([4, 12, 16]);
      // Patches cut by hand: row by row, all pictures of one place together.
      const pixels: number[] = [];
      for (let r = 0; r < 5; r++)
        for (let c = 0; c < 7; c++)
          for (let n = 0; n < count; n++)
            for (let y = 2 * r; y < 2 * r + 4; y++)
              pixels.push(
                ...data.slice(
                  ((n * height + y) * width + 2 * c) * 3,
                  ((n * height + y) * width + 2 * c + 4) * 3,
                ),
              );
      const patches = {
        dtype: 'float32',
        data: Float32Array.from(pixels),
        shape: [140, 4, 4, 3],
      } as HostTensor;
      const z = encoded(run, params, stats, patches);
      const own = branchAt(params, 'cpc');
      const c = context.apply(uploadTree(branchAt(own, 'context')), {}, tf.reshape(z, [5, 7, 4, 32]), {
        training: true,
      }).y;
      const [zs, cs] = [z, tf.reshape(c, [140, 32])].map((rows) => rows.arraySync() as number[][]);
      const losses = [2, 3].map((below) => {
        const { data: weight } = leafOf(own, `below${below}/weight`);
        const predictions = cs
          .slice(0, (5 - below) * 28)
          .map((row) =>
            Array.from({ length: 32 }, (_, o) => row.reduce((sum, x, i) => sum + x * weight[32 * i + o], 0)),
          );
        return restated(predictions, zs.slice(below * 28));
      });
      const loss = leafOf(outputs[step - 1], 'loss/contrast').data[0];
      expect(loss).toBeCloseTo((losses[0] + losses[1]) / 2, 4);
      expect(Math.abs(loss - losses[0])).toBeGreaterThan(1e-3);
    }
  });

  it('trains encoder, context and predictions, and remembers nothing', async () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
    const { states } = await eager;
    expect(states.map((state) => Object.keys(state).sort())).toEqual(
      states.map(() => ['optimizer', 'params', 'stats']),
    );
  });

  it('refuses a grid without so many rows', () => {
    const changed = (change: object) =>
      firstSteps(tinyImageRun('cpc-cifar', { ...options, ...change }), { frames: 6, pictures: [] });
    expect(() => changed({ steps: 4 })).toThrow(
      'configuration: objectives.cpc.patches: expected at least 6 rows of patches, so that one lies 5 below another (skip and steps), found 5 rows of 7 patches in views of 16 x 12 pixels',
    );
    expect(() => changed({ patches: { size: 20, stride: 2 } })).toThrow('found 0 rows of 0 patches');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
