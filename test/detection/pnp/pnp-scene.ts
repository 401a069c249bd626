import type { PnpCells } from '../../../src/detection/pnp/uncertainty-pnp.ts';
import type { Random } from '../../../src/engine/random.ts';

/** KITTI's second camera, or nearly. */
export const intrinsics = { fx: 721.5, fy: 719, cx: 609.6, cy: 172.9 };

export type Pose4 = readonly [yaw: number, tx: number, ty: number, tz: number];

/** A car on the road, 5 to `farthestM` metres away, looking anywhere. */
export function randomPose(random: Random, farthestM = 60): Pose4 {
  const depth = random.uniform(5, farthestM);
  const yaw = random.uniform(-Math.PI, Math.PI);
  return [yaw, random.uniform(-0.6, 0.6) * depth, random.uniform(1.3, 1.9), depth];
}

/** Points in a car's box (origin at the centre of its bottom), in one of its long sides, or in two sides as they are seen. */
export function carPoints(random: Random, count: number, shape: 'solid' | 'side' | 'corner'): Float64Array {
  const points = new Float64Array(3 * count);
  for (let n = 0; n < count; n++) {
    const x = random.uniform(-1.95, 1.95);
    const y = random.uniform(-1.5, 0);
    const z = random.uniform(-0.8, 0.8);
    const isLong = random.chance(0.6);
    if (shape === 'solid') points.set([x, y, z], 3 * n);
    else points.set(shape === 'side' || isLong ? [x, y, 0.8] : [1.95, y, z], 3 * n);
  }
  return points;
}

/** Where X = R_y(yaw)·X_object + t is seen, written out once more. */
export function projectCar(objectPoints: ArrayLike<number>, [yaw, tx, ty, tz]: Pose4): Float64Array {
  const { fx, fy, cx, cy } = intrinsics;
  const pixels = new Float64Array((objectPoints.length / 3) * 2);
  for (let n = 0; n < pixels.length / 2; n++) {
    const [x, y, z] = [0, 1, 2].map((k) => objectPoints[3 * n + k]);
    const depth = -Math.sin(yaw) * x + Math.cos(yaw) * z + tz;
    pixels[2 * n] = (fx * (Math.cos(yaw) * x + Math.sin(yaw) * z + tx)) / depth + cx;
    pixels[2 * n + 1] = (fy * (y + ty)) / depth + cy;
  }
  return pixels;
}

/** Cells whose pixels have normal errors of their own σ, e^uniform(-1.5, 0.7) times `noisePx`, and say so. */
export function noisyCells(
  random: Random,
  objectPoints: Float64Array,
  pose: Pose4,
  noisePx: number,
): PnpCells {
  const pixels = projectCar(objectPoints, pose);
  const logStd = new Float64Array(pixels.length);
  for (let at = 0; at < pixels.length; at++) {
    logStd[at] = Math.log(noisePx) + random.uniform(-1.5, 0.7);
    pixels[at] += random.normal(0, Math.exp(logStd[at]));
  }
  return { objectPoints, pixels, logStd };
}

/** Exact cells with σ = 1 pixel. */
export function exactCells(objectPoints: Float64Array, pose: Pose4): PnpCells {
  const pixels = projectCar(objectPoints, pose);
  return { objectPoints, pixels, logStd: new Float64Array(pixels.length) };
}

/** Gives a share of the cells a pixel up to 300 away that has nothing to do with them; returns which. */
export function spoil({ pixels }: PnpCells, random: Random, share: number): Set<number> {
  const spoiled = new Set<number>();
  for (let n = 0; n < pixels.length / 2; n++) {
    if (!random.chance(share)) continue;
    spoiled.add(n);
    pixels[2 * n] += random.pick([-1, 1]) * random.uniform(60, 300);
    pixels[2 * n + 1] += random.uniform(-100, 100);
  }
  return spoiled;
}
