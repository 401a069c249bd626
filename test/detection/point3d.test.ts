import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { collatePoints } from '../../src/detection/point-batch.ts';
import { decodePoints } from '../../src/detection/point-decode.ts';
import { pointSample } from '../../src/detection/point-sample.ts';
import { Point3d } from '../../src/detection/point3d.ts';
import { type Point3dConfig, point3dSchema } from '../../src/detection/point3d-config.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { angleDifference } from '../../src/geometry/angle.ts';
import { pointInBox } from '../../src/geometry/box.ts';
import { birdsEyeIou, iou3d } from '../../src/geometry/box-overlap.ts';
import {
  applyView,
  applyViewToBox,
  inverseView,
  sampleViewTransform,
} from '../../src/geometry/view-transform.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { groundPoints } from '../../src/pointcloud/ground.ts';
import { groundHeights } from '../../src/pointcloud/ground-height.ts';
import { gatherRows } from '../../src/pointcloud/point-rows.ts';
import { indicesInRange } from '../../src/pointcloud/range-filter.ts';
import { headingCode, headingOf, pointTargets } from '../../src/views/point-targets.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';
import { car, frameWithCars } from './cars.ts';

beforeAll(() => tf.setBackend('cpu'));

function tiny(changes: Partial<Point3dConfig> = {}): Point3dConfig {
  const config = tinyDetector('point3d');
  if (config.detector !== 'point3d') throw new Error('another detector');
  return { ...config.point3d, ...changes };
}

describe('headings', () => {
  it('come back from their bins, and bins from their centres', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.integer({ min: 2, max: 24 }),
        (yaw, bins) => {
          const { bin, residual } = headingCode(yaw, bins);
          expect(bin).toBeGreaterThanOrEqual(0);
          expect(bin).toBeLessThan(bins);
          expect(Math.abs(residual)).toBeLessThanOrEqual(1 + 1e-9);
          expect(Math.abs(angleDifference(headingOf(bin, residual, bins), yaw))).toBeLessThan(1e-9);
        },
      ),
    );
    expect(headingCode(0, 12)).toEqual({ bin: 0, residual: 0 });
    expect(headingCode(Math.PI / 2, 4).bin).toBe(1);
  });
});

describe('boxes in a view', () => {
  it('are turned, scaled and mirrored with the points in them, and come back', () => {
    const random = Random.fromSeed(1);
    for (let trial = 0; trial < 40; trial++) {
      const view = sampleViewTransform(random.fork(trial), { pivot: [0, 0, 0] });
      const box = car([random.uniform(2, 30), random.uniform(-9, 9), -1], random.uniform(-4, 4));
      const moved = applyViewToBox(box, view);
      const back = applyViewToBox(moved, inverseView(view));
      expect(iou3d(back, box)).toBeGreaterThan(1 - 1e-9);
      expect(Math.abs(angleDifference(back.yaw, box.yaw))).toBeLessThan(1e-9);
    }
  });
});

describe('the ground', () => {
  it('is what lies low in its cell', () => {
    const points = Float32Array.of(1, 1, -1.7, 0, 2, 1, -1.6, 0, 2, 2, -0.5, 0, 9, 1, 0.5, 0);
    expect([...groundPoints(points)]).toEqual([1, 1, 0, 1]);
  });
});

describe('targets', () => {
  const options = {
    classes: ['Car', 'Pedestrian'],
    headingBins: 12,
    insideMarginM: 0.2,
    ignoreMarginM: 0.6,
    ignored: [],
  };

  it('are of the box that a candidate is in, do not count beside it, and are of none elsewhere', () => {
    const box3 = car([10, 0, 0], 0);
    const candidates = Float32Array.of(11.5, 0.5, 0.5, 12.1, 0, 0, 12.4, 0, 0, 13, 0, 0);
    const targets = pointTargets(candidates, { ...options, objects: [{ box3, classIndex: 0 }] });
    expect([...targets.positive]).toEqual([1, 1, 0, 0]);
    expect([...targets.weights]).toEqual([1, 1, 0, 1]);
    expect([...targets.offset.subarray(0, 3)]).toEqual([-1.5, -0.5, -0.5]);
    expect(targets.logSize[0]).toBeCloseTo(Math.log(4 / 3.89), 6);
    expect([...targets.classes.subarray(0, 4)]).toEqual([1, 0, 1, 0]);
  });

  it('do not count in boxes of neighbour classes, and take the nearer of two boxes', () => {
    const van = car([10, 0, 0], 0);
    const candidates = Float32Array.of(10, 0, 0, 20.4, 0, 0);
    const boxes = [car([20, 0, 0], 0), car([21, 0, 0], 0)];
    const objects = boxes.map((box3, i) => ({ box3, classIndex: i }));
    const targets = pointTargets(candidates, { ...options, objects, ignored: [van] });
    expect([...targets.weights]).toEqual([0, 1]);
    expect([...targets.classes]).toEqual([0, 0, 1, 0]);
  });
});

