import { describe, expect, test } from 'vitest';
import type { PointCloud, PointField } from '../../src/pointcloud/point-cloud.ts';
import { drawBirdsEye } from '../../src/report/birds-eye.ts';
import { drawCloud } from '../../src/report/cloud-picture.ts';

function cloudOf(rows: ReadonlyArray<readonly [number, number, number]>): PointCloud {
  const fields = ['x', 'y', 'z'].map(
    (name, c): PointField => ({
      name,
      type: 'float64',
      count: 1,
      data: Float64Array.from(rows, (row) => row[c]),
    }),
  );
  return { count: rows.length, width: rows.length, height: 1, fields };
}

/** Columns and rows of what differs from a picture without points. */
function drawnBy(cloud: PointCloud, sensor: boolean): string[] {
  const { data, width } = drawCloud(cloud).image;
  const empty = drawBirdsEye(new Float32Array(0), { sensor }).data;
  const pixels = new Set<string>();
  data.forEach((value, i) => {
    const pixel = Math.floor(i / 3);
    if (value !== empty[i]) pixels.add(`${pixel % width},${Math.floor(pixel / width)}`);
  });
  return [...pixels].sort();
}

describe('a picture of a cloud', () => {
  test('has boxes where the points are that they are about', () => {
    const cloud = cloudOf([[500000, 4649776, 170]]);
    const box = { center: [500000, 4649778, 170], sizeM: [4, 2, 2], yaw: 0 } as const;
    const { data } = drawCloud(cloud, { boxes: [box] }).image;
    // Two metres to the left are 16 pixels; four and two metres are 32 and 16.
    for (const [column, row] of [
      [376, 384],
      [392, 384],
      [376, 416],
      [392, 416],
    ])
      expect([...data.subarray(3 * (800 * row + column), 3 * (800 * row + column) + 3)]).toEqual([
        255, 196, 64,
      ]);
  });

  test('is about the sensor, where most points are near it', () => {
    const cloud = cloudOf([
      [10.05, 20.05, 0],
      [-10.05, 0.55, 1],
      [70, 0, 0],
    ]);
    expect(drawCloud(cloud).caption).toBe(
      'about the sensor (0, 0), 50 m to each side, a ring every 10 m: 2 of 3 points inside',
    );
    // 8 pixels a metre, the sensor in the middle of 800.
    expect(drawnBy(cloud, true)).toEqual(['239,319', '395,480']);
  });

  test('is centred on places of a map, to the decimetre', () => {
    const cloud = cloudOf([
      [500000.2, 4649776.3, 170],
      [500001.3, 4649776.3, 171],
      [500000.2, 4649778.4, 172],
    ]);
    expect(drawCloud(cloud).caption).toBe(
      'centred on (500000.20, 4649776.30), 50 m to each side, a ring every 10 m, heights from 170.00 to 172.00 m: 3 of 3 points inside',
    );
    expect(drawnBy(cloud, false)).toEqual(['383,400', '400,391', '400,400']);
  });

  test('is about the others where some are far away or have no place', () => {
    const near = Array.from({ length: 20 }, (_, i) => [500000 + i, 4649776, 170 + i / 10] as const);
    const { caption } = drawCloud(cloudOf([...near, [1e30, 1e30, 1e30], [0, 0, 0], [Number.NaN, 0, 0]]));
    expect(caption).toContain('centred on (500009.00, 4649776.00)');
    expect(caption).toContain('heights from 170.00 to 171.90 m: 20 of 23 points inside');
  });

  test('says that nothing is inside', () => {
    const ring = [0, 1, 2, 3].map(
      (k) => [100 * Math.cos(k * 1.5708), 100 * Math.sin(k * 1.5708), 0] as const,
    );
    expect(drawCloud(cloudOf(ring)).caption).toMatch(/none of the points is inside$/);
    expect(drawCloud(cloudOf([[Number.NaN, 1, 1]])).caption).toMatch(/none of the points is inside$/);
    expect(drawCloud(cloudOf([])).caption).toMatch(/none of the points is inside$/);
  });
});

test('a view from above leaves out points without a height', () => {
  // Compared as bytes: two million numbers take `toEqual` seven seconds.
  const drawn = (...values: number[]) => Buffer.from(drawBirdsEye(Float32Array.from(values)).data);
  const one = drawn(1, 1, 0, 0);
  expect(one.equals(drawn())).toBe(false);
  expect(drawn(1, 1, Number.NaN, 0).equals(drawn())).toBe(true);
  expect(drawn(1, 1, Number.NaN, 0, 1, 1, 0, 0).equals(one)).toBe(true);
});
