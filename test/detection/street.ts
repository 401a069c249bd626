import type { Random } from '../../src/engine/random.ts';
import type { Box3 } from '../../src/geometry/box.ts';

/** Points on those sides of a box that a sensor in the origin sees, up to its top. */
export function seenSides({ center, sizeM, yaw }: Box3, count: number, random: Random): number[] {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const [length, width, height] = sizeM;
  const sides = [
    { normal: [1, 0], at: [length / 2, 0], along: [0, width / 2] },
    { normal: [-1, 0], at: [-length / 2, 0], along: [0, width / 2] },
    { normal: [0, 1], at: [0, width / 2], along: [length / 2, 0] },
    { normal: [0, -1], at: [0, -width / 2], along: [length / 2, 0] },
  ];
  const turned = ([x, y]: number[]) => [c * x - s * y, s * x + c * y];
  const seen = sides.filter(({ normal, at }) => {
    const [nx, ny] = turned(normal);
    const [ax, ay] = turned(at);
    return nx * (center[0] + ax) + ny * (center[1] + ay) < 0;
  });
  return Array.from({ length: count }, (_, i) => {
    const { at, along } = seen[i % seen.length];
    const share = random.uniform(-1, 1);
    const [x, y] = turned([at[0] + share * along[0], at[1] + share * along[1]]);
    return [center[0] + x, center[1] + y, center[2] + random.uniform(-0.35, 0.5) * height, 0.4];
  }).flat();
}

/** A road without any reflection. */
export const road = (z: number) => {
  const rows: number[] = [];
  for (let x = 3; x < 45; x += 0.4) for (let y = -12; y < 12; y += 0.4) rows.push(x, y, z, 0.1);
  return rows;
};