describe('samples', () => {
  const config = tiny({ heightFrom: 'candidate' });
  const frame = frameWithCars(2);
  const draw = (training: boolean, seed = 1) =>
    pointSample(frame, Random.fromSeed(seed), { config, training });

  it('are the same for a seed, and others for another', () => {
    expect(draw(true)).toEqual(draw(true));
    expect(draw(true).points).not.toEqual(draw(true, 2).points);
  });

  it('have candidates of the wanted level whose targets fit the labels in the view', () => {
    for (let seed = 0; seed < 5; seed++) {
      const { candidates, targets, view } = draw(true, seed);
      expect(candidates).toHaveLength(3 * config.pointEncoder.levels[config.candidateLevel].points);
      const boxes = frame.labels!.map(({ box3 }) => applyViewToBox(box3!, view));
      let positives = 0;
      for (let n = 0; n < candidates.length / 3; n++) {
        const [x, y, z] = candidates.subarray(3 * n, 3 * n + 3);
        const inside = boxes.some((box) => pointInBox(box, x, y, z));
        if (inside) expect(targets!.positive[n]).toBe(1);
        if (targets!.positive[n] === 0) continue;
        positives++;
        const center = [0, 1, 2].map((k) => candidates[3 * n + k] + targets!.offset[3 * n + k]);
        const nearest = Math.min(
          ...boxes.map((box) => Math.hypot(...center.map((v, k) => v - box.center[k]))),
        );
        expect(nearest).toBeLessThan(1e-4);
      }
      expect(positives).toBeGreaterThan(0);
    }
  });

  it('have no targets and no view without training, and need no labels', () => {
    const { targets, view } = pointSample({ ...frame, labels: undefined }, Random.fromSeed(1), {
      config,
      training: false,
    });
    expect([targets, view]).toEqual([undefined, []]);
    expect(() =>
      pointSample({ ...frame, labels: undefined }, Random.fromSeed(1), { config, training: true }),
    ).toThrow(/frame 2: expected labels, to train a detector, found none/);
  });

  it('have weights of three near centres that sum to one', () => {
    const { nearestWeights, nearest } = draw(false);
    for (let n = 0; n < nearest.length; n += 3) {
      expect(nearestWeights[n] + nearestWeights[n + 1] + nearestWeights[n + 2]).toBeCloseTo(1, 5);
      expect(nearestWeights[n]).toBeGreaterThanOrEqual(nearestWeights[n + 2]);
    }
  });

  it('have the balls around their candidates, and the ground under them, as they are turned', () => {
    const { points: drawing } = tiny();
    const config = tiny({
      points: { ...drawing, cropToImage: false },
      surroundings: balls,
      heightFrom: 'ground',
    });
    const sample = pointSample(frame, Random.fromSeed(1), { config, training: true });
    const { points, candidates, surroundings, ground, view, targets } = sample;
    const rows = candidates.length / 3;
    const at = (row: number) => points.subarray(4 * row, 4 * row + 3);
    surroundings!.centers.forEach((row, n) => {
      expect([...at(row)]).toEqual([...candidates.subarray(3 * n, 3 * n + 3)]);
    });
    surroundings!.neighbors.forEach((table, s) => {
      expect(table).toHaveLength(rows * 8);
      table.forEach((row, i) => {
        const center = candidates.subarray(3 * Math.floor(i / 8));
        const away = Math.hypot(...[0, 1, 2].map((k) => at(row)[k] - center[k]));
        expect(away).toBeLessThan(balls.radii[s]);
      });
    });
    // The ground was looked for before the view; a box's bottom is its centre less half of its height.
    const places = applyView(candidates, 3, inverseView(view));
    const near = gatherRows(frame.points, indicesInRange(frame.points, config.points.range));
    groundHeights(near, places).forEach((height, n) => {
      places[3 * n + 2] = height;
    });
    const expected = applyView(places, 3, view);
    ground!.forEach((height, n) => {
      expect(height).toBeCloseTo(expected[3 * n + 2], 4);
    });
    const other = { ...config, surroundings: null, heightFrom: 'candidate' as const };
    const same = pointSample(frame, Random.fromSeed(1), { config: other, training: true });
    expect([...same.candidates]).toEqual([...candidates]);
    targets!.positive.forEach((positive, n) => {
      if (positive === 0) return;
      const height = 1.5 * Math.exp(targets!.logSize[3 * n + 2]) * (1.53 / 1.5);
      const middle = ground![n] + targets!.offset[3 * n + 2] + height / 2;
      expect(middle).toBeCloseTo(candidates[3 * n + 2] + same.targets!.offset[3 * n + 2], 4);
    });
  });

  it('hold back ground where there is enough else', () => {
    const share = (groundShare: number) => {
      const { points } = pointSample(frame, Random.fromSeed(1), {
        config: tiny({ groundShare }),
        training: false,
      });
      return groundPoints(points).reduce((sum, each) => sum + each, 0) / (points.length / 4);
    };
    expect(share(0.02)).toBeLessThan(share(1));
  });
});

