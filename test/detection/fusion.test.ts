import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Frame, ObjectLabel } from '../../src/datasets/frame.ts';
import { Fusion } from '../../src/detection/fusion.ts';
import { type FusionConfig, fusionSchema } from '../../src/detection/fusion-config.ts';
import { type FusionSample, fusionSample } from '../../src/detection/fusion-sample.ts';
import { pointSample } from '../../src/detection/point-sample.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { multiply34by44 } from '../../src/geometry/matrix.ts';
import { projectPoints } from '../../src/geometry/projection.ts';
import { isMirrored } from '../../src/geometry/view-transform.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { distance, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { syntheticFrame } from '../objectives/tiny-simipu.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';

function tiny(changes: Partial<FusionConfig> = {}): FusionConfig {
  const config = tinyDetector('fusion');
  if (config.detector !== 'fusion') throw new Error('another detector');
  return { ...config.fusion, ...changes };
}

/** The picture keeps its colours, so that they tell where a pixel comes from. */
const plain = (changes: Partial<FusionConfig> = {}) => {
  const config = tiny(changes);
  return { ...config, image: { ...config.image, jitter: 0 } };
};

const places: readonly Box3[] = [
  { center: [10, 1, -0.5], sizeM: [4, 1.7, 1.5], yaw: 0.4 },
  { center: [20, -4, -0.5], sizeM: [4, 1.7, 1.5], yaw: -2 },
];

/** A smooth picture, scattered points, and cars full of points. */
function frameWithCars(seed: number, cars = places): Frame {
  const frame = syntheticFrame(seed, { points: 300, width: 240, height: 80 });
  const random = Random.fromSeed(`cars ${seed}`);
  const inside = cars.flatMap(({ center: [x, y, z], sizeM, yaw }) =>
    Array.from({ length: 60 }, () => {
      const [a, b, c] = sizeM.map((side) => random.uniform(-side / 2, side / 2));
      const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
      return [x + cos * a - sin * b, y + sin * a + cos * b, z + c, random.uniform()];
    }).flat(),
  );
  const labels = cars.map(
    (box3): ObjectLabel => ({
      type: 'Car',
      truncation: 0,
      occlusion: 0,
      alpha: 0,
      box2: [0, 0, 10, 10],
      box3,
    }),
  );
  return { ...frame, points: Float32Array.from([...frame.points, ...inside]), labels };
}

const draw = (seed: number, config = plain(), frame = frameWithCars(seed), training = true) =>
  fusionSample(frame, Random.fromSeed(seed), { config, training });

/** Pixels of the original picture where a frame's camera sees places in the LiDAR frame. */
function seenAt(frame: Frame, xyz: Float32Array) {
  const { pixelFromCamera, cameraFromLidar } = frame.cameras[0];
  const { u, v } = projectPoints(xyz, 3, multiply34by44(pixelFromCamera, cameraFromLidar));
  return { u, v };
}

const deviations = [58.395, 57.12, 57.375];
const means = [123.675, 116.28, 103.53];

/** A colour between pixel centres, undefined near the edge. */
function colourAt(
  { data, width, height }: { data: ArrayLike<number>; width: number; height: number },
  [x, y]: readonly [number, number],
): number[] | undefined {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  if (!(left >= 1 && top >= 1 && left < width - 2 && top < height - 2)) return undefined;
  return [0, 1, 2].map((channel) => {
    const at = (i: number, j: number) => data[((top + j) * width + left + i) * 3 + channel];
    const [a, b] = [x - left, y - top];
    return (1 - b) * ((1 - a) * at(0, 0) + a * at(1, 0)) + b * ((1 - a) * at(0, 1) + a * at(1, 1));
  });
}

