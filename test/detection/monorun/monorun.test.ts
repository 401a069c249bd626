import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Monorun } from '../../../src/detection/monorun/monorun.ts';
import { monorunSchema } from '../../../src/detection/monorun/monorun-config.ts';
import {
  coordinateHead,
  globalFeatures,
  globalSaid,
  initMonorunHeads,
} from '../../../src/detection/monorun/monorun-heads.ts';
import { monorunSample } from '../../../src/detection/monorun/monorun-sample.ts';
import { compile } from '../../../src/engine/compile.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../../src/engine/tree.ts';
import { kittiFromBox } from '../../../src/geometry/kitti-box.ts';
import { branchAt, leafAt } from '../../../src/nn/layer.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { distance, randomTensor, uploadTree, valuesOf } from '../../nn/tensors.ts';
import { frameWithCars, tinyMonorun } from './tiny-monorun.ts';

const config = tinyMonorun();
const detector = new Monorun(config, 2);
const samples = [4, 5].map((seed) =>
  monorunSample(frameWithCars(seed), Random.fromSeed(seed), { config, training: true }),
);
const batch = detector.collate(samples);
const { params, stats } = detector.initialize(Random.fromSeed(1));

function lossOf(which: Monorun, of: Tree<HostTensor>, training = true) {
  return which.loss({ params: uploadTree(params), stats: uploadTree(stats) }, uploadTree(of), { training });
}

describe('the heads', () => {
  const made = initMonorunHeads(Random.fromSeed(2), config);
  const [heads, headStats] = [uploadTree(made.params), uploadTree(made.stats)];
  const regions = randomTensor('regions', [3, config.channels, 14, 14]);
  const rows = (values: number[][]) => tf.tensor(values);

  it('see bins of 2 x 2 samples globally', () => {
    const blocks = tf.mul(
      randomTensor('blocks', [3, config.channels, 7, 1, 7, 1]),
      tf.ones([1, 1, 1, 2, 1, 2]),
    );
    const even = tf.reshape(blocks, [3, config.channels, 14, 14]);
    const checkered = tf.reshape(
      tf.tensor(Array.from({ length: 196 }, (_, i) => ((i + Math.floor(i / 14)) % 2 === 0 ? 1 : -1))),
      [1, 1, 14, 14],
    );
    const [plain, waved] = [globalFeatures(heads, even), globalFeatures(heads, tf.add(even, checkered))];
    expect(plain.shape).toEqual([3, config.globalWidth]);
    expect(distance(valuesOf(plain), valuesOf(waved))).toBeLessThan(1e-4);
  });

  it('say sizes and a latent vector of the wanted class, through the units that are not dropped', () => {
    const features = globalFeatures(heads, regions);
    const keep = tf.ones([3, config.globalWidth]);
    const said = (ofClass: tf.Tensor, dropout2 = keep) =>
      globalSaid(heads, features, { dropout1: keep, dropout2, ofClass, latent: config.latent });
    const cars = said(rows([0, 1, 2].map(() => [1, 0, 0])));
    const mixed = said(
      rows([
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
      ]),
    );
    expect([cars.sizes.shape, cars.latent.shape]).toEqual([
      [3, 3],
      [3, config.latent],
    ]);
    const [a, b] = [valuesOf(cars.sizes), valuesOf(mixed.sizes)];
    expect(distance([...a.slice(0, 3), ...a.slice(6)], [...b.slice(0, 3), ...b.slice(6)])).toBeLessThan(1e-6);
    expect(distance(a.slice(3, 6), b.slice(3, 6))).toBeGreaterThan(1e-3);
    const none = valuesOf(
      said(rows([0, 1, 2].map(() => [1, 0, 0])), tf.zeros([3, config.globalWidth])).sizes,
    );
    // With all units dropped only the bias is left, the same for all.
    expect(distance(none.slice(0, 3), none.slice(3, 6))).toBeLessThan(1e-7);
  });

  it('say coordinates and deviations of 28 x 28 cells, mirrored pictures by channels of their own', () => {
    const say = (variant: number[], latent = tf.zeros([3, config.latent]), own = heads) =>
      coordinateHead(own, headStats, regions, {
        config,
        latent,
        variant: rows([variant, variant, variant]),
        training: false,
      });
    const plain = say([1, 0, 0, 0, 0, 0]);
    expect([plain.coded.shape, plain.logStd.shape]).toEqual([
      [3, 784, 3],
      [3, 784, 2],
    ]);
    const mirrored = say([0, 1, 0, 0, 0, 0]);
    expect(distance(valuesOf(plain.coded), valuesOf(mirrored.coded))).toBeGreaterThan(1e-2);
    const noise = randomTensor('latent', [3, config.latent]);
    // The latent vector says nothing at first, and something once its layer has weights.
    expect(distance(valuesOf(plain.coded), valuesOf(say([1, 0, 0, 0, 0, 0], noise).coded))).toBe(0);
    const learned = mapTree(heads, (leaf, path) =>
      path === 'coordinates/latent/weight' ? tf.ones(leaf.shape) : leaf,
    );
    const told = say([1, 0, 0, 0, 0, 0], noise, learned);
    expect(distance(valuesOf(plain.coded), valuesOf(told.coded))).toBeGreaterThan(1e-2);
  });

  it('keep the places of what they see: row by row, and each sample is four cells', () => {
    const where = (row: number, column: number) => {
      const mark = tf.tensor(
        Float32Array.from({ length: 14 * 14 }, (_, i) => (i === row * 14 + column ? 4 : 0)),
        [1, 1, 14, 14],
      );
      const say = (x: tf.Tensor) =>
        coordinateHead(heads, headStats, x, {
          config,
          latent: tf.zeros([1, config.latent]),
          variant: rows([[1, 0, 0, 0, 0, 0]]),
          training: false,
        }).coded;
      const flat = tf.zeros([1, config.channels, 14, 14]);
      const change = valuesOf(tf.sum(tf.abs(tf.sub(say(tf.add(flat, mark)), say(flat))), 2));
      const changed = [...change.keys()].filter((cell) => change[cell] > 1e-6);
      const at = (axis: (cell: number) => number) => [
        Math.min(...changed.map(axis)),
        Math.max(...changed.map(axis)),
      ];
      return { rows: at((cell) => Math.floor(cell / 28)), columns: at((cell) => cell % 28) };
    };
    // Three convolutions of 3 x 3 reach 3 samples, and the fourth one cell further.
    expect(where(5, 8)).toEqual({ rows: [3, 18], columns: [9, 24] });
  });
});