const balls = { radii: [1, 3], neighbors: [8, 8], widths: [[8], [8, 16]], out: 12 };

/** The encoder's features and the candidate's own height; and with all that a candidate can be told beside them. */
const kinds: ReadonlyArray<readonly [name: string, changes: Partial<Point3dConfig>]> = [
  ["with the encoder's features alone", { surroundings: null, heightFrom: 'candidate', averageIou: null }],
  [
    'with balls of its own, and boxes on the ground',
    { surroundings: balls, heightFrom: 'ground', averageIou: 0.3 },
  ],
  [
    'with balls of its own over an encoder that sees no coordinates',
    { surroundings: balls, pointEncoder: { ...tiny().pointEncoder, useXyz: false } },
  ],
  [
    'with offsets to the centres of the last level, over an encoder that sees no coordinates',
    { surroundings: null, lastLevel: 'offsets', pointEncoder: { ...tiny().pointEncoder, useXyz: false } },
  ],
];

describe.each(kinds)('decoding %s', (_, changes) => {
  it('gives back the labels of outputs that say just what the targets are', () => {
    const config = tiny({ scoreThreshold: 0.5, ...changes });
    const frame = frameWithCars(3);
    const sample = pointSample(frame, Random.fromSeed(1), {
      config: { ...config, view: { maxRotation: 0, scale: [1, 1], flipProbability: 0 } },
      training: true,
    });
    const { targets } = collatePoints([sample], config) as { targets: Tree<HostTensor> };
    const read = (name: string) => (targets[name] as HostTensor).data as Float32Array;
    const [classes, headingBin] = [read('classes'), read('headingBin')];
    const rows = sample.candidates.length / 3;
    const spread = new Float32Array(rows * config.headingBins);
    for (let n = 0; n < rows; n++)
      spread.fill(read('headingResidual')[n], n * config.headingBins, (n + 1) * config.headingBins);
    const outputs = {
      classes: float32(
        classes.map((each) => (each === 1 ? 6 : -6)),
        [rows, 3],
      ),
      quality: float32(new Float32Array(rows).fill(6), [rows, 1]),
      offset: targets.offset as HostTensor,
      logSize: targets.logSize as HostTensor,
      headingBin: float32(headingBin, [rows, config.headingBins]),
      headingResidual: float32(spread, [rows, config.headingBins]),
    };
    const [labels] = decodePoints(outputs, [sample], config);
    expect(labels).toHaveLength(2);
    for (const { box3, type, score, alpha, box2 } of labels) {
      const [best] = frame
        .labels!.map((label) => label.box3!)
        .sort((a, b) => birdsEyeIou(b, box3!) - birdsEyeIou(a, box3!));
      expect(iou3d(best, box3!)).toBeGreaterThan(0.999);
      expect(Math.abs(angleDifference(best.yaw, box3!.yaw))).toBeLessThan(1e-3);
      expect([type, score! > 0.9]).toEqual(['Car', true]);
      expect(Math.abs(alpha)).toBeLessThanOrEqual(Math.PI);
      expect(box2[2]).toBeGreaterThan(box2[0]);
    }
  });
});

