import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeImages, imageEncoderNet } from '../../src/encoders/encoders.ts';
import { linearNet, running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { returnLoss, returnsOf } from '../../src/objectives/random-walk.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { driveSteps, writePictureDrives } from './tiny-drive.ts';
import {
  connectedPaths,
  dot,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

interface Walk {
  /** Of each picture, the rows of its nodes. */
  readonly pictures: readonly Rows[];
  /** Whether a step is cut off: there by the picture it leaves, back by the picture it leads to. */
  cut(which: 'there' | 'back', picture: number, from: number, to: number): boolean;
  readonly temperature: number;
  readonly shortest: number;
}

type Mistake =
  | 'back as there'
  | 'cut shares are lost'
  | 'the longest alone'
  | 'sum of lengths'
  | 'back in the order there';

/** The probabilities of ending at each node for a walk of `steps` there and back, path by path in float64. */
function endsByPaths(walk: Walk, steps: number, wrong?: Mistake): number[][] {
  const { pictures, temperature } = walk;
  const nodes = pictures[0].length;
  const probability = (which: 'there' | 'back', picture: number, from: number, to: number): number => {
    if (which === 'back' && wrong === 'back as there') return probability('there', picture, to, from);
    const [left, right] = which === 'there' ? [picture, picture + 1] : [picture + 1, picture];
    const exps = pictures[right].map((row, node) =>
      walk.cut(which, picture, from, node) && (wrong !== 'cut shares are lost' || node === to)
        ? 0
        : Math.exp(dot(pictures[left][from], row) / temperature),
    );
    const sum = exps.reduce((total, each) => total + each, 0);
    return sum === 0 ? 1 / nodes : exps[to] / sum;
  };
  const course = [
    ...Array.from({ length: steps }, (_, t) => ['there', t] as const),
    ...Array.from(
      { length: steps },
      (_, t) => ['back', wrong === 'back in the order there' ? t : steps - 1 - t] as const,
    ),
  ];
  const from = (start: number): number[] => {
    const ends = new Array<number>(nodes).fill(0);
    const follow = (node: number, done: number, so: number) => {
      if (done === course.length) {
        ends[node] += so;
        return;
      }
      const [which, picture] = course[done];
      for (let to = 0; to < nodes; to++) follow(to, done + 1, so * probability(which, picture, node, to));
    };
    follow(start, 0, 1);
    return ends;
  };
  return Array.from({ length: nodes }, (_, start) => from(start));
}

function lossByPaths(walk: Walk, wrong?: Mistake): number {
  const longest = walk.pictures.length - 1;
  const shortest = wrong === 'the longest alone' ? longest : walk.shortest;
  const losses: number[] = [];
  for (let steps = shortest; steps <= longest; steps++) {
    const homes = endsByPaths(walk, steps, wrong).map((ends, node) => -Math.log(ends[node]));
    losses.push(homes.reduce((sum, home) => sum + home, 0) / homes.length);
  }
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return wrong === 'sum of lengths' ? sum : sum / losses.length;
}

/** A walk of random rows, whose steps are cut off with a probability, and its cuts as a tensor [2·(T - 1), 1, N, N]. */
function randomWalkOf(
  seed: string,
  options: { frames: number; nodes: number; dropout: number; shortest: number },
) {
  const { frames, nodes, dropout, shortest } = options;
  const random = Random.fromSeed(seed);
  const pictures = Array.from({ length: frames }, (_, t) => randomRows(`${seed} ${t}`, nodes, 3).map(unit));
  const cuts = Array.from({ length: 2 * (frames - 1) * nodes * nodes }, () =>
    random.chance(dropout) ? 1 : 0,
  );
  const at = (step: number, from: number, to: number) => cuts[(step * nodes + from) * nodes + to] === 1;
  const walk: Walk = {
    pictures,
    cut: (which, picture, from, to) => at(which === 'there' ? picture : frames - 1 + picture, from, to),
    temperature: 0.4,
    shortest,
  };
  return { walk, cut: tf.tensor(cuts, [2 * (frames - 1), 1, nodes, nodes]) };
}

function lossOf(walk: Walk, cut: tf.Tensor): tf.Scalar {
  const { pictures, temperature, shortest } = walk;
  const rows = pictures.map((each) => tf.expandDims(rowsOf(each), 0));
  return returnLoss(returnsOf(rows, { temperature, cut, shortest }));
}

const numberOf = (loss: tf.Scalar) => valuesOf(loss)[0];

describe('the loss of a walk', () => {
  it('is what all paths, one by one, come to, and none of the usual mistakes', () => {
    for (const options of [
      { frames: 4, nodes: 3, dropout: 0, shortest: 2 },
      { frames: 4, nodes: 3, dropout: 0.25, shortest: 1 },
      { frames: 3, nodes: 5, dropout: 0.2, shortest: 1 },
      { frames: 2, nodes: 4, dropout: 0, shortest: 1 },
    ]) {
      const { walk, cut } = randomWalkOf(`walk ${options.nodes}`, options);
      expect(numberOf(lossOf(walk, cut))).toBeCloseTo(lossByPaths(walk), 4);
    }
    const { walk } = randomWalkOf('walk 3', { frames: 4, nodes: 3, dropout: 0.25, shortest: 1 });
    for (const wrong of [
      'back as there',
      'cut shares are lost',
      'the longest alone',
      'sum of lengths',
      'back in the order there',
    ] as const)
      expect(Math.abs(lossByPaths(walk, wrong) - lossByPaths(walk)), wrong).toBeGreaterThan(0.01);
  });

  it('has the probabilities of every end', () => {
    const { walk, cut } = randomWalkOf('ends', { frames: 3, nodes: 4, dropout: 0.2, shortest: 1 });
    const rows = walk.pictures.map((each) => tf.expandDims(rowsOf(each), 0));
    const returns = returnsOf(rows, { temperature: walk.temperature, cut, shortest: 1 });
    expect(returns).toHaveLength(2);
    for (const [i, ends] of returns.entries()) {
      const expected = endsByPaths(walk, i + 1).flat();
      valuesOf(ends).forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k], 5);
      });
    }
  });

  it('has the gradient of all paths', () => {
    const { walk, cut } = randomWalkOf('gradient', { frames: 4, nodes: 3, dropout: 0.15, shortest: 2 });
    const { pictures, temperature, shortest } = walk;
    const params = Object.fromEntries(pictures.map((rows, t) => [`${t}`, rowsOf(rows)]));
    const { grads } = valueAndGrad((tree) => {
      const rows = pictures.map((_, t) => tf.expandDims(leafAt(tree, `${t}`), 0));
      return { loss: returnLoss(returnsOf(rows, { temperature, cut, shortest })), aux: {} };
    }, params);
    const step = 1e-5;
    for (const [t, rows] of pictures.entries()) {
      const found = valuesOf(grads.get(`${t}`)!);
      expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(0.01);
      rows.forEach((row, node) => {
        row.forEach((_, d) => {
          const at = (change: number) => {
            const moved = pictures.map((each) => each.map((other) => [...other]));
            moved[t][node][d] += change;
            return lossByPaths({ ...walk, pictures: moved });
          };
          expect(found[3 * node + d]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 4);
        });
      });
    }
  });

  it('is ln N where all nodes are the same, and finite where a node has no way on', () => {
    const { walk } = randomWalkOf('same', { frames: 4, nodes: 5, dropout: 0, shortest: 2 });
    const same = { ...walk, pictures: walk.pictures.map(() => Array(5).fill([0.6, 0, 0.8])) };
    expect(numberOf(lossOf(same, tf.zeros([6, 1, 5, 5])))).toBeCloseTo(Math.log(5), 6);
    expect(numberOf(lossOf(same, tf.ones([6, 1, 5, 5])))).toBeCloseTo(Math.log(5), 6);
    const { grads, loss } = valueAndGrad(
      ({ x }) => {
        const rows = Array.from({ length: 4 }, () => tf.expandDims(x as tf.Tensor, 0));
        return { loss: returnLoss(returnsOf(rows, { ...walk, cut: tf.ones([6, 1, 5, 5]) })), aux: {} };
      },
      { x: rowsOf(walk.pictures[0]) },
    );
    expect(Number.isFinite(numberOf(loss))).toBe(true);
    expect(valuesOf(grads.get('x')!).every(Number.isFinite)).toBe(true);
  });
});

