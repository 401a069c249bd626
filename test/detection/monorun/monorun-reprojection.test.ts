import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  meanOver,
  type ObjectPoses,
  objectPoints,
  poseKl,
  projectObjects,
  reprojectionError,
  robustKl,
  scoreTarget,
} from '../../../src/detection/monorun/monorun-reprojection.ts';
import {
  COORDINATE_MEAN,
  COORDINATE_STD,
  errorUnitPx,
} from '../../../src/detection/monorun/monorun-units.ts';
import { compile } from '../../../src/engine/compile.ts';
import { float32, type HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import { kittiFromBox } from '../../../src/geometry/kitti-box.ts';
import { rigidTransform } from '../../../src/geometry/rigid-transform.ts';
import { leafAt } from '../../../src/nn/layer.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { distance, expectGradients, randomTensor, uploadTree, valuesOf } from '../../nn/tensors.ts';

const camera = [320, 310, 210, 60];
const picture = [448, 128] as const;

/** Objects 8 to 40 m away, and the same numbers as tensors. */
function scene(count: number, cells: number) {
  const random = Random.fromSeed(`scene ${count}`);
  const yaws = Array.from({ length: count }, () => random.uniform(-3, 3));
  const places = yaws.map(() => {
    const z = random.uniform(8, 40);
    return [random.uniform(-0.5, 0.5) * z, random.uniform(1.2, 1.8), z];
  });
  const sizes = yaws.map(() => [
    random.uniform(3.4, 4.6),
    random.uniform(1.4, 1.7),
    random.uniform(1.5, 1.8),
  ]);
  const coded = valuesOf(randomTensor('coded', [count, cells, 3]));
  const poses: ObjectPoses = {
    cos: tf.tensor(yaws.map(Math.cos), [count, 1]),
    sin: tf.tensor(yaws.map(Math.sin), [count, 1]),
    translation: tf.tensor(places),
    camera: tf.tensor(yaws.map(() => camera)),
  };
  return { yaws, places, sizes, coded, poses };
}

/** A coded coordinate of an object on the picture, in plain numbers. */
function seen(coded: readonly number[], size: number[], yaw: number, [tx, ty, tz]: number[]) {
  const [x, y, z] = coded.map((c, k) => (c * COORDINATE_STD[k] + COORDINATE_MEAN[k]) * size[k]);
  const depth = Math.max(0.5, Math.cos(yaw) * z - Math.sin(yaw) * x + tz);
  const [fx, fy, cx, cy] = camera;
  return [(fx * (Math.cos(yaw) * x + Math.sin(yaw) * z + tx)) / depth + cx, (fy * (y + ty)) / depth + cy];
}

describe('projectObjects', () => {
  it('puts points where the pose and the camera have them', () => {
    const [count, cells] = [4, 10];
    const { yaws, places, sizes, coded, poses } = scene(count, cells);
    const points = objectPoints(tf.tensor(coded, [count, cells, 3]), tf.tensor(sizes));
    const pixels = valuesOf(projectObjects(points, poses));
    const expected = yaws.flatMap((yaw, r) =>
      Array.from({ length: cells }, (_, s) => {
        const at = 3 * (r * cells + s);
        return seen(coded.slice(at, at + 3), sizes[r], yaw, places[r]);
      }).flat(),
    );
    expect(distance(pixels, expected)).toBeLessThan(2e-3);
  });

  it('means KITTI\u2019s frames: the bottom is at y = 0, the front at +x, and rotation_y turns it', () => {
    // A car 10 m ahead that looks away from the camera, in a LiDAR frame whose axes are the camera's turned.
    const cameraFromLidar = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0]);
    const car = kittiFromBox({ center: [10, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 }, cameraFromLidar);
    const poses: ObjectPoses = {
      cos: tf.tensor([Math.cos(car.rotationY)], [1, 1]),
      sin: tf.tensor([Math.sin(car.rotationY)], [1, 1]),
      translation: tf.tensor([car.location]) as tf.Tensor,
      camera: tf.tensor([[100, 100, 0, 0]]),
    };
    // The left end of the front bumper (the object's z is to its left), and the middle of the roof at the rear: seen from
    // behind, left is at -u and up at -v.
    const points = tf.tensor([2, 0, 1, -2, -1.5, 0], [1, 2, 3]);
    const [u, v, ru, rv] = valuesOf(projectObjects(points, poses));
    expect(u).toBeCloseTo((-100 * 1) / 12, 3);
    expect(v).toBeCloseTo((100 * 0.75) / 12, 3);
    expect([ru, rv]).toEqual([expect.closeTo(0, 3), expect.closeTo((-100 * 0.75) / 8, 3)]);
  });

  it('projects nothing from nearer than half a metre', () => {
    const { poses } = scene(1, 1);
    const near = { ...poses, translation: tf.tensor([[0.2, 0.1, -3]]) };
    const [fx, fy, cx, cy] = camera;
    const pixels = valuesOf(projectObjects(tf.zeros([1, 1, 3]), near));
    expect(distance(pixels, [(fx * 0.2) / 0.5 + cx, (fy * 0.1) / 0.5 + cy])).toBeLessThan(1e-3);
  });
});