describe.each(kinds)('the detector %s', (_, changes) => {
  const config = tiny(changes);
  const detector = new Point3d(config, 2);
  const samples = [4, 5].map((seed) =>
    pointSample(frameWithCars(seed), Random.fromSeed(seed), { config, training: true }),
  );
  const batch = detector.collate(samples);
  const { params, stats } = detector.initialize(Random.fromSeed(1));
  const tensors = (tree: Tree<HostTensor>) =>
    mapTree(tree, ({ data, shape, dtype }) => tf.tensor(data, [...shape], dtype as 'float32'));

  function gradients(which: Point3d) {
    const data = tensors(batch);
    return valueAndGrad((current) => {
      const result = which.loss({ params: current, stats: tensors(stats) }, data, { training: true });
      return { loss: result.loss, aux: { terms: result.terms } };
    }, tensors(params));
  }

  it('learns with every parameter, and not with frozen levels', () => {
    const all = [...gradients(detector).grads.keys()];
    expect(
      leavesOf(params)
        .map(([path]) => path)
        .filter((path) => !all.includes(path)),
    ).toEqual([]);
    const frozen = [...gradients(new Point3d(tiny({ frozenLevels: 1, ...changes }), 2)).grads.keys()];
    expect(all.filter((path) => !frozen.includes(path))).toEqual(
      all.filter((path) => path.startsWith('pointEncoder/sa1/')),
    );
  });

  it('has the gradient of its loss: finite differences in the head', () => {
    const { grads } = gradients(detector);
    // Not of the offset: the quality's target moves with it, and carries no gradient.
    const path = 'head/logSize/weight';
    const at = 5;
    const lossWith = (by: number) => {
      const moved = mapTree(params, (leaf, name) =>
        name === path
          ? float32(leaf.data.map((v, i) => (i === at ? v + by : v)) as Float32Array, leaf.shape)
          : leaf,
      );
      return detector
        .loss({ params: tensors(moved), stats: tensors(stats) }, tensors(batch), { training: true })
        .loss.dataSync()[0];
    };
    const difference = (lossWith(1e-2) - lossWith(-1e-2)) / 2e-2;
    expect(grads.get(path)!.dataSync()[at]).toBeCloseTo(difference, 3);
  });

  it('has a loss without any object that is a number', () => {
    const empty = [6, 7].map((seed) => {
      const frame = { ...frameWithCars(seed), labels: [] };
      return pointSample(frame, Random.fromSeed(seed), { config, training: true });
    });
    const { loss } = detector.loss(
      { params: tensors(params), stats: tensors(stats) },
      tensors(detector.collate(empty)),
      {
        training: true,
      },
    );
    expect(Number.isFinite(loss.dataSync()[0])).toBe(true);
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
    const eager = detector.loss({ params: tensors(params), stats: tensors(stats) }, tensors(batch), {
      training: true,
    });
    expect((outputs.loss as HostTensor).data[0]).toBeCloseTo(eager.loss.dataSync()[0], 3);
    await step.dispose();
  });

  it('looks at fewer frames than a batch, and sees in each what it sees in a full one', async () => {
    const low = new Point3d(tiny({ scoreThreshold: 0, ...changes }), 2);
    const predictor = await low.predictor({ params, stats });
    const [first, second] = await predictor.detect(samples);
    const [alone] = await predictor.detect(samples.slice(1));
    expect(alone).toEqual(second);
    expect(first).not.toEqual(second);
    const scores = first.map(({ score }) => score!);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    await predictor.dispose();
  });
});

describe('the configuration', () => {
  it('is without what it does not name, as in older runs', () => {
    const { surroundings, lastLevel, heightFrom, averageIou, ...older } = tiny();
    expect([surroundings === null, lastLevel, heightFrom, averageIou]).toEqual([
      ...[false, 'weighted', 'ground', 0.3],
    ]);
    expect(point3dSchema.parse(older)).toEqual({
      ...older,
      ...{ surroundings: null, lastLevel: 'weighted', heightFrom: 'candidate', averageIou: null },
    });
  });

  it.each([
    [{ candidateLevel: 2 }, 'candidateLevel', 'a level of the 2, 0 to 1'],
    [{ frozenLevels: 3 }, 'frozenLevels', 'at most the 2 levels'],
    [
      { candidateLevel: 1, lastLevel: 'offsets' as const },
      'lastLevel',
      "'weighted' for candidates of the last level",
    ],
    [{ ignoreMarginM: 0.1 }, 'ignoreMarginM', 'at least insideMarginM'],
    [{ classes: ['Boat'] as never }, 'classes', ''],
  ])('refuses %j', (changes, path, message) => {
    const { error } = point3dSchema.safeParse(tiny(changes));
    expect(error?.issues[0].path[0]).toBe(path);
    expect(error?.issues[0].message).toContain(message);
  });
});
