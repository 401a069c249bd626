import type { Frame } from '../datasets/frame.ts';
import { pointInBox } from '../geometry/box.ts';
import { multiply34by44 } from '../geometry/matrix.ts';
import { projectPoints } from '../geometry/projection.ts';
import { cloudFromRows } from '../pointcloud/point-cloud.ts';
import { alignedTable } from './aligned-table.ts';
import { describeCloud } from './describe-cloud.ts';

/** A frame in words: its sweep, its images and how many points each sees, its labels and how many points are in each. */
export function describeFrame(frame: Frame): string {
  const { id, points, cameras, labels } = frame;
  const parts = [`frame ${id}: ${describeCloud(cloudFromRows(points, ['x', 'y', 'z', 'reflectance']))}`];
  for (const { name, image, pixelFromCamera, cameraFromLidar } of cameras) {
    const { u, v, inFront } = projectPoints(points, 4, multiply34by44(pixelFromCamera, cameraFromLidar));
    let seen = 0;
    for (let i = 0; i < u.length; i++) {
      if (inFront[i] && u[i] >= 0 && u[i] <= image.width - 1 && v[i] >= 0 && v[i] <= image.height - 1) seen++;
    }
    parts.push(
      `${name}: ${image.width} x ${image.height}, sees ${seen} of the points (${((100 * seen * 4) / points.length).toFixed(1)}%)`,
    );
  }
  if (labels === undefined) return [...parts, 'no labels'].join('\n');
  const rows = labels.map(({ type, box2, box3, occlusion, truncation }) => {
    const size = box3 === undefined ? '-' : box3.sizeM.map((length) => length.toFixed(2)).join(' x ');
    const center = box3 === undefined ? '-' : box3.center.map((value) => value.toFixed(1)).join(', ');
    const height = (box2[3] - box2[1]).toFixed(0);
    const inside = box3 === undefined ? '-' : String(countInside(points, box3));
    return [type, center, size, inside, height, String(occlusion), truncation.toFixed(2)];
  });
  const head = [
    'label',
    'centre (m)',
    'length x width x height (m)',
    'points',
    'pixels high',
    'occlusion',
    'truncation',
  ];
  return [...parts, labels.length === 0 ? 'no objects labelled' : alignedTable(head, rows)].join('\n');
}

function countInside(points: Float32Array, box: Parameters<typeof pointInBox>[0]): number {
  let count = 0;
  for (let i = 0; i < points.length; i += 4)
    if (pointInBox(box, points[i], points[i + 1], points[i + 2])) count++;
  return count;
}