describe('reprojectionError', () => {
  const [count, cells] = [3, 6];
  const { yaws, places, sizes, coded, poses } = scene(count, cells);
  const units = places.map((place) => errorUnitPx(camera[0], Math.hypot(...place)));
  const errorOf = (values: tf.Tensor, at: tf.Tensor, where = poses) =>
    reprojectionError({
      points: objectPoints(values, tf.tensor(sizes)),
      cells: at,
      poses: where,
      unitPx: tf.tensor(units, [count, 1]),
      picture,
    });
  const pixels = yaws.flatMap((yaw, r) =>
    Array.from({ length: cells }, (_, s) => {
      const at = 3 * (r * cells + s);
      return seen(coded.slice(at, at + 3), sizes[r], yaw, places[r]);
    }),
  );
  const values = tf.tensor(coded, [count, cells, 3]);

  it('is zero for true coordinates, and counts pixels in the unit of the distance', () => {
    const exact = errorOf(values, tf.tensor(pixels.flat(), [count, cells, 2]));
    expect(distance(valuesOf(exact), new Float32Array(count * cells * 2))).toBeLessThan(1e-3);
    const moved = pixels.map(([u, v]) => [u - 3, v + 2]);
    const error = valuesOf(errorOf(values, tf.tensor(moved.flat(), [count, cells, 2])));
    const expected = moved.flatMap((_, i) => {
      const unit = units[Math.floor(i / cells)];
      return [3 / unit, -2 / unit];
    });
    expect(distance(error, expected)).toBeLessThan(1e-3);
  });

  it('has a unit of 15 % of a car\u2019s height on the picture', () => {
    // KITTI's camera: 1.6 m at 20 m are 58 pixels.
    expect(errorUnitPx(722, 20)).toBeCloseTo(8.664, 10);
    expect(errorUnitPx(361, 40)).toBeCloseTo(errorUnitPx(722, 20) / 4, 10);
  });

  it('holds what falls far outside of the picture at 200 pixels from it, without a gradient', () => {
    const near = { ...poses, translation: tf.tensor(places.map(() => [-30, 40, 0.6])) };
    const centre = tf.zeros([count, cells, 2]);
    const error = valuesOf(errorOf(values, centre, near));
    error.forEach((value, i) => {
      const border = i % 2 === 0 ? -200 : picture[1] + 200;
      expect(value * units[Math.floor(i / (2 * cells))]).toBeCloseTo(border, 2);
    });
    const { grads } = valueAndGrad(
      (tree) => ({
        loss: tf.sum(tf.square(errorOf(leafAt(tree, 'coded'), centre, near))) as tf.Scalar,
        aux: {},
      }),
      { coded: values },
    );
    expect(valuesOf(grads.get('coded')!).every((value) => value === 0)).toBe(true);
  });

  it('leads coordinates to the places of their cells: its gradient is that of differences', () => {
    const at = tf.tensor(
      pixels.flatMap(([u, v], i) => [u + (i % 5) - 2, v - (i % 3) + 1]),
      [count, cells, 2],
    );
    expectGradients((tree) => tf.mean(tf.square(errorOf(leafAt(tree, 'coded'), at))) as tf.Scalar, {
      coded: values,
    });
  });
});

