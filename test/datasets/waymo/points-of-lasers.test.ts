import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { pointsOfLasers } from '../../../src/datasets/waymo/points-of-lasers.ts';
import { openWaymoRecords } from '../../../src/datasets/waymo/waymo-records.ts';
import { waymoSequence } from '../../../src/datasets/waymo/waymo-sequence.ts';
import type { LaserCalibration, LaserSweep } from '../../../src/datasets/waymo/waymo-source.ts';
import type { Matrix44 } from '../../../src/geometry/matrix.ts';
import { fieldOf, type PointCloud } from '../../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../../real-data.ts';
import { madeUpLasers, madeUpPoints, madeUpPose, madeUpWorldFromVehicle } from './made-up-drive.ts';
import { type ExpectedPoint, type MadeRangeImages, makeRangeImages } from './make-range-images.ts';
import { type Mistake, mistakes, restatedPoints } from './restated-reading.ts';
import { frameMessage, removeFolders, writeRecords } from './write-records.ts';

afterEach(removeFolders);

const sizes = {
  TOP: [64, 900],
  FRONT: [100, 300],
  REAR: [100, 300],
  SIDE_LEFT: [100, 300],
  SIDE_RIGHT: [80, 300],
} as const;
const worldFromVehicle = madeUpWorldFromVehicle(3);
const isBare = (row: number) => row % 9 === 4;

const made = makeRangeImages({
  points: madeUpPoints(12_000),
  calibrations: madeUpLasers,
  worldFromVehicle,
  poseAt: (column, width) => madeUpPose(3 + (column / width - 0.5) * 0.1),
  withoutPose: isBare,
  sizes,
});

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** The greatest distance between the points and those that are expected; their order has to be the same. */
function greatestError(cloud: PointCloud, expected: readonly ExpectedPoint[]): number {
  const [x, y, z] = ['x', 'y', 'z'].map((name) => fieldOf(cloud, name).data as Float32Array);
  return expected.reduce(
    (worst, { at }, n) => Math.max(worst, Math.hypot(x[n] - at[0], y[n] - at[1], z[n] - at[2])),
    0,
  );
}

function expectFields(cloud: PointCloud, expected: readonly ExpectedPoint[]): void {
  expect(cloud.count).toBe(expected.length);
  const expectColumn = (name: string, expectedOf: (point: ExpectedPoint) => number) => {
    const { data } = fieldOf(cloud, name);
    const wrong = expected.findIndex((point, n) => data[n] !== Math.fround(expectedOf(point)));
    const what = wrong < 0 ? 'all are right' : `${name} of point ${wrong} is ${data[wrong]}`;
    expect(what).toBe('all are right');
  };
  expectColumn('intensity', ({ intensity }) => intensity);
  expectColumn('elongation', ({ elongation }) => elongation);
  expectColumn('laser', ({ laser }) => laser);
  expectColumn('return', (point) => point.return);
  expectColumn('no_label_zone', ({ noLabelZone }) => noLabelZone);
  ['camera', 'column', 'row', 'camera2', 'column2', 'row2'].forEach((name, k) => {
    expectColumn(name, ({ projection }) => projection[k]);
  });
}

async function readBack(
  { lasers }: Pick<MadeRangeImages, 'lasers'>,
  laserCalibrations: readonly LaserCalibration[],
  pose: Matrix44,
): Promise<PointCloud> {
  const message = frameMessage({ worldFromVehicle: pose, laserCalibrations, lasers });
  const [source] = await openWaymoRecords(writeRecords([message]));
  return waymoSequence(source).cloud(0);
}

