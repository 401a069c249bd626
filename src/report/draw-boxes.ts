import { BOX_EDGES, type Box3, cornersOf } from '../geometry/box.ts';
import type { Matrix34 } from '../geometry/matrix.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { amber, type DrawColor, drawLine } from './birds-eye.ts';

const nearM = 0.1;

/** A copy of the picture with 3D boxes (LiDAR frame) drawn as wires; edges are cut 0.1 m before the camera. */
export function drawBoxes(
  image: RgbImage,
  boxes: ReadonlyArray<{ readonly box: Box3; readonly color?: DrawColor }>,
  pixelFromLidar: Matrix34,
): RgbImage {
  const copy: RgbImage = { ...image, data: image.data.slice() };
  const m = pixelFromLidar;
  for (const { box, color = amber } of boxes) {
    const corners = cornersOf(box);
    const seen = Array.from({ length: 8 }, (_, k) => {
      const [x, y, z] = corners.subarray(3 * k, 3 * k + 3);
      const row = (r: number): number => m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3];
      return [row(0), row(4), row(8)] as const;
    });
    for (const [from, to] of BOX_EDGES) {
      let [a, b] = [seen[from], seen[to]];
      if (a[2] < nearM && b[2] < nearM) continue;
      if (a[2] < nearM) a = cut(a, b);
      if (b[2] < nearM) b = cut(b, a);
      drawLine(copy, a[0] / a[2], a[1] / a[2], b[0] / b[2], b[1] / b[2], color);
    }
  }
  return copy;
}

type Homogeneous = readonly [uw: number, vw: number, w: number];

function cut(behind: Homogeneous, ahead: Homogeneous): Homogeneous {
  const t = (nearM - behind[2]) / (ahead[2] - behind[2]);
  return [behind[0] + t * (ahead[0] - behind[0]), behind[1] + t * (ahead[1] - behind[1]), nearM];
}