describe('the detector', () => {
  it('learns with every parameter, and not with frozen stages', async () => {
    const reached = async (which: Monorun) => {
      const step = await compile(
        (state, data) => {
          const { grads } = valueAndGrad(
            (current) => {
              const result = which.loss({ params: current, stats: branchAt(state, 'stats') }, data, {
                training: true,
              });
              return { loss: result.loss, aux: {} };
            },
            branchAt(state, 'params'),
          );
          const sizes = [...grads].map(([path, grad]) => [path.replaceAll('/', ' '), tf.sum(tf.abs(grad))]);
          return [state, Object.fromEntries(sizes)];
        },
        { state: { params, stats }, batch },
      );
      const { outputs } = await step.run({ params, stats }, batch);
      await step.dispose();
      const sizes = outputs as Record<string, HostTensor>;
      return new Map(Object.entries(sizes).map(([path, { data }]) => [path.replaceAll(' ', '/'), data[0]]));
    };
    const all = await reached(detector);
    const idle = leavesOf(params)
      .map(([path]) => path)
      .filter((path) => !all.has(path));
    expect(idle.every((path) => /^fpn\/c[345]\/output\//.test(path))).toBe(true);
    expect([...all.values()].every(Number.isFinite)).toBe(true);
    // What shifts a channel before a batch norm changes nothing; all else does.
    const moving = [...all].filter(([, size]) => size > 1e-7).map(([path]) => path);
    for (const path of [
      'coordinates/conv1/conv/weight',
      'coordinates/latent/weight',
      'coordinates/said/weight',
      'global/fc1/weight',
    ])
      expect(moving).toContain(`monorun/${path}`);
    expect(moving).toContain('imageEncoder/conv1/weight');
    const frozen = await reached(new Monorun(tinyMonorun({ frozenStages: 2 }), 2));
    expect([...all.keys()].filter((path) => !frozen.has(path))).toEqual(
      [...all.keys()].filter((path) => /^imageEncoder\/(conv1|bn1|layer1)\//.test(path)),
    );
  });

  it('hands on all its statistics, the mean weight moved in training alone', () => {
    const paths = (tree: Tree<unknown>) =>
      leavesOf(tree as Tree<HostTensor>)
        .map(([path]) => path)
        .sort();
    const [trained, looked] = [lossOf(detector, batch), lossOf(detector, batch, false)];
    expect(paths(trained.stats)).toEqual(paths(stats));
    expect(paths(looked.stats)).toEqual(paths(stats));
    const mean = (of: typeof trained) => valuesOf(leafAt(branchAt(of.stats, 'robustKl'), 'meanWeight'))[0];
    expect(mean(looked)).toBe(1);
    expect(mean(trained)).not.toBe(1);
  });

  it('has a loss without any object that is a number, and a mean weight that stays', () => {
    const empty = [6, 7].map((seed) =>
      monorunSample({ ...frameWithCars(seed), labels: [] }, Random.fromSeed(seed), {
        config,
        training: true,
      }),
    );
    const result = lossOf(detector, detector.collate(empty));
    expect(Number.isFinite(valuesOf(result.loss)[0])).toBe(true);
    for (const term of ['reprojection', 'size']) expect(valuesOf(leafAt(result.terms, term))[0]).toBe(0);
    expect(valuesOf(leafAt(branchAt(result.stats, 'robustKl'), 'meanWeight'))[0]).toBeCloseTo(1, 6);
  });

  it('learns from LiDAR points where it is told to', () => {
    const told = tinyMonorun({ lossWeights: { ...config.lossWeights, coordinates: 1 } });
    const which = new Monorun(told, 2);
    const own = [4, 5].map((seed) =>
      monorunSample(frameWithCars(seed), Random.fromSeed(seed), { config: told, training: true }),
    );
    const { loss, terms } = lossOf(which, which.collate(own));
    const alone = lossOf(detector, batch);
    expect(Object.keys(alone.terms)).not.toContain('coordinates');
    const coordinates = valuesOf(leafAt(terms, 'coordinates'))[0];
    expect(coordinates).toBeGreaterThan(0);
    expect(valuesOf(loss)[0]).toBeCloseTo(valuesOf(alone.loss)[0] + coordinates, 3);
  });

  it('computes the same compiled as in tfjs', async () => {
    const step = await compile(
      (state, data) => {
        const result = detector.loss(
          { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') },
          data,
          {
            training: true,
          },
        );
        return [state, { loss: result.loss, ...result.terms }];
      },
      { state: { params, stats }, batch },
    );
    const { outputs } = await step.run({ params, stats }, batch);
    const eager = lossOf(detector, batch);
    const found = outputs as Record<string, HostTensor>;
    expect(found.loss.data[0]).toBeCloseTo(valuesOf(eager.loss)[0], 2);
    for (const term of Object.keys(eager.terms))
      expect(found[term].data[0]).toBeCloseTo(valuesOf(leafAt(eager.terms, term))[0], 2);
    await step.dispose();
  });
});

describe('the predictor', () => {
  const seeds = [4, 5];
  const still = seeds.map((seed) =>
    monorunSample(frameWithCars(seed), Random.fromSeed(seed), { config, training: false }),
  );
  const given = seeds.map((seed) =>
    frameWithCars(seed).labels!.map(({ box2 }) => ({ box: box2, classIndex: 0 })),
  );

  it('looks at fewer frames than a batch, and sees in each what it sees in a full one', async () => {
    const low = new Monorun(tinyMonorun({ scoreThreshold: 0.001 }), 2);
    const predictor = await low.predictor({ params, stats });
    const both = await predictor.detect(still);
    const [alone] = await predictor.detect(still.slice(1));
    expect(alone).toEqual(both[1]);
    const looked = await predictor.explain(still, given);
    expect(looked.flat().length).toBeGreaterThan(0);
    expect(await predictor.explain(still.slice(1), given.slice(1))).toEqual(looked.slice(1));
    for (const { box2, box3, score } of [...both.flat(), ...looked.flat().map(({ label }) => label)]) {
      expect(box2[0]).toBeGreaterThanOrEqual(0);
      expect(box2[2]).toBeLessThanOrEqual(479);
      expect([...box3!.center, ...box3!.sizeM, box3!.yaw, score].every(Number.isFinite)).toBe(true);
      expect(score).toBeLessThanOrEqual(1);
    }
    await predictor.dispose();
  });

  it('looks into given boxes, and its maps say how far its pose puts each cell from where it is', async () => {
    const predictor = await detector.predictor({ params, stats });
    const found = await predictor.explain(still, given);
    let cells = 0;
    found.forEach((objects, b) => {
      // By way of the box in the LiDAR frame and the picture's own camera, whose P is not K alone.
      const { pixelFromCamera: p, cameraFromLidar } = frameWithCars(seeds[b]).cameras[0];
      for (const { label, maps } of objects) {
        const { location, rotationY } = kittiFromBox(label.box3!, cameraFromLidar);
        const [c, s] = [Math.cos(rotationY), Math.sin(rotationY)];
        const [left, top, right, bottom] = maps.box;
        expect(given[b].some(({ box }) => distance(box, maps.box) < 1e-3)).toBe(true);
        for (let i = 0; i < 784; i++) {
          const [x, y, z] = maps.coordinates.subarray(3 * i, 3 * i + 3);
          const place = [c * x + s * z + location[0], y + location[1], c * z - s * x + location[2]];
          const row = (r: number) => p[r] * place[0] + p[r + 1] * place[1] + p[r + 2] * place[2] + p[r + 3];
          // Nearer points are not projected as they are.
          if (row(8) < 0.6) continue;
          const u = left + (((i % 28) + 0.5) / 28) * (right - left);
          const v = top + ((Math.floor(i / 28) + 0.5) / 28) * (bottom - top);
          expect(maps.errorPx[i]).toBeCloseTo(Math.hypot(row(0) / row(8) - u, row(4) / row(8) - v), 2);
          cells++;
        }
      }
    });
    expect(cells).toBeGreaterThan(500);
    await predictor.dispose();
  });
});

describe('the configuration', () => {
  it.each([
    [{ dropout: 1 }, 'dropout'],
    [{ regions: 0 }, 'regions'],
    [{ lossWeights: { ...config.lossWeights, reprojection: -1 } }, 'lossWeights'],
    [{ classes: ['Bird'] as never }, 'classes'],
  ])('refuses %j', (changes, path) => {
    expect(monorunSchema.safeParse(tinyMonorun(changes)).error?.issues[0].path[0]).toBe(path);
  });
});