const folder = await mkdtemp(join(tmpdir(), 'random-walk-'));
afterAll(() => rm(folder, { recursive: true }));
const root = join(folder, 'drives');
const timesS = Array.from({ length: 10 }, (_, i) => 0.1 * i);
await writePictureDrives(root, [{ timesS }, { timesS }]);

describe('random-walk', async () => {
  const options = {
    view: { ...tinyView, width: 16, height: 8 },
    clip: { frames: 4, gapS: 0.1 },
    patches: { size: 8, stride: 4 },
    dimensions: 6,
    temperature: 0.3,
    shortest: 1,
  };
  const nodes = 3;
  const run = tinyImageRun('random-walk-small', options);
  const first = await driveSteps(run, {
    root,
    frames: [
      [0, 6, 13, 18],
      [3, 4, 5, 17],
      [9, 2, 16, 14],
    ],
  });
  const eager = runSteps(first);
  const encoder = imageEncoderNet(run.encoders.image!);
  const head = linearNet({ inputs: 32, outputs: 6 });

  it('walks along the patches of each clip by its own pictures, and counts how often it returns', async () => {
    const { outputs, states } = await eager;
    const shorter: number[] = [];
    for (const step of [0, 1, 2]) {
      const { params, stats } = states[step] as { readonly [branch: string]: Tree<HostTensor> };
      const model = { ...params, ...branchAt(params, 'random-walk') };
      const { shape, data } = leafOf(first.batches[step], 'data/random-walk/clip/pixels');
      expect(shape).toEqual([16, 8, 16, 3]);
      // Patches cut here: picture by picture, column by column.
      const patches: number[] = [];
      for (let picture = 0; picture < 16; picture++)
        for (const left of [0, 4, 8])
          for (let row = 0; row < 8; row++) {
            const begin = 3 * (16 * (8 * picture + row) + left);
            patches.push(...data.slice(begin, begin + 24));
          }
      const net = running({ params: uploadTree(model), stats: uploadTree(stats) }, { training: true });
      const pixels = tf.tensor(patches, [16 * nodes, 8, 8, 3]);
      const rows = (
        net.of('head', head, net.of('imageEncoder', encoder, pixels)).arraySync() as number[][]
      ).map(unit);
      const { shape: cutShape, data: cut } = leafOf(first.batches[step], 'inputs/random-walk/cut');
      expect(cutShape).toEqual([6, 4, nodes, nodes]);
      const walks = Array.from(
        { length: 4 },
        (_, b): Walk => ({
          pictures: Array.from({ length: 4 }, (_, t) =>
            rows.slice(nodes * (4 * t + b), nodes * (4 * t + b + 1)),
          ),
          cut: (which, picture, from, to) =>
            cut[(((which === 'there' ? picture : 3 + picture) * 4 + b) * nodes + from) * nodes + to] === 1,
          temperature: 0.3,
          shortest: 1,
        }),
      );
      const losses = walks.map((walk) => lossByPaths(walk));
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / 4;
      expect(leafOf(outputs[step], 'loss/walk').data[0]).toBeCloseTo(mean, 4);
      const returned = (steps: number) => {
        const ends = walks.flatMap((walk) =>
          endsByPaths(walk, steps).map((each, node) => each[node] === Math.max(...each)),
        );
        return ends.filter((home) => home).length / ends.length;
      };
      expect(leafOf(outputs[step], 'metric/returned').data[0]).toBeCloseTo(returned(3), 6);
      shorter.push(Math.abs(returned(1) - returned(3)));
    }
    // It is the longest walk that is counted.
    expect(Math.max(...shorter)).toBeGreaterThan(0);
  });

  it('cuts off about a tenth of all steps, others in each training step, the same when a step is done again', () => {
    const { inputs } = first.pretraining;
    const cutAt = (step: number): number[] => {
      const place = { step, epoch: 0, progress: 0, random: Random.fromSeed('a run').fork(step) };
      return [...leafOf(inputs!(place), 'random-walk/cut').data];
    };
    expect(cutAt(1)).toEqual(cutAt(1));
    expect(cutAt(1)).not.toEqual(cutAt(2));
    const all = Array.from({ length: 40 }, (_, step) => cutAt(step)).flat();
    expect(new Set(all)).toEqual(new Set([0, 1]));
    // 8,640 of them: four standard deviations.
    const share = all.reduce((sum, one) => sum + one, 0) / all.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(4 * Math.sqrt((0.1 * 0.9) / all.length));
  });

  describe('where nothing but the place is to be seen', () => {
    const grey = () => ({ width: 64, height: 24, data: new Uint8Array(64 * 24 * 3).fill(128) });
    const { params, stats } = first.state as { readonly [branch: string]: Tree<HostTensor> };
    const model = { params: uploadTree(params), stats: uploadTree(stats) };

    it('is chance by patches, because no patch knows where it is', async () => {
      const flat = join(folder, 'flat');
      await writePictureDrives(flat, [{ timesS, picture: grey }]);
      const uncut = tinyImageRun('random-walk-small', {
        ...options,
        view: { width: 16, height: 8, crop: { area: [0.3, 1] } },
        edgeDropout: 0,
      });
      const { outputs } = await runSteps(await driveSteps(uncut, { root: flat, frames: [[0, 3, 6, 9]] }));
      expect(leafOf(outputs[0], 'loss/walk').data[0]).toBeCloseTo(Math.log(nodes), 5);
      expect(leafOf(outputs[0], 'metric/returned').data[0]).toBe(0);
    });

    it('would be far below chance by cells of a map, which the padding tells apart, whatever the crops', () => {
      // A grey picture looks the same however it is cropped.
      const image = run.encoders.image!;
      const pixels = tf.fill([2, 64, 96, 3], 0.2);
      const { features } = encodeImages(
        { params: branchAt(model.params, 'imageEncoder'), stats: branchAt(model.stats, 'imageEncoder') },
        pixels,
        { encoder: image, training: true, stages: ['c4'] },
      );
      const [count, channels, height, width] = features.c4!.shape as [number, number, number, number];
      const cells = height * width;
      const flat = tf.reshape(tf.transpose(features.c4!, [0, 2, 3, 1]), [count * cells, channels]);
      // What all cells have in common, a head can take away.
      const rows = l2Normalize(tf.sub(flat, tf.mean(flat, 0, true)));
      const pictures = tf.split(tf.reshape(rows, [count, cells, channels]), 2, 0);
      const cut = tf.zeros([2, 1, cells, cells]);
      const loss = numberOf(returnLoss(returnsOf(pictures, { temperature: 0.05, cut, shortest: 1 })));
      expect(loss).toBeLessThan(0.7 * Math.log(cells));
    });

    it('returns by places alone, though every picture has a crop of its own', () => {
      // Rows that say the place on the canvas and nothing else: crops move what is seen, not these.
      const places = tf.expandDims(tf.eye(9), 0);
      const cut = tf.zeros([6, 1, 9, 9]);
      const walk = returnsOf([places, places, places, places], { temperature: 0.05, cut, shortest: 2 });
      expect(numberOf(returnLoss(walk))).toBeLessThan(1e-5);
    });
  });

  it('says what nothing learned is, and trains encoder and head alone', () => {
    expect(first.pretraining.chance(20)).toEqual({ total: Math.log(3), terms: { walk: Math.log(3) } });
    expect(new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['params/imageEncoder', 'params/random-walk']),
    );
    expect(Object.keys(first.state).sort()).toEqual(['optimizer', 'params', 'stats']);
  });

  it('refuses patches of which there is no second one, and walks that are longer than the clip', async () => {
    const changed = (changes: object) =>
      driveSteps(tinyImageRun('random-walk-small', { ...options, ...changes }), { root, frames: [] });
    await expect(changed({ patches: { size: 8, stride: 16 } })).rejects.toThrow(
      'configuration: objectives.random-walk.patches: expected patches of which two and more lie in a picture of 16 x 8, found 1 of 8 x 8, 16 apart',
    );
    await expect(changed({ shortest: 4 })).rejects.toThrow(
      'configuration: objectives.random-walk.shortest: expected less than the 4 pictures of a clip, found 4',
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { root });
  });
});
