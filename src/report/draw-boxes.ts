import type { Box3 } from '../geometry/box.ts';
import { projectBoxEdges } from '../geometry/box-projection.ts';
import type { Matrix34 } from '../geometry/matrix.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { amber, type DrawColor, drawLine } from './birds-eye.ts';

/** A copy of the picture with 3D boxes (LiDAR frame) drawn as wires; edges are cut 0.1 m before the camera. */
export function drawBoxes(
  image: RgbImage,
  boxes: ReadonlyArray<{ readonly box: Box3; readonly color?: DrawColor }>,
  pixelFromLidar: Matrix34,
): RgbImage {
  const copy: RgbImage = { ...image, data: image.data.slice() };
  for (const { box, color = amber } of boxes) {
    const edges = projectBoxEdges(box, pixelFromLidar);
    for (let at = 0; at < edges.length; at += 4) {
      const [u0, v0, u1, v1] = edges.subarray(at, at + 4);
      drawLine(copy, u0, v0, u1, v1, color);
    }
  }
  return copy;
}
