import { Random } from '../../../src/engine/random.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { type Matrix44, transformPoint } from '../../../src/geometry/matrix.ts';
import type { Sweep } from '../../../src/pointcloud/segments/sweep.ts';

/** Where the sensor is above the road of a box world, metres. */
const sensorM = 1.73;

/** A sweep of a box world, and for each point the box that it is of, or -1 for the road. */
export interface BoxSweep extends Sweep {
  readonly boxOf: Int32Array;
}

/** A box that moves: where it is at a time, in the world. */
export type MovingBox = (timeS: number) => Box3;

/** A box that stands on the road, at x, y with a yaw; `sizeM` is length, width, height. */
export function boxAt(
  x: number,
  y: number,
  sizeM: readonly [length: number, width: number, height: number],
  yaw = 0,
): Box3 {
  return { center: [x, y, sizeM[2] / 2 - sensorM + 0.05], sizeM, yaw };
}

/** A car at x, y. */
export function carAt(x: number, y: number, yaw = 0): Box3 {
  return boxAt(x, y, [4.2, 1.8, 1.5], yaw);
}

/**
 * What a turning scanner (32 beams from 2 degrees up to 23 down, 1,440 steps, 2 cm noise) sees of boxes on a plane road
 * that rises by `slope`: every ray ends at the first thing that it meets.
 */
export function sweepOf(
  boxes: readonly MovingBox[],
  at: { readonly timeS: number; readonly worldFromLidar: Matrix44; readonly slope?: number },
): BoxSweep {
  const { timeS, worldFromLidar, slope = 0 } = at;
  const random = Random.fromSeed('box world').fork(Math.round(1000 * timeS));
  const [ox, oy, oz] = transformPoint(worldFromLidar, [0, 0, 0]);
  const placed = boxes.map((box) => {
    const { center, sizeM, yaw } = box(timeS);
    const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
    const [x, y, z] = [ox - center[0], oy - center[1], oz - center[2] - slope * center[0]];
    return { half: sizeM.map((size) => size / 2), c, s, x: c * x + s * y, y: c * y - s * x, z };
  });
  const points: number[] = [];
  const boxOf: number[] = [];
  const w = worldFromLidar;
  for (let beam = 0; beam < 32; beam++) {
    const elevation = ((2 - 0.8 * beam) * Math.PI) / 180;
    for (let step = 0; step < 1440; step++) {
      const azimuth = (2 * Math.PI * step) / 1440;
      const rx = Math.cos(elevation) * Math.cos(azimuth);
      const ry = Math.cos(elevation) * Math.sin(azimuth);
      const rz = Math.sin(elevation);
      const dx = w[0] * rx + w[1] * ry + w[2] * rz;
      const dy = w[4] * rx + w[5] * ry + w[6] * rz;
      const dz = w[8] * rx + w[9] * ry + w[10] * rz;
      const fall = slope * dx - dz;
      let range = fall > 0 ? (oz - slope * ox + sensorM) / fall : Infinity;
      let hit = -1;
      for (let b = 0; b < placed.length; b++) {
        const { half, c, s, x, y, z } = placed[b];
        let near = 0;
        let far = Infinity;
        for (let axis = 0; axis < 3; axis++) {
          const start = axis === 0 ? x : axis === 1 ? y : z;
          const along = axis === 0 ? c * dx + s * dy : axis === 1 ? c * dy - s * dx : dz;
          const one = (-half[axis] - start) / along;
          const other = (half[axis] - start) / along;
          near = Math.max(near, Math.min(one, other));
          far = Math.min(far, Math.max(one, other));
        }
        if (near > 0 && near <= far && near < range) {
          range = near;
          hit = b;
        }
      }
      if (range > 90) continue;
      const seen = range + random.normal(0, 0.02);
      points.push(seen * rx, seen * ry, seen * rz, 0.5);
      boxOf.push(hit);
    }
  }
  return { points: Float32Array.from(points), boxOf: Int32Array.from(boxOf), worldFromLidar, timeS };
}
