import { type WaymoLaser, waymoCameras, waymoLasers } from '../../../src/datasets/waymo/sensor-names.ts';
import type { RangeImage } from '../../../src/datasets/waymo/waymo-source.ts';
import type { MadeSegment } from './write-components.ts';

/** Numbers that look like those of a sweep and are all different from moment to moment; fractions that a float has exactly. */
function numbers(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => ((Math.imul(i + 1, 2654435761 + 2 * seed) >>> 8) % 65536) / 64);
}

function image(height: number, width: number, seed: number, withPoses: boolean): RangeImage {
  const pixels = height * width;
  return {
    height,
    width,
    values: Float32Array.from(numbers(pixels * 4, seed), (value) => (value < 200 ? -1 : value)),
    projections: Int32Array.from(numbers(pixels * 6, seed + 1), Math.floor),
    ...(withPoses ? { poses: Float32Array.from(numbers(pixels * 6, seed + 2)) } : {}),
  };
}

/** What a made-up segment consists of. */
export interface SegmentPlan {
  readonly segment: string;
  readonly moments: number;
  readonly cameras: number;
  readonly sizes: { readonly [laser in WaymoLaser]?: readonly [height: number, width: number] };
  readonly returns: 1 | 2;
}

/** A segment whose parts are all different, with lasers, cameras and boxes that some moments lack. */
export function madeUpSegment(plan: SegmentPlan): MadeSegment {
  const lasers = waymoLasers.filter((laser) => plan.sizes[laser] !== undefined);
  const cameras = waymoCameras.slice(0, plan.cameras);
  const rotation = (angle: number, [x, y, z]: readonly [number, number, number]): number[] => {
    const [c, s] = [Math.fround(Math.cos(angle)), Math.fround(Math.sin(angle))];
    // No -0: the dictionaries of hyparquet-writer take it for 0.
    return [c, -s, 0, x, s, c, 0, y, 0, 0, 1, z, 0, 0, 0, 1].map((value) => value + 0);
  };
  const moments = Array.from({ length: plan.moments }, (_, moment) => ({
    timestampMicros: 1_552_440_195_362_591 + moment * 99_987,
    worldFromVehicle: rotation(moment / 8, [1000.5 + moment, 250.25, 31.125]),
    lasers: lasers.map((laser, i) => {
      const [height, width] = plan.sizes[laser]!;
      const seed = 1000 * moment + 100 * i + plan.segment.length;
      const first = image(height, width, seed, laser === 'TOP');
      // The second laser has no second return in every other moment.
      const second = plan.returns === 2 && !(i === 1 && moment % 2 === 1);
      return { laser, returns: second ? [first, image(height, width, seed + 50, false)] : [first] };
    }),
    pictures: Object.fromEntries(
      cameras.map((camera, i) => [
        camera,
        Uint8Array.from([
          0xff,
          0xd8,
          0xff,
          ...numbers(40 + 10 * i, moment * 10 + i).map((value) => value & 255),
        ]),
      ]),
    ),
    boxes: Array.from({ length: (moment + 1) % 3 }, (_, i) => ({
      type: ['vehicle', 'pedestrian', 'sign', 'cyclist', 'unknown'][(moment + i) % 5]!,
      id: `object ${i}`,
      center: [moment + i, 1 - i / 2, 0.75] as const,
      size: [4.5, 1.75 + i, 1.5] as const,
      heading: 0.1 * (moment + i),
      ...(i === 1 ? {} : { points: 100 * moment + i }),
    })),
  }));
  return {
    segment: plan.segment,
    moments,
    laserCalibrations: lasers.map((laser, i) => ({
      laser,
      inclinations: laser === 'TOP' ? [-0.3, -0.1, 0.04] : [],
      inclinationMin: -0.3 - i,
      inclinationMax: 0.04 + i,
      vehicleFromLaser: Float64Array.from(rotation(-2.5 + i, [1.43, i, 2.184])),
    })),
    cameraCalibrations: cameras.map((camera, i) => ({
      camera,
      width: 1920,
      height: i < 3 ? 1280 : 886,
      ...{ fu: 2055.5 + i, fv: 2056.5 + i, cu: 939 + i, cv: 641 + i },
      ...{ k1: 0.03 + i, k2: -0.3 - i, p1: 0.001 * i, p2: 0.002 - i, k3: i },
      vehicleFromCamera: Float64Array.from(rotation(i, [1.5, -i, 2.1])),
    })),
  };
}
