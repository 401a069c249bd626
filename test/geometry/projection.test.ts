import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type Box3, pointInBox } from '../../src/geometry/box.ts';
import { projectBox } from '../../src/geometry/box-projection.ts';
import { boxFromKitti, kittiFromBox } from '../../src/geometry/kitti-box.ts';
import {
  parseKittiCalibration,
  pixelFromLidar,
  rectFromLidar,
} from '../../src/geometry/kitti-calibration.ts';
import { multiply34by44 } from '../../src/geometry/matrix.ts';
import {
  indicesInImage,
  lidarFromPixel,
  projectPoints,
  unprojectPixel,
} from '../../src/geometry/projection.ts';
import { rigidTransform } from '../../src/geometry/rigid-transform.ts';
import { describeWithRealData, realData } from '../real-data.ts';

const CAMERA_FROM_LIDAR = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [0.02, -0.08, -0.27]);
const PIXEL_FROM_CAMERA = Float64Array.of(700, 0, 600, 45, 0, 700, 180, 0.2, 0, 0, 1, 0.5);
const PIXEL_FROM_LIDAR = multiply34by44(PIXEL_FROM_CAMERA, CAMERA_FROM_LIDAR);

describe('projectPoints', () => {
  it("divides by the third homogeneous coordinate, the projection's own offset included", () => {
    const { u, v, depth, inFront } = projectPoints(Float64Array.of(10, 2, -1, 0.3), 4, PIXEL_FROM_LIDAR);
    // In the camera: x = -1.98, y = 0.92, z = 9.73; w = z + 0.5.
    expect(depth[0]).toBeCloseTo(10.23, 5);
    expect(u[0]).toBeCloseTo((700 * -1.98 + 600 * 9.73 + 45) / 10.23, 3);
    expect(v[0]).toBeCloseTo((700 * 0.92 + 180 * 9.73 + 0.2) / 10.23, 3);
    expect(inFront[0]).toBe(1);
  });

  it('marks what is behind the camera or nearer than asked', () => {
    const points = Float32Array.of(-5, 0, 0, 1, 0, 0, 3, 0, 0);
    const all = projectPoints(points, 3, PIXEL_FROM_LIDAR);
    expect([...all.inFront]).toEqual([0, 1, 1]);
    expect([all.u[0], all.v[0]]).toEqual([Number.NaN, Number.NaN]);
    expect(all.depth[0]).toBeLessThan(0);
    expect([...projectPoints(points, 3, PIXEL_FROM_LIDAR, { minDepthM: 2 }).inFront]).toEqual([0, 0, 1]);
    const pinhole = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
    const onPlanes = Float64Array.of(1, 1, 0, 4, 6, 2);
    expect([...projectPoints(onPlanes, 3, pinhole, { minDepthM: -1 }).inFront]).toEqual([0, 1]);
    expect([...projectPoints(onPlanes, 3, pinhole, { minDepthM: 2 }).inFront]).toEqual([0, 0]);
    expect(() => projectPoints(points, 4, PIXEL_FROM_LIDAR)).toThrow(/whole rows of 4/);
  });

  it('is undone by unprojectPixel', () => {
    const inverse = lidarFromPixel(PIXEL_FROM_LIDAR);
    const across = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 1, max: 80, noNaN: true }), across, across, (x, y, z) => {
        const { u, v, depth } = projectPoints(Float64Array.of(x, y, z), 3, PIXEL_FROM_LIDAR);
        const back = unprojectPixel(inverse, u[0], v[0], depth[0]);
        [x, y, z].forEach((value, k) => {
          expect(Math.abs(back[k] - value)).toBeLessThan(1e-4);
        });
      }),
    );
  });
});

describe('indicesInImage', () => {
  it('keeps, of the rows it is asked about, those that projectPoints puts on the image', () => {
    const place = fc.double({ min: -12, max: 12, noNaN: true });
    const cloud = fc.array(fc.tuple(place, place, place), { maxLength: 80 });
    const image = { width: 1200, height: 360 };
    fc.assert(
      fc.property(cloud, fc.integer({ min: 1, max: 3 }), (rows, step) => {
        const points = Float32Array.from(rows.flatMap(([x, y, z]) => [x, y, z, 0.5]));
        const among = Int32Array.from(rows.keys()).filter((row) => row % step === 0);
        const { u, v } = projectPoints(points, 4, PIXEL_FROM_LIDAR);
        const expected = among.filter(
          (row) => u[row] >= -0.5 && u[row] < 1199.5 && v[row] >= -0.5 && v[row] < 359.5,
        );
        expect(indicesInImage(points, 4, PIXEL_FROM_LIDAR, { image, among })).toEqual(expected);
      }),
    );
    // The edges of the outermost pixels: the left one is on the image, the right one is not.
    const pinhole = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
    const edges = Float32Array.of(-0.5, 0, 1, 3.5, 0, 1, 3.4, 0, 1, 0, 0, -1);
    const among = Int32Array.of(0, 1, 2, 3);
    expect([...indicesInImage(edges, 3, pinhole, { image: { width: 4, height: 1 }, among })]).toEqual([0, 2]);
  });
});

type Rectangle = readonly number[];

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What this test needs of a label, cut out of the line by hand. */
interface Label {
  box2: Rectangle;
  box3: Box3;
  rotationY: number;
}

