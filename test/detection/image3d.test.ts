import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Frame, ObjectLabel } from '../../src/datasets/frame.ts';
import { boxOf, centerOf, findPeaks } from '../../src/detection/center-decode.ts';
import { centerTargets, toCells, toPixels } from '../../src/detection/center-targets.ts';
import { observationAngle } from '../../src/detection/detection-label.ts';
import { atDepth, canvasPicture } from '../../src/detection/image-sample.ts';
import { Image3d } from '../../src/detection/image3d.ts';
import { type Image3dConfig, image3dSchema } from '../../src/detection/image3d-config.ts';
import { decodeImage3d } from '../../src/detection/image3d-decode.ts';
import { canvasObjects, centerPixel, gridOf, image3dSample } from '../../src/detection/image3d-sample.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { angleDifference } from '../../src/geometry/angle.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { imageIou, iou3d } from '../../src/geometry/box-overlap.ts';
import { projectBox } from '../../src/geometry/box-projection.ts';
import { multiply34by44 } from '../../src/geometry/matrix.ts';
import { mapPixel } from '../../src/image/image-view.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { syntheticFrame } from '../objectives/tiny-simipu.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';

beforeAll(() => tf.setBackend('cpu'));

function tiny(changes: Partial<Image3dConfig> = {}): Image3dConfig {
  const config = tinyDetector('image3d');
  if (config.detector !== 'image3d') throw new Error('another detector');
  return { ...config.image3d, ...changes };
}

/** A picture with labelled cars whose 2D boxes are their projections. */
function frameWithCars(seed: number, wanted: Box3[] = [place(12, 1, 0.4), place(25, -5, -2.2)]): Frame {
  const frame = syntheticFrame(seed, { width: 480, height: 160 });
  const camera = frame.cameras[0];
  const pixelFromLidar = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const labels = wanted.map(
    (box3): ObjectLabel => ({
      type: 'Car',
      truncation: 0,
      occlusion: 0,
      alpha: observationAngle(box3, camera.cameraFromLidar),
      box2: projectBox(box3, pixelFromLidar, camera.image)!,
      box3,
    }),
  );
  return { ...frame, labels };
}

function place(x: number, y: number, yaw: number): Box3 {
  return { center: [x, y, -0.8], sizeM: [4.1, 1.7, 1.5], yaw };
}

describe('centre targets', () => {
  const grid = { width: 20, height: 10, stride: 4 };
  const options = { grid, classes: 2, maxObjects: 3 };
  const object = (x: number, y: number, classIndex = 0) => ({
    classIndex,
    center: [x, y] as const,
    box: [x - 10, y - 6, x + 12, y + 8] as const,
  });

  it('put a one at the cell of the centre, and offsets and sides lead back to centre and box', () => {
    const { targets } = centerTargets([object(33.3, 18.2, 1)], [], options);
    const cell = targets.cells[0];
    expect(targets.heat[cell * 2 + 1]).toBe(1);
    expect(targets.heat.filter((value) => value === 1)).toHaveLength(1);
    const peak = { classIndex: 1, score: 1, cell, column: cell % 20, row: Math.floor(cell / 20) };
    const [x, y] = centerOf(peak, targets.offset, grid);
    expect([x, y]).toEqual([expect.closeTo(33.3, 4), expect.closeTo(18.2, 4)]);
    boxOf(peak, targets.sides, grid).forEach((side, k) => {
      expect(side).toBeCloseTo(object(33.3, 18.2).box[k], 4);
    });
    expect(toPixels(toCells(17.5, 4), 4)).toBeCloseTo(17.5, 12);
  });

  it('put a centre outside of the canvas on its edge, and the offset carries the rest', () => {
    const { targets } = centerTargets([object(-30, 18)], [], options);
    expect(targets.cells[0] % 20).toBe(0);
    expect(targets.offset[0]).toBeCloseTo(toCells(-30, 4), 5);
  });

  it('count nothing in ignored regions but a peak, and keep the largest objects', () => {
    const small = { ...object(20, 20), box: [18, 18, 22, 22] as const };
    const many = [small, object(40, 20), object(60, 20), object(30, 30)];
    const { targets, order } = centerTargets(many, [[0, 0, 79, 39]], options);
    expect(order).toEqual([1, 2, 3]);
    expect([...targets.mask]).toEqual([1, 1, 1]);
    expect(targets.heatWeights.reduce((sum, weight) => sum + weight, 0)).toBe(3);
  });

  it('describe the larger of two objects in one cell, and ignore what is beyond the most', () => {
    const far = { ...object(41, 21), box: [38, 18, 44, 24] as const };
    const { targets, order } = centerTargets([far, object(40, 20)], [], options);
    expect(order).toEqual([1, 0]);
    expect([...targets.mask]).toEqual([1, 0, 0]);
    const crowd = [
      object(10, 10),
      object(30, 10),
      object(50, 10),
      { ...far, center: [70, 30], box: [66, 26, 74, 34] } as const,
    ];
    const { targets: most } = centerTargets(crowd, [], options);
    expect(most.heatWeights[Math.round(toCells(30, 4)) * 20 + Math.round(toCells(70, 4))]).toBe(0);
  });

  it('find their own peaks again', () => {
    const { targets } = centerTargets([object(12, 10), object(60, 30, 1)], [], options);
    const logits = targets.heat.map((value) => (value - 0.5) * 10);
    const found = findPeaks(logits, { grid, classes: 2, threshold: 0.3, maxPeaks: 5 });
    expect(found.map(({ cell, classIndex }) => [cell, classIndex]).sort()).toEqual(
      [
        [targets.cells[0], 0],
        [targets.cells[1], 1],
      ].sort(),
    );
    expect(findPeaks(logits, { grid, classes: 2, threshold: 0.3, maxPeaks: 1 })).toHaveLength(1);
    expect(findPeaks(new Float32Array(400), { grid, classes: 2, threshold: 0.3, maxPeaks: 9 })).toHaveLength(
      2,
    );
  });
});