describe('points of lasers', () => {
  it('are where the pixels look, from a file and back, of all lasers and returns, in order', async () => {
    const { expected, lasers } = made;
    // What the test is about is there: two returns of each laser, and points of rows without a pose.
    for (let laser = 1; laser <= 5; laser++) {
      for (const which of [1, 2]) {
        expect(expected.some((point) => point.laser === laser && point.return === which)).toBe(true);
      }
    }
    expect(lasers.map(({ laser }) => laser)).toEqual(['FRONT', 'REAR', 'SIDE_LEFT', 'SIDE_RIGHT', 'TOP']);
    const cloud = await readBack(made, madeUpLasers, worldFromVehicle);
    expectFields(cloud, expected);
    expect(greatestError(cloud, expected)).toBeLessThan(1e-4);
  });

  it('take the pose of the frame where a pixel has none, and say how many they are', async () => {
    const top = made.lasers.find(({ laser }) => laser === 'TOP')!;
    let bare = 0;
    for (const { values, width } of top.returns) {
      for (let pixel = 0; pixel * 4 < values.length; pixel++) {
        const range = values[4 * pixel];
        if (isBare(Math.floor(pixel / width)) && range > 0 && range < Infinity) bare++;
      }
    }
    expect(bare).toBeGreaterThan(100);
    const { notes } = pointsOfLasers(made.lasers, madeUpLasers, { worldFromVehicle, file: 'f' });
    expect(notes).toEqual([
      `${bare} points of laser TOP have no pose of their own: that of the frame is taken`,
    ]);
  });

  it('say so where they cannot be corrected for the motion', () => {
    const note = (lasers: readonly LaserSweep[], pose?: Matrix44) =>
      pointsOfLasers(lasers, madeUpLasers, { worldFromVehicle: pose, file: 'f' }).notes;
    expect(note(made.lasers)).toEqual([
      'the pose of the frame is not known: points are not corrected for the motion during the sweep',
    ]);
    const still = made.lasers.map(({ laser, returns }) => ({
      laser,
      returns: returns.map(({ poses, ...image }) => image),
    }));
    expect(note(still, worldFromVehicle)).toEqual([
      'laser TOP has no poses of its pixels: its points are not corrected for the motion during the sweep',
    ]);
  });

  it('have no cameras where no projection is stored', () => {
    const lasers = made.lasers.map(({ laser, returns }) => ({
      laser,
      returns: returns.map(({ projections, ...image }) => image),
    }));
    const { fields } = pointsOfLasers(lasers, madeUpLasers, { worldFromVehicle, file: 'f' });
    expect(fields.map(({ name }) => name).join(' ')).toBe(
      'x y z intensity elongation laser return no_label_zone',
    );
  });

  it('refuse a laser without a calibration, and sizes that do not fit', () => {
    const options = { worldFromVehicle, file: 'a.tfrecord', place: 'frame 007' };
    const without = madeUpLasers.filter(({ laser }) => laser !== 'REAR');
    expect(() => pointsOfLasers(made.lasers, without, options)).toThrow(
      'a.tfrecord: frame 007, laser REAR: expected a calibration, found none',
    );
    const shorter = madeUpLasers.map((each) => ({ ...each, inclinations: each.inclinations.slice(1) }));
    expect(() => pointsOfLasers(made.lasers, shorter, options)).toThrow(
      'laser TOP: expected 64 inclinations, one a row, found 63',
    );
    const flat = madeUpLasers.map((each) => ({ ...each, inclinationMin: each.inclinationMax }));
    expect(() => pointsOfLasers(made.lasers, flat, options)).toThrow('expected a span of inclinations');
    const cut = made.lasers.map(({ laser, returns }) => ({
      laser,
      returns: returns.map((image) => ({ ...image, projections: image.projections?.slice(6) })),
    }));
    expect(() => pointsOfLasers(cut, madeUpLasers, options)).toThrow(
      /numbers of camera projections \(64 x 900 x 6\)/,
    );
  });
});

describe('the check', () => {
  it('holds for a plain restatement of the reading', () => {
    const points = restatedPoints(made.lasers, madeUpLasers, worldFromVehicle);
    expect(points.length).toBe(made.expected.length);
    const errors = points.map((point, n) => distance(point, made.expected[n].at));
    expect(errors.reduce((a, b) => Math.max(a, b))).toBeLessThan(1e-9);
  });

  it.each(mistakes)('tells apart a reading with %s', (mistake: Mistake) => {
    const points = restatedPoints(made.lasers, madeUpLasers, worldFromVehicle, mistake);
    if (mistake === 'the first return alone') {
      expect(points.length).toBeLessThan(made.expected.length);
      return;
    }
    expect(points.length).toBe(made.expected.length);
    const off = points.filter((point, n) => distance(point, made.expected[n].at) > 0.1);
    // Rows without a pose are a ninth of one laser's.
    expect(off.length / points.length).toBeGreaterThan(0.03);
  });
});

describeWithRealData('a real sweep in real lasers', 'waymo/top-and-side-lidars-n5.bin', (path) => {
  it('comes back within a millimetre from a record that was made of it', async () => {
    const [{ laserCalibrations }] = await openWaymoRecords(
      path.replace('top-and-side-lidars-n5.bin', 'frame-metadata-no-lasers.tfrecord'),
    );
    const calibrations = await laserCalibrations(0);
    const bytes = readFileSync(path);
    const points = new Float32Array(new Uint8Array(bytes).buffer);
    const real = makeRangeImages({
      points,
      calibrations,
      worldFromVehicle,
      poseAt: (column, width) => madeUpPose(3 + (column / width - 0.5) * 0.1),
      withoutPose: (row) => row === 20,
    });
    expect(points.length / 5).toBe(177_125);
    expect(real.expected.length).toBeGreaterThan(150_000);
    const cloud = await readBack(real, calibrations, worldFromVehicle);
    expectFields(cloud, real.expected);
    expect(greatestError(cloud, real.expected)).toBeLessThan(1e-3);
  }, 60_000);
});