/** The robust KL loss of one element in plain numbers. */
function plainKl(error: number, logStd: number, meanWeight: number): number {
  const d = Math.abs(error) * Math.min(1e4, Math.exp(-logStd));
  const delta = Math.SQRT2;
  const rho = d < delta ? d ** 2 / 2 : delta * (d - delta / 2);
  return (rho + logStd) / Math.max(meanWeight, 1e-6);
}

describe('robustKl', () => {
  const error = randomTensor('error', [3, 5, 2], 2);
  const logStd = randomTensor('log std', [3, 5, 2], 0.7);
  const all = tf.ones([3, 1, 1]);
  const some = tf.tensor([1, 0, 1], [3, 1, 1]);

  it.each([
    ['all', all],
    ['some', some],
  ])('has the value of the formula, its mean weight moved before it divides (%s count)', (_, counted) => {
    const { loss, meanWeight } = robustKl(error, logStd, {
      meanWeight: tf.tensor1d([0.4]),
      counted,
      training: true,
    });
    const [errors, logs] = [valuesOf(error), valuesOf(logStd)];
    const weights = logs
      .filter((_, i) => valuesOf(counted)[Math.floor(i / 10)] === 1)
      .map((s) => Math.exp(-s));
    const moved = 0.9 * 0.4 + (0.1 * weights.reduce((sum, w) => sum + w, 0)) / weights.length;
    expect(valuesOf(meanWeight)[0]).toBeCloseTo(moved, 5);
    const expected = errors.map((e, i) => plainKl(e, logs[i], moved));
    expect(distance(valuesOf(loss), expected)).toBeLessThan(5e-3);
  });

  it('leaves the mean weight alone where it does not train, and where nothing counts', () => {
    const meanWeight = tf.tensor1d([0.4]);
    const still = robustKl(error, logStd, { meanWeight, counted: all, training: false });
    expect(valuesOf(still.meanWeight)[0]).toBeCloseTo(0.4, 6);
    expect(valuesOf(still.loss)[3]).toBeCloseTo(plainKl(valuesOf(error)[3], valuesOf(logStd)[3], 0.4), 3);
    const none = robustKl(error, logStd, { meanWeight, counted: tf.zeros([3, 1, 1]), training: true });
    expect(valuesOf(none.meanWeight)[0]).toBeCloseTo(0.4, 6);
    expect(valuesOf(meanOver(none.loss, tf.zeros([3, 1, 1])))[0]).toBe(0);
  });

  it('has the gradient of differences with the mean weight held, which carries none', () => {
    const meanWeight = tf.tensor1d([0.8]);
    const loss = (training: boolean, weight: tf.Tensor) => (tree: Tree<tf.Tensor>) =>
      meanOver(
        robustKl(leafAt(tree, 'error'), leafAt(tree, 'logStd'), {
          meanWeight: weight,
          counted: some,
          training,
        }).loss,
        some,
      );
    expectGradients(loss(false, meanWeight), { error, logStd }, { step: 5e-3, elements: 30 });
    // In training the gradient is that of a divisor which is a constant, the moved mean weight.
    const moved = robustKl(error, logStd, { meanWeight, counted: some, training: true }).meanWeight;
    const gradient = (f: (tree: Tree<tf.Tensor>) => tf.Scalar) =>
      valuesOf(valueAndGrad((tree) => ({ loss: f(tree), aux: {} }), { error, logStd }).grads.get('logStd')!);
    expect(distance(gradient(loss(true, meanWeight)), gradient(loss(false, moved)))).toBeLessThan(1e-6);
  });

  it('is least where σ is the error, and grows linearly with what is far off', () => {
    const at = (e: number, s: number) =>
      valuesOf(
        robustKl(tf.tensor([e], [1, 1, 1]), tf.tensor([s], [1, 1, 1]), {
          meanWeight: tf.tensor1d([1]),
          counted: tf.ones([1, 1, 1]),
          training: false,
        }).loss,
      )[0];
    const best = at(0.3, Math.log(0.3));
    expect(at(0.3, Math.log(0.3) - 0.2)).toBeGreaterThan(best);
    expect(at(0.3, Math.log(0.3) + 0.2)).toBeGreaterThan(best);
    expect(at(101, 0) - at(100, 0)).toBeCloseTo(Math.SQRT2, 2);
    // A weight counts at most 10,000.
    expect(at(1, -20)).toBeCloseTo(Math.SQRT2 * (1e4 - Math.SQRT2 / 2) - 20, -1);
  });

  it('has no NaN for absurd deviations', () => {
    const extreme = tf.tensor([-200, 200, -90, 90, 0, 1], [1, 3, 2]);
    const { loss, grads } = valueAndGrad(
      (tree) => {
        const { loss } = robustKl(leafAt(tree, 'error'), leafAt(tree, 'logStd'), {
          meanWeight: tf.tensor1d([1]),
          counted: tf.ones([1, 1, 1]),
          training: true,
        });
        return { loss: tf.mean(loss) as tf.Scalar, aux: {} };
      },
      { error: tf.tensor([0, 0, 1, 1, 0, -3], [1, 3, 2]), logStd: extreme },
    );
    expect([loss, ...grads.values()].flatMap(valuesOf).every(Number.isFinite)).toBe(true);
  });
});

