import { BOX_EDGES, type Box3, cornersOf } from '../../../geometry/box.ts';
import { lidarFromPixel, unprojectPixel } from '../../../geometry/projection.ts';
import type { Clip } from '../../clip.ts';
import type { Triple } from './pose.ts';
import type { Pinhole } from './projection.ts';
import { bytesOf } from './themes.ts';

/** Lines as `LineSet.set` takes them, 8 bytes of colour each. */
export interface Segments {
  readonly segments: Float32Array;
  readonly colours: Uint8Array;
  readonly dashed: Uint8Array;
}

/** A box on the stage. */
export interface StageBox {
  readonly box: Box3;
  /** A CSS colour. */
  readonly colour: string;
  readonly label?: string;
  readonly dashed?: boolean;
  /** From the box's frame to the world; 3x4 or 4x4, row-major. */
  readonly matrix?: ArrayLike<number>;
}

/** Where something went over time. */
export interface Trail {
  /** Rows of x, y, z, oldest first. */
  readonly points: Float32Array;
  /** A CSS colour. */
  readonly colour: string;
}

/** A camera on the stage. */
export interface StageCamera extends Pinhole {
  readonly name: string;
}

type Bytes = readonly [r: number, g: number, b: number, a: number];

const FRUSTUM_DEPTH_M = 1.2;

/** Collects lines. */
export class SegmentList {
  private readonly ends: number[] = [];
  private readonly paint: number[] = [];
  private readonly dashes: number[] = [];

  /** Adds a line, whose colour may change along it. */
  add(from: Triple, to: Triple, colour: Bytes, options: { end?: Bytes; dashed?: boolean } = {}): void {
    this.ends.push(...from, ...to);
    this.paint.push(...colour, ...(options.end ?? colour));
    this.dashes.push(options.dashed ? 1 : 0);
  }

  /** All lines so far. */
  finish(): Segments {
    return {
      segments: Float32Array.from(this.ends),
      colours: Uint8Array.from(this.paint),
      dashed: Uint8Array.from(this.dashes),
    };
  }
}

/** The edges of boxes, with a tick on the ground that begins under the middle and leaves through the front. */
export function boxSegments(boxes: readonly StageBox[]): Segments {
  const list = new SegmentList();
  for (const stageBox of boxes) {
    const { box, colour, dashed, matrix } = stageBox;
    const bytes = bytesOf(colour);
    const corners = cornerPlaces(stageBox);
    for (const [from, to] of BOX_EDGES) list.add(corners[from], corners[to], bytes, { dashed });
    const floor = box.center[2] - box.sizeM[2] / 2;
    const tip = box.sizeM[0] / 2 + Math.min(1, 0.25 * box.sizeM[0] + 0.2);
    const ahead: Triple = [
      box.center[0] + tip * Math.cos(box.yaw),
      box.center[1] + tip * Math.sin(box.yaw),
      floor,
    ];
    list.add(moved(matrix, [box.center[0], box.center[1], floor]), moved(matrix, ahead), bytes);
  }
  return list.finish();
}

/** The middle of a box in the world. */
export function middlePlace({ box, matrix }: StageBox): Triple {
  return moved(matrix, box.center);
}

/** The corners of a box in the world, in the order of `cornersOf`. */
export function cornerPlaces({ box, matrix }: StageBox): Triple[] {
  const corners = cornersOf(box);
  return Array.from({ length: 8 }, (_, k) => {
    const [x, y, z] = corners.subarray(k * 3, k * 3 + 3);
    return moved(matrix, [x, y, z]);
  });
}

/** Polylines that fade towards their oldest point. */
export function trailSegments(trails: readonly Trail[]): Segments {
  const list = new SegmentList();
  for (const { points, colour } of trails) {
    const steps = points.length / 3 - 1;
    const at = (k: number): Triple => [points[k * 3], points[k * 3 + 1], points[k * 3 + 2]];
    const shade = (k: number) => bytesOf(colour, Math.round(50 + (205 * k) / steps));
    for (let k = 0; k < steps; k++) list.add(at(k), at(k + 1), shade(k), { end: shade(k + 1) });
  }
  return list.finish();
}

