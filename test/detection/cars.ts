import type { Frame, ObjectLabel } from '../../src/datasets/frame.ts';
import { Random } from '../../src/engine/random.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { syntheticFrame } from '../objectives/tiny-simipu.ts';

/** A car of the usual size. */
export const car = (center: Box3['center'], yaw: number): Box3 => ({ center, sizeM: [4, 1.7, 1.5], yaw });
/** A label of a frame. */
export const labelOf = (
  type: string,
  box3: Box3 | undefined,
  box2: ObjectLabel['box2'] = [0, 0, 10, 10],
): ObjectLabel => ({
  type,
  truncation: 0,
  occlusion: 0,
  alpha: 0,
  box2,
  box3,
});

/** A synthetic frame with cars full of points. */
export function frameWithCars(
  seed: number,
  boxes = [car([10, 1, -0.5], 0.4), car([20, -4, -0.5], -2)],
): Frame {
  const frame = syntheticFrame(seed, { points: 300 });
  const random = Random.fromSeed(`cars ${seed}`);
  const inside = boxes.flatMap(({ center, sizeM, yaw }) =>
    Array.from({ length: 80 }, () => {
      const [a, b, c] = sizeM.map((side) => random.uniform(-side / 2, side / 2));
      const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
      return [center[0] + cos * a - sin * b, center[1] + sin * a + cos * b, center[2] + c, 0.5];
    }).flat(),
  );
  return {
    ...frame,
    points: Float32Array.from([...frame.points, ...inside]),
    labels: boxes.map((box) => labelOf('Car', box)),
  };
}