describe('MonoRUn\u2019s self-supervision', () => {
  it('gives the same by ONNX Runtime, gradients included', async () => {
    const [count, cells] = [3, 8];
    const { places, sizes, coded, yaws } = scene(count, cells);
    const state: Tree<HostTensor> = {
      coded: float32(coded, [count, cells, 3]),
      logStd: float32(valuesOf(randomTensor('s', [count, cells, 2], 0.3)), [count, cells, 2]),
      meanWeight: float32([1], [1]),
    };
    const batch: Tree<HostTensor> = {
      sizes: float32(sizes.flat(), [count, 3]),
      cells: float32(valuesOf(randomTensor('at', [count, cells, 2], 60)), [count, cells, 2]),
      cos: float32(yaws.map(Math.cos), [count, 1]),
      sin: float32(yaws.map(Math.sin), [count, 1]),
      translation: float32(places.flat(), [count, 3]),
      camera: float32(
        yaws.flatMap(() => camera),
        [count, 4],
      ),
      unitPx: float32(
        places.map((place) => errorUnitPx(camera[0], Math.hypot(...place))),
        [count, 1],
      ),
      counted: float32([1, 1, 0], [count, 1, 1]),
    };
    const step = (model: Tree<tf.Tensor>, data: Tree<tf.Tensor>): [Tree<tf.Tensor>, Tree<tf.Tensor>] => {
      const at = (name: string) => leafAt(data, name);
      const { loss, aux, grads } = valueAndGrad(
        (params) => {
          const error = reprojectionError({
            points: objectPoints(leafAt(params, 'coded'), at('sizes')),
            cells: at('cells'),
            poses: { cos: at('cos'), sin: at('sin'), translation: at('translation'), camera: at('camera') },
            unitPx: at('unitPx'),
            picture,
          });
          const kl = robustKl(error, leafAt(params, 'logStd'), {
            meanWeight: leafAt(model, 'meanWeight'),
            counted: at('counted'),
            training: true,
          });
          return { loss: meanOver(kl.loss, at('counted')), aux: { meanWeight: kl.meanWeight } };
        },
        { coded: leafAt(model, 'coded'), logStd: leafAt(model, 'logStd') },
      );
      const outputs = { loss, coded: grads.get('coded')!, logStd: grads.get('logStd')! };
      return [{ ...model, meanWeight: leafAt(aux, 'meanWeight') }, outputs];
    };
    const compiled = await compile(step, { state, batch });
    const result = await compiled.run(state, batch);
    const [, eager] = step(uploadTree(state), uploadTree(batch));
    for (const name of ['loss', 'coded', 'logStd']) {
      const found = (result.outputs as Record<string, HostTensor>)[name].data as Float32Array;
      const expected = valuesOf(leafAt(eager, name));
      const scale = Math.max(1e-3, ...expected.map(Math.abs));
      expect(scale).toBeGreaterThan(1e-3);
      expect(distance(found, expected) / scale).toBeLessThan(1e-4);
    }
    await compiled.dispose();
  });

  it('lets coordinates alone fall into place: gradient descent from nothing finds pixels', () => {
    const [count, cells] = [2, 12];
    const { places, sizes, coded, poses } = scene(count, cells);
    const truth = objectPoints(tf.tensor(coded, [count, cells, 3]), tf.tensor(sizes));
    const at = projectObjects(truth, poses);
    let values: tf.Tensor = tf.zeros([count, cells, 3]);
    const loss = (current: tf.Tensor) =>
      tf.mean(
        tf.square(
          reprojectionError({
            points: objectPoints(current, tf.tensor(sizes)),
            cells: at,
            poses,
            unitPx: tf.tensor(
              places.map((place) => errorUnitPx(camera[0], Math.hypot(...place))),
              [count, 1],
            ),
            picture,
          }),
        ),
      ) as tf.Scalar;
    const before = valuesOf(loss(values))[0];
    const gradient = tf.grad(loss);
    for (let i = 0; i < 150; i++) values = tf.sub(values, tf.mul(gradient(values), 0.5));
    expect(valuesOf(loss(values))[0]).toBeLessThan(before / 200);
  });
});