describe('a fusion sample', () => {
  it('has the very points, candidates and targets of point3d', () => {
    const [config, frame] = [plain(), frameWithCars(3)];
    const sample = draw(3, config, frame);
    expect(sample).toMatchObject(pointSample(frame, Random.fromSeed(3), { config, training: true }));
    expect(draw(3, config, frame)).toEqual(sample);
    expect(draw(4, config, frame).canvas).not.toEqual(sample.canvas);
  });

  it('mirrors the picture with the points', () => {
    const flips = Array.from({ length: 12 }, (_, seed) => {
      const { view, imageView } = draw(seed);
      expect(imageView.steps.some(({ kind }) => kind === 'flip')).toBe(isMirrored(view));
      return isMirrored(view);
    });
    expect(new Set(flips).size).toBe(2);
  });

  it('has candidates where the canvas shows what the camera saw of them, however both were drawn', () => {
    let compared = 0;
    for (let seed = 0; seed < 8; seed++) {
      const [config, frame] = [plain(), frameWithCars(seed)];
      const sample = draw(seed, config, frame);
      const { pixels } = sample;
      // The points themselves, found again by their reflectance: nothing here undoes a view.
      const original = new Map(
        Array.from({ length: frame.points.length / 4 }, (_, i) => {
          const row = frame.points.subarray(4 * i, 4 * i + 4);
          return [row[3], row] as const;
        }),
      );
      const source = frame.cameras[0].image;
      const canvas = { ...config.image, data: sample.canvas };
      sample.levels[0].centers.forEach((at, n) => {
        const { u, v } = seenAt(frame, original.get(sample.points[4 * at + 3])!.slice(0, 3));
        const expected = colourAt(source, [u[0], v[0]]);
        const drawn = colourAt(canvas, [pixels[2 * n], pixels[2 * n + 1]]);
        if (expected === undefined || drawn === undefined) return;
        drawn.forEach((value, k) => {
          expect(Math.abs(value * deviations[k] + means[k] - expected[k])).toBeLessThan(6);
        });
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(300);
  });

  it('has cells whose weighted middle is the pixel, and none off the canvas', () => {
    const config = plain();
    let [inside, outside] = [0, 0];
    for (let seed = 0; seed < 8; seed++) {
      const sample = draw(seed, { ...config, image: { ...config.image, scale: [1.2, 1.6] } });
      const { pixels } = sample;
      const columns = config.image.width / 4;
      for (let n = 0; n < pixels.length / 2; n++) {
        const cells = [...sample.cells.subarray(4 * n, 4 * n + 4)];
        const weights = [...sample.cellWeights.subarray(4 * n, 4 * n + 4)];
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const [x, y] = [pixels[2 * n], pixels[2 * n + 1]];
        if (x >= 0 && y >= 0 && x <= config.image.width - 4 && y <= config.image.height - 4) {
          const middle = (place: (cell: number) => number) =>
            cells.reduce((sum, cell, k) => sum + 4 * weights[k] * place(cell), 0);
          expect(total).toBeCloseTo(1, 4);
          expect(middle((cell) => cell % columns)).toBeCloseTo(x, 2);
          expect(middle((cell) => Math.floor(cell / columns))).toBeCloseTo(y, 2);
          inside++;
        } else if (x < -4 || y < -4 || x > config.image.width || y > config.image.height) {
          expect(total).toBe(0);
          outside++;
        }
      }
    }
    expect(inside).toBeGreaterThan(100);
    expect(outside).toBeGreaterThan(20);
  });

  it('is of the frame as it is without training, and needs no labels', () => {
    const frame = { ...frameWithCars(1), labels: undefined };
    const { view, imageView, targets } = draw(1, tiny(), frame, false);
    expect([view, targets]).toEqual([[], undefined]);
    expect(imageView.steps.map(({ kind }) => kind)).toEqual(['resize']);
    expect(() => draw(1, tiny(), frame)).toThrow(/expected labels, to train a detector/);
  });
});

describe('the detector', () => {
  const config = tiny();
  const detector = new Fusion(config, 2);
  const samples = [4, 5].map((seed) => draw(seed, config));
  const batch = detector.collate(samples);
  const { params, stats } = detector.initialize(Random.fromSeed(1));

  /** The loss but for the quality's, whose target moves with the offset and carries no gradient. */
  function lossOf(which: Fusion, current: Tree<tf.Tensor>) {
    const result = which.loss({ params: current, stats: uploadTree(stats) }, uploadTree(batch), {
      training: true,
    });
    const quality = tf.mul(leafAt(result.terms, 'quality'), config.lossWeights.quality);
    return { loss: tf.sub(result.loss, quality) as tf.Scalar, aux: { stats: result.stats } };
  }
  const gradients = (which: Fusion) => valueAndGrad((current) => lossOf(which, current), uploadTree(params));
  let kept: ReturnType<typeof gradients> | undefined;
  const free = () => {
    kept ??= gradients(detector);
    return kept;
  };

  it('stacks cells through the pictures, in the order of the candidates', () => {
    const cells = leafAt(batch, 'cells');
    expect(leafAt(batch, 'image').shape).toEqual([2, 32, 96, 3]);
    const perPicture = 24 * 8;
    const half = cells.data.length / 2;
    expect([...cells.data.subarray(half)]).toEqual([...samples[1].cells].map((cell) => cell + perPicture));
    expect(leafAt(branchAt(batch, 'targets'), 'positive').shape).toEqual([2 * 96]);
    const { targets: _, ...bare } = samples[0] as FusionSample;
    expect(Object.keys(detector.collate([bare, bare]))).not.toContain('targets');
  });

  it('has the encoders under the names that pretraining has them', () => {
    expect(Object.keys(params).sort()).toEqual(['fpn', 'head', 'imageEncoder', 'pointEncoder']);
    expect(Object.keys(stats).sort()).toEqual(['fpn', 'head', 'imageEncoder', 'pointEncoder']);
  });

  it('learns with every parameter of both branches, and gives back all statistics', () => {
    const { grads, aux } = free();
    const unused = leavesOf(params).flatMap(([path]) => (grads.has(path) ? [] : [path]));
    // Of the pyramid's maps only the finest is looked at.
    expect(unused.filter((path) => !/^fpn\/c[345]\/output\//.test(path))).toEqual([]);
    expect(leavesOf(branchAt(aux, 'stats')).map(([path]) => path)).toEqual(
      leavesOf(stats).map(([path]) => path),
    );
  });

  it('does not reach what is frozen', () => {
    const all = [...free().grads.keys()];
    const frozen = [...gradients(new Fusion(tiny({ frozenLevels: 1, frozenStages: 2 }), 2)).grads.keys()];
    const held = all.filter((path) => /^(pointEncoder\/sa1|imageEncoder\/(conv1|bn1|layer1))\//.test(path));
    expect(all.filter((path) => !frozen.includes(path))).toEqual(held);
    expect(held.length).toBeGreaterThan(10);
  });

  it("has the gradient of its loss in the picture's branch: finite differences", () => {
    const path = 'fpn/c2/output/bn/bias';
    const at = 3;
    const lossWith = (by: number) => {
      const moved = mapTree(uploadTree(params), (leaf, name) => {
        if (name !== path) return leaf;
        const values = leaf.dataSync().slice();
        values[at] += by;
        return tf.tensor(values, leaf.shape);
      });
      return lossOf(detector, moved).loss.dataSync()[0];
    };
    const difference = (lossWith(1e-2) - lossWith(-1e-2)) / 2e-2;
    expect(Math.abs(difference)).toBeGreaterThan(1e-3);
    expect(free().grads.get(path)!.dataSync()[at]).toBeCloseTo(difference, 2);
  });

  it('says of a candidate what its own picture shows: another picture changes what is said of it alone', () => {
    const changed = detector.collate([samples[0], { ...samples[1], canvas: samples[0].canvas }]);
    const said = (data: typeof batch) => {
      const pass = detector.loss({ params: uploadTree(params), stats: uploadTree(stats) }, uploadTree(data), {
        training: false,
      });
      return pass.loss.dataSync()[0];
    };
    expect(said(changed)).not.toBe(said(batch));
    const blind = (sample: FusionSample) => ({ ...sample, cellWeights: sample.cellWeights.map(() => 0) });
    const unseen = (canvas: Float32Array) => detector.collate(samples.map((s) => ({ ...blind(s), canvas })));
    expect(said(unseen(samples[0].canvas))).toBe(said(unseen(samples[1].canvas)));
  });

  it('computes the same compiled as in tfjs', async () => {
    const step = await compile(
      (state, data) => {
        const { loss, terms } = detector.loss(
          { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') },
          data,
          {
            training: true,
          },
        );
        return [state, { loss, ...terms }];
      },
      { state: { params, stats }, batch },
    );
    const outputs: Tree<HostTensor> = (await step.run({ params, stats }, batch)).outputs;
    const { loss, terms } = detector.loss(
      { params: uploadTree(params), stats: uploadTree(stats) },
      mapTree(batch, upload),
      {
        training: true,
      },
    );
    for (const [name, value] of Object.entries({ loss, ...terms }))
      expect(distance((outputs[name] as HostTensor).data, valuesOf(value)), name).toBeLessThan(1e-3);
    await step.dispose();
  });

  it('looks at fewer frames than a batch, without labels, and sees in each what it sees in a full one', async () => {
    const low = new Fusion(tiny({ scoreThreshold: 0 }), 2);
    const bare = [4, 5].map((seed) =>
      draw(seed, config, { ...frameWithCars(seed), labels: undefined }, false),
    );
    const predictor = await low.predictor({ params, stats });
    const [first, second] = await predictor.detect(bare);
    const [alone] = await predictor.detect(bare.slice(1));
    expect(alone).toEqual(second);
    expect(first).not.toEqual(second);
    expect(first.length).toBeGreaterThan(0);
    await predictor.dispose();
  });
});

describe('the configuration', () => {
  it.each([
    [{ candidateLevel: 2 }, 'candidateLevel', 'a level of the 2, 0 to 1'],
    [{ frozenStages: 6 }, 'frozenStages', ''],
    [{ image: { ...tiny().image, width: 100 } }, 'image', ''],
    [{ image: { ...tiny().image, flipProbability: 0.5 } as never }, 'image', 'flipProbability'],
  ])('refuses %j', (changes, path, message) => {
    const { error } = fusionSchema.safeParse(tiny(changes));
    expect(error?.issues[0].path[0]).toBe(path);
    expect(error?.issues[0].message).toContain(message);
  });
});