describe('a canvas', () => {
  const config = tiny();
  it.each([false, true])(
    'has a camera that puts objects where the picture has them, mirrored: %s',
    (mirrored) => {
      const frame = frameWithCars(1);
      for (let seed = 0; seed < 4; seed++) {
        const picture = canvasPicture(frame, Random.fromSeed(seed), { config, training: true, mirrored });
        const { wanted } = canvasObjects(frame, picture, config);
        wanted.forEach(({ object }) => {
          const camera = frame.cameras[0];
          const labelled = frame.labels!.find(({ box3 }) => {
            const expected = projectCenter(box3!, camera);
            const [x, y] = mapPixel(picture.imageView, ...expected);
            const [u, v] = centerPixel(object, picture);
            return Math.hypot(x - u, y - v) < 1e-3;
          });
          expect(labelled).toBeDefined();
          const [u, v] = centerPixel(object, picture);
          const middle = [object.location[0], object.location[1] - object.sizeM[0] / 2, object.location[2]];
          atDepth(picture.canvasFromCamera, [u, v], object.location[2]).forEach((value, k) => {
            expect(value).toBeCloseTo(middle[k], 6);
          });
        });
        expect(wanted.length).toBeGreaterThan(0);
        expect(picture.canvasFromCamera[0]).toBeGreaterThan(0);
      }
    },
  );
});

function projectCenter(box: Box3, camera: Frame['cameras'][number]): [number, number] {
  const m = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const [x, y, z] = box.center;
  const row = (r: number) => m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3];
  return [row(0) / row(8), row(4) / row(8)];
}

describe('decoding', () => {
  it('gives back the labels of outputs that say just what the targets are', () => {
    const config = tiny({
      image: { ...tiny().image, width: 480, height: 160, scale: [1, 1], flipProbability: 0, jitter: 0 },
    });
    const frame = frameWithCars(2);
    const sample = image3dSample(frame, Random.fromSeed(1), { config, training: true });
    const targets = sample.targets!;
    const grid = gridOf(config);
    const cells = grid.width * grid.height;
    const dense = (values: Float32Array, width: number) => {
      const rows = new Float32Array(cells * width);
      targets.cells.forEach((cell, m) => {
        if (targets.mask[m] === 1) rows.set(values.subarray(m * width, (m + 1) * width), cell * width);
      });
      return float32(rows, [cells, width]);
    };
    const bins = config.headingBins;
    const residuals = Float32Array.from(
      { length: config.maxObjects * bins },
      (_, i) => targets.headingResidual[Math.floor(i / bins)],
    );
    const outputs = {
      peaks: float32(
        targets.heat.map((value) => (value - 0.5) * 20),
        [cells, 3],
      ),
      offset: dense(targets.offset, 2),
      sides: dense(targets.sides, 4),
      depth: dense(targets.depth, 1),
      depthLogDeviation: float32(new Float32Array(cells).fill(-4), [cells, 1]),
      logSize: dense(targets.logSize, 3),
      headingBin: dense(targets.headingBin, bins),
      headingResidual: dense(residuals, bins),
    };
    const [labels] = decodeImage3d(outputs, [sample], { ...config, scoreThreshold: 0.9 });
    expect(labels).toHaveLength(2);
    for (const label of frame.labels!) {
      const found = labels.find(({ box3 }) => iou3d(box3!, label.box3!) > 0.99)!;
      expect(found).toBeDefined();
      expect(imageIou(found.box2, label.box2)).toBeGreaterThan(0.99);
      expect(Math.abs(angleDifference(found.alpha, label.alpha))).toBeLessThan(0.02);
      expect(found.score).toBeGreaterThan(0.9);
    }
  });
});

