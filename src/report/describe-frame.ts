import type { CameraModel, Frame, ObjectLabel } from '../datasets/frame.ts';
import { pointInBox } from '../geometry/box.ts';
import { multiply34by44 } from '../geometry/matrix.ts';
import { projectPoints } from '../geometry/projection.ts';
import { cloudFromRows } from '../pointcloud/point-cloud.ts';
import { alignedTable } from './aligned-table.ts';
import { describeCloud } from './describe-cloud.ts';

/** Points as rows of so many numbers that begin with x, y, z. */
interface Rows {
  readonly points: Float32Array;
  readonly stride: number;
}

/** A frame in words: its sweep, its images and how many points each sees, its labels and how many points are in each. */
export function describeFrame(frame: Frame): string {
  const { id, points, cameras, labels } = frame;
  const rows = { points, stride: 4 };
  return [
    `frame ${id}: ${describeCloud(cloudFromRows(points, ['x', 'y', 'z', 'reflectance']))}`,
    ...cameras.map((camera) => describeCamera(camera, camera.image, rows)),
    labels === undefined ? 'no labels' : describeLabels(labels, rows),
  ].join('\n');
}

/** A camera in words: its picture's size, and how many points it sees. */
export function describeCamera(
  { name, pixelFromCamera, cameraFromLidar }: CameraModel,
  { width, height }: { readonly width: number; readonly height: number },
  { points, stride }: Rows,
): string {
  const { u, v, inFront } = projectPoints(points, stride, multiply34by44(pixelFromCamera, cameraFromLidar));
  let seen = 0;
  for (let i = 0; i < u.length; i++) {
    if (inFront[i] && u[i] >= 0 && u[i] <= width - 1 && v[i] >= 0 && v[i] <= height - 1) seen++;
  }
  const share = ((100 * seen * stride) / points.length).toFixed(1);
  return `${name}: ${width} x ${height}, sees ${seen} of the points (${share}%)`;
}

/** Labels in words: what is labelled where, how many points are in each box, and the track where it is followed. */
export function describeLabels(labels: readonly ObjectLabel[], rows: Rows): string {
  if (labels.length === 0) return 'no objects labelled';
  const hasTracks = labels.some(({ trackId }) => trackId !== undefined);
  const lines = labels.map(({ type, box2, box3, occlusion, truncation, trackId }) => {
    const size = box3 === undefined ? '-' : box3.sizeM.map((length) => length.toFixed(2)).join(' x ');
    const center = box3 === undefined ? '-' : box3.center.map((value) => value.toFixed(1)).join(', ');
    const height = (box2[3] - box2[1]).toFixed(0);
    const inside = box3 === undefined ? '-' : String(countInside(rows, box3));
    const line = [type, center, size, inside, height, String(occlusion), truncation.toFixed(2)];
    return hasTracks ? [...line, String(trackId ?? '-')] : line;
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
  return alignedTable(hasTracks ? [...head, 'track'] : head, lines);
}

function countInside({ points, stride }: Rows, box: Parameters<typeof pointInBox>[0]): number {
  let count = 0;
  for (let i = 0; i < points.length; i += stride)
    if (pointInBox(box, points[i], points[i + 1], points[i + 2])) count++;
  return count;
}