/** What cameras see of the nearest metre or so, with a mark on the upper edge. */
export function frustumSegments(cameras: readonly StageCamera[], colour: string): Segments {
  const list = new SegmentList();
  const bytes = bytesOf(colour, 210);
  for (const camera of cameras) {
    const { eye, corners, roof } = frustumOf(camera);
    corners.forEach((corner, k) => {
      list.add(eye, corner, bytes);
      list.add(corner, corners[(k + 1) % 4], bytes);
    });
    list.add(corners[0], roof, bytes);
    list.add(roof, corners[1], bytes);
  }
  return list.finish();
}

/** The edge of a camera's picture, as the camera itself sees it. */
export function pictureFrame(camera: Pinhole, colour: string): Segments {
  const list = new SegmentList();
  const { corners } = frustumOf(camera);
  corners.forEach((corner, k) => {
    list.add(corner, corners[(k + 1) % 4], bytesOf(colour, 150));
  });
  return list.finish();
}

/** The eye of a camera, the corners of its picture from the top left clockwise, and a place above the upper edge. */
export function frustumOf(camera: Pinhole): { eye: Triple; corners: Triple[]; roof: Triple } {
  const inverse = lidarFromPixel(Float64Array.from({ length: 12 }, (_, k) => camera.pixelFromLidar[k]));
  const [left, top] = [-0.5, -0.5];
  const [right, bottom] = [camera.width - 0.5, camera.height - 0.5];
  const at = (u: number, v: number) => unprojectPixel(inverse, u, v, FRUSTUM_DEPTH_M);
  return {
    eye: unprojectPixel(inverse, 0, 0, 0),
    corners: [at(left, top), at(right, top), at(right, bottom), at(left, bottom)],
    roof: at((left + right) / 2, top - 0.12 * camera.height),
  };
}

/** The edges of a clip's box that lie between two sides with a limit; along open sides they end where the points do. */
export function clipSegments(
  clip: Clip | undefined,
  extent: { readonly low: Triple; readonly high: Triple } | undefined,
  colour: string,
): Segments {
  const list = new SegmentList();
  if (clip === undefined) return list.finish();
  const bytes = bytesOf(colour, 230);
  const isNumber = Number.isFinite;
  for (const axis of [0, 1, 2]) {
    const [across, up] = [(axis + 1) % 3, (axis + 2) % 3];
    const from = isNumber(clip.low[axis]) ? clip.low[axis] : extent?.low[axis];
    const to = isNumber(clip.high[axis]) ? clip.high[axis] : extent?.high[axis];
    if (from === undefined || to === undefined || from > to) continue;
    for (const one of [clip.low[across], clip.high[across]]) {
      for (const other of [clip.low[up], clip.high[up]]) {
        if (!isNumber(one) || !isNumber(other)) continue;
        const place = (along: number): Triple => {
          const at = [0, 0, 0];
          [at[axis], at[across], at[up]] = [along, one, other];
          return at as unknown as Triple;
        };
        list.add(place(from), place(to), bytes);
      }
    }
  }
  return list.finish();
}

/** The axes of the sensor's frame, a metre and a half long. */
export function axisSegments(colours: readonly string[]): Segments {
  const list = new SegmentList();
  axisTips(1.5).forEach((tip, k) => {
    list.add([0, 0, 0], tip, bytesOf(colours[k]));
  });
  return list.finish();
}

/** The ends of axes of a length. */
export function axisTips(lengthM: number): Triple[] {
  return [
    [lengthM, 0, 0],
    [0, lengthM, 0],
    [0, 0, lengthM],
  ];
}

function moved(rows: ArrayLike<number> | undefined, [x, y, z]: Triple): Triple {
  if (rows === undefined) return [x, y, z];
  const row = (at: number) => rows[at] * x + rows[at + 1] * y + rows[at + 2] * z + rows[at + 3];
  return [row(0), row(4), row(8)];
}