/** Columns from `truncated` on, which object and tracking files have in common. */
function readLabel(columns: number[], rectFromLidarMatrix: Float64Array): Label {
  const [, , , l, t, r, b, height, width, length, x, y, z, rotationY] = columns;
  const kitti = { sizeM: [height, width, length], location: [x, y, z], rotationY } as const;
  const box3 = boxFromKitti(kitti, rectFromLidarMatrix);
  return { box2: [l, t, r, b], box3, rotationY };
}

function overlap(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const area = ([l, t, r, b]: Rectangle) => (r - l) * (b - t);
  return shared / (area(a) + area(b) - shared);
}

function readPoints(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * Points within a box that lie in the picture, and how many of them are pictured within the rectangle, give or take
 * two pixels. Those beyond the picture's edge do not count, for there the labelled rectangles are cut off.
 */
function pointsSeen(points: Float32Array, { box2, box3 }: Label, matrix: Float64Array, image: Size) {
  const { u, v, inFront } = projectPoints(points, 4, matrix);
  const [left, top, right, bottom] = box2;
  let inside = 0;
  let seen = 0;
  for (let n = 0; n < u.length; n++) {
    if (!pointInBox(box3, points[4 * n], points[4 * n + 1], points[4 * n + 2])) continue;
    const pictured = u[n] > 0 && u[n] < image.width - 1 && v[n] > 0 && v[n] < image.height - 1;
    if (inFront[n] && !pictured) continue;
    inside++;
    if (u[n] >= left - 2 && u[n] <= right + 2 && v[n] >= top - 2 && v[n] <= bottom + 2) seen++;
  }
  return { inside, seen };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describeWithRealData('object frames', 'kitti-object/training', (folder) => {
  const frames = readdirSync(`${folder}/calib`).map((name) => {
    const calibration = parseKittiCalibration(readFileSync(`${folder}/calib/${name}`, 'utf8'), {
      file: name,
    });
    const labels = readFileSync(`${folder}/label_2/${name}`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([type]) => type !== 'DontCare')
      .map(([, ...columns]) => readLabel(columns.map(Number), rectFromLidar(calibration)));
    return { id: name.slice(0, 6), calibration, labels, matrix: pixelFromLidar(calibration) };
  });

  const sizeOf = async (id: string): Promise<Size> => {
    const { width, height } = await sharp(`${folder}/image_2/${id}.png`).metadata();
    return { width, height };
  };

  it('have 3D boxes whose pictures are the labelled 2D boxes', async () => {
    const overlaps: number[] = [];
    for (const { id, labels, matrix } of frames) {
      const image = await sizeOf(id);
      for (const { box2, box3 } of labels) {
        overlaps.push(overlap(projectBox(box3, matrix, image) ?? [0, 0, 0, 0], box2));
      }
    }
    expect(overlaps.length).toBeGreaterThan(15);
    expect(mean(overlaps)).toBeGreaterThan(0.95);
  });

  it('have points in their 3D boxes that are pictured in the 2D boxes', async () => {
    let inside = 0;
    let seen = 0;
    for (const { id, labels, matrix } of frames) {
      const points = readPoints(`${folder}/velodyne/${id}.bin`);
      const image = await sizeOf(id);
      for (const label of labels) {
        const counted = pointsSeen(points, label, matrix, image);
        inside += counted.inside;
        seen += counted.seen;
      }
    }
    expect(inside).toBeGreaterThan(1000);
    expect(seen / inside).toBeGreaterThan(0.98);
  });

  it('get their labels back from the LiDAR frame', () => {
    for (const { calibration, labels } of frames) {
      for (const { box3, rotationY } of labels) {
        expect(kittiFromBox(box3, rectFromLidar(calibration)).rotationY).toBeCloseTo(rotationY, 9);
      }
    }
  });
});

/** The size of drive 0005's pictures. */
const RAW_IMAGE: Size = { width: 1242, height: 375 };

describeWithRealData('tracking frames over raw sweeps', 'kitti-tracking/training', (folder) => {
  const sweeps = realData('kitti-raw/2011_09_26/2011_09_26_drive_0005_sync/velodyne_points/data');
  const calibration = parseKittiCalibration(readFileSync(`${folder}/calib/0000.txt`, 'utf8'));
  const matrix = pixelFromLidar(calibration);
  const labels = readFileSync(`${folder}/label_02/0000.txt`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type !== 'DontCare')
    .map(([frame, , , ...columns]) => ({
      frame: Number(frame),
      ...readLabel(columns.map(Number), rectFromLidar(calibration)),
    }));

  it('have 3D boxes whose pictures are the labelled 2D boxes', () => {
    const overlaps = labels.map(({ box2, box3 }) =>
      overlap(projectBox(box3, matrix, RAW_IMAGE) ?? [0, 0, 0, 0], box2),
    );
    expect(overlaps.length).toBeGreaterThan(100);
    expect(mean(overlaps)).toBeGreaterThan(0.95);
  });

  it.skipIf(sweeps === undefined)('have points in their 3D boxes that are pictured in the 2D boxes', () => {
    let inside = 0;
    let seen = 0;
    for (const name of readdirSync(sweeps ?? '.')) {
      const points = readPoints(`${sweeps}/${name}`);
      for (const label of labels.filter(({ frame }) => frame === Number(name.slice(0, 10)))) {
        const counted = pointsSeen(points, label, matrix, RAW_IMAGE);
        inside += counted.inside;
        seen += counted.seen;
      }
    }
    expect(inside).toBeGreaterThan(1000);
    expect(seen / inside).toBeGreaterThan(0.98);
  });
});