describe('poseKl', () => {
  const rows = 6;
  const errors = valuesOf(randomTensor('pose errors', [rows, 4], 0.7));
  errors[1] = 40;
  const logScales = [0.3, -0.2, 0.5, 0.1];
  // L·Lᵀ of lower triangles: precisions that are positive definite.
  const precisions = Array.from({ length: rows }, (_, r) => {
    const l = valuesOf(randomTensor(`precision ${r}`, [16])).map((v, i) =>
      i % 4 > i >> 2 ? 0 : v + (i % 5 ? 0 : 2),
    );
    return Array.from({ length: 16 }, (_, i) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + l[4 * (i >> 2) + k] * l[4 * (i & 3) + k], 0),
    );
  });
  const loss = (scales: tf.Tensor) =>
    poseKl(tf.tensor(errors, [rows, 4]), tf.tensor(precisions.flat(), [rows, 4, 4]), scales);

  it('is half the squared length in scaled deviations, its root beyond 2\u221a2, and the logarithm of the scales', () => {
    const found = valuesOf(loss(tf.tensor(logScales)));
    for (let r = 0; r < rows; r++) {
      const q = logScales.map((scale, k) => errors[4 * r + k] / Math.exp(scale));
      let squared = 0;
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 4; j++) squared += q[i] * precisions[r][4 * i + j] * q[j];
      const d = Math.sqrt(squared);
      const most = 2 * Math.SQRT2;
      const rho = d < most ? d ** 2 / 2 : most * (d - most / 2);
      const expected = rho + logScales.reduce((a, b) => a + b, 0);
      expect(found[r] / expected).toBeCloseTo(1, 4);
    }
    expect(Math.max(...found)).toBeLessThan(1000);
  });

  it('has the gradient of finite differences, and none that is no number where nothing is off', () => {
    expectGradients((params) => tf.sum(loss(leafAt(params, 'scales'))) as tf.Scalar, {
      scales: tf.tensor(logScales),
    });
    const { grads } = valueAndGrad(
      (params) => ({
        loss: tf.sum(
          poseKl(tf.zeros([1, 4]), tf.tensor(precisions[0], [1, 4, 4]), leafAt(params, 'scales')),
        ) as tf.Scalar,
        aux: {},
      }),
      { scales: tf.tensor(logScales) },
    );
    for (const value of valuesOf(grads.get('scales')!)) expect(value).toBeCloseTo(1, 5);
  });
});

describe('scoreTarget', () => {
  it('is 0 up to an overlap of a quarter, and 1 from three quarters on', () => {
    expect([0, 0.25, 0.5, 0.75, 1].map(scoreTarget)).toEqual([0, 0, 0.5, 1, 1]);
  });
});
