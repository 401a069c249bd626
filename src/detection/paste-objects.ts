import type { PointFrame } from '../datasets/frame.ts';
import type { Random } from '../engine/random.ts';
import { type Box3, pointInBox } from '../geometry/box.ts';
import { intersectionArea } from '../geometry/oriented-rectangle.ts';
import { indicesInImage } from '../geometry/projection.ts';
import { groundHeights } from '../pointcloud/ground-height.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { pixelFromLidarOf } from '../views/points-in-view.ts';
import { requireLabels, sortLabels } from './detection-frames.ts';

/** What is pasted. */
export interface PasteOptions {
  readonly classes: readonly string[];
  /** The most objects that are added to a frame. */
  readonly most: number;
  /** Objects with fewer points are left out. */
  readonly leastPoints: number;
  /** Whether the middle of an object has to be in the picture. */
  readonly inImage: boolean;
}

/** Boxes keep this far from one another as seen from above, metres, and points this near to a pasted one are cleared away. */
const MARGIN_M = 0.2;

/**
 * A frame with labelled objects of other frames in it, points and labels: each where it was in its own frame as seen from above, on
 * the ground that is there. One that would meet a labelled box, or another that was pasted, is left out; what lay in its box is
 * cleared away. The occlusion by what is pasted is not modelled. Ground-truth sampling of Yan et al., SECOND, Sensors 2018.
 */
export function pasteObjects(
  frame: PointFrame,
  others: readonly PointFrame[],
  random: Random,
  { classes, most, leastPoints, inImage }: PasteOptions,
): PointFrame {
  const found = others.flatMap((other) => {
    const { objects } = sortLabels(requireLabels(other), classes);
    const bottoms = bottomsOf(objects);
    // All at once: each call looks at the whole sweep.
    const [here, there] = [frame, other].map(({ points }) => groundHeights(points, bottoms));
    return objects.map(({ label, box3 }, k) => ({ other, label, box3, up: here[k] - there[k] }));
  });
  const labels = [...requireLabels(frame)];
  const boxes = labels.flatMap(({ box3 }) => (box3 === undefined ? [] : [box3]));
  const pasted: Array<{ readonly box3: Box3; readonly points: Float32Array }> = [];
  for (const at of random.permutation(found.length)) {
    if (pasted.length === most) break;
    const { other, label, box3, up } = found[at];
    if (boxes.some((box) => meet(box, box3))) continue;
    const own = pointsIn(other.points, box3);
    if (own.length / 4 < leastPoints) continue;
    const moved = raised(box3, up);
    if (inImage && !isSeen(frame, moved)) continue;
    for (let i = 2; i < own.length; i += 4) own[i] += up;
    boxes.push(moved);
    pasted.push({ box3: moved, points: own });
    labels.push({ ...label, box3: moved });
  }
  if (pasted.length === 0) return frame;
  const cleared = pasted.map(({ box3 }) => grown(box3, MARGIN_M));
  const kept = rowsWhere(frame.points, (x, y, z) => !cleared.some((box) => pointInBox(box, x, y, z)));
  const points = new Float32Array(kept.length + pasted.reduce((sum, each) => sum + each.points.length, 0));
  points.set(kept);
  let end = kept.length;
  for (const each of pasted) {
    points.set(each.points, end);
    end += each.points.length;
  }
  return { ...frame, points, labels };
}

function pointsIn(points: Float32Array, box: Box3): Float32Array {
  return rowsWhere(points, (x, y, z) => pointInBox(box, x, y, z));
}

function rowsWhere(points: Float32Array, keep: (x: number, y: number, z: number) => boolean): Float32Array {
  const kept: number[] = [];
  for (let i = 0; i < points.length; i += 4)
    if (keep(points[i], points[i + 1], points[i + 2])) kept.push(i / 4);
  return gatherRows(points, kept);
}

/** Whether two boxes meet as seen from above, or nearly so. */
function meet(a: Box3, b: Box3): boolean {
  return intersectionArea(footprint(grown(a, MARGIN_M)), footprint(b)) > 0;
}

function footprint({ center: [x, y], sizeM: [length, width], yaw }: Box3) {
  return { x, y, length, width, yaw };
}

function grown(box: Box3, by: number): Box3 {
  const [length, width, height] = box.sizeM;
  return { ...box, sizeM: [length + 2 * by, width + 2 * by, height + 2 * by] };
}

function raised(box: Box3, by: number): Box3 {
  const [x, y, z] = box.center;
  return { ...box, center: [x, y, z + by] };
}

/** The middles of the bottoms of boxes: rows of x, y, z. */
function bottomsOf(objects: ReadonlyArray<{ readonly box3: Box3 }>): Float32Array {
  return Float32Array.from(
    objects.flatMap(
      ({
        box3: {
          center: [x, y, z],
          sizeM,
        },
      }) => [x, y, z - sizeM[2] / 2],
    ),
  );
}

/** Whether the camera sees the middle of a box. */
function isSeen({ cameras }: PointFrame, { center: [x, y, z] }: Box3): boolean {
  const [camera] = cameras;
  const among = Int32Array.of(0);
  const at = Float32Array.of(x, y, z, 0);
  return indicesInImage(at, 4, pixelFromLidarOf(camera), { image: camera.image, among }).length > 0;
}