describe('the detector', () => {
  const config = tiny();
  const detector = new Image3d(config, 2);
  const samples = [4, 5].map((seed) =>
    image3dSample(frameWithCars(seed), Random.fromSeed(seed), { config, training: true }),
  );
  const batch = detector.collate(samples);
  const { params, stats } = detector.initialize(Random.fromSeed(1));
  const tensors = (tree: Tree<HostTensor>) =>
    mapTree(tree, ({ data, shape, dtype }) => tf.tensor(data, [...shape], dtype as 'float32'));
  const lossOf = (which: Image3d, of = batch) =>
    which.loss({ params: tensors(params), stats: tensors(stats) }, tensors(of), { training: true });

  it('learns with every parameter, and not with frozen stages', () => {
    const reached = (which: Image3d) => {
      const data = tensors(batch);
      const { grads } = valueAndGrad((current) => {
        const result = which.loss({ params: current, stats: tensors(stats) }, data, { training: true });
        return { loss: result.loss, aux: {} };
      }, tensors(params));
      return [...grads.keys()];
    };
    const all = reached(detector);
    // Of the pyramid only the finest level is smoothed: the other levels' smoothing is there for other heads.
    const idle = leavesOf(params)
      .map(([path]) => path)
      .filter((path) => !all.includes(path));
    expect(idle.every((path) => /^fpn\/c[345]\/output\//.test(path))).toBe(true);
    const frozen = reached(new Image3d(tiny({ frozenStages: 2 }), 2));
    expect(all.filter((path) => !frozen.includes(path))).toEqual(
      all.filter((path) => /^imageEncoder\/(conv1|bn1|layer1)\//.test(path)),
    );
  });

  it('has a loss without any object that is a number', () => {
    const empty = [6, 7].map((seed) =>
      image3dSample({ ...frameWithCars(seed), labels: [] }, Random.fromSeed(seed), {
        config,
        training: true,
      }),
    );
    expect(Number.isFinite(lossOf(detector, detector.collate(empty)).loss.dataSync()[0])).toBe(true);
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
        return [state, { loss: result.loss }];
      },
      { state: { params, stats }, batch },
    );
    const { outputs } = await step.run({ params, stats }, batch);
    expect((outputs.loss as HostTensor).data[0]).toBeCloseTo(lossOf(detector).loss.dataSync()[0], 2);
    await step.dispose();
  });

  it('looks at fewer frames than a batch, and sees in each what it sees in a full one', async () => {
    const low = new Image3d(tiny({ scoreThreshold: 0.001 }), 2);
    const predictor = await low.predictor({ params, stats });
    const still = [4, 5].map((seed) =>
      image3dSample(frameWithCars(seed), Random.fromSeed(seed), { config, training: false }),
    );
    const [first, second] = await predictor.detect(still);
    const [alone] = await predictor.detect(still.slice(1));
    expect(alone).toEqual(second);
    expect(first.length).toBeGreaterThan(0);
    for (const { box2 } of first) {
      expect(box2[0]).toBeGreaterThanOrEqual(0);
      expect(box2[2]).toBeLessThanOrEqual(479);
    }
    await predictor.dispose();
  });
});

describe('the configuration', () => {
  it.each([
    [{ frozenStages: 6 }, 'frozenStages'],
    [{ image: { ...tiny().image, width: 100 } }, 'image'],
    [{ classes: [] as never }, 'classes'],
  ])('refuses %j', (changes, path) => {
    expect(image3dSchema.safeParse(tiny(changes)).error?.issues[0].path[0]).toBe(path);
  });
});
