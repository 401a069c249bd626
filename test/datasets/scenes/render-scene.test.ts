import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { beamElevation } from '../../../src/datasets/scenes/laser-scanner.ts';
import { renderScene } from '../../../src/datasets/scenes/render-scene.ts';
import { createCamera } from '../../../src/datasets/scenes/scene-camera.ts';
import { pointInBox } from '../../../src/geometry/box.ts';
import { projectBox } from '../../../src/geometry/box-projection.ts';
import {
  parseKittiCalibration,
  pixelFromLidar,
  rectFromLidar,
} from '../../../src/geometry/kitti-calibration.ts';
import { describeWithRealData } from '../../real-data.ts';

const options = { imageSize: { width: 621, height: 188 }, scanner: { beams: 64, steps: 900 } };
const small = { imageSize: { width: 160, height: 48 }, scanner: { beams: 16, steps: 200 } };

describe('a rendered scene', () => {
  const scenes = [0, 1].map((index) => renderScene('test', index, options));

  test('is the same for the same seed and index whatever was rendered before, and another for others', () => {
    const first = renderScene('a', 0, small);
    const others = [renderScene('a', 1, small), renderScene('b', 0, small)];
    const again = renderScene('a', 0, small);
    expect(again.image.data).toEqual(first.image.data);
    expect(again.points).toEqual(first.points);
    expect(again.labels).toEqual(first.labels);
    for (const other of others) {
      let difference = 0;
      for (let k = 0; k < first.image.data.length; k++)
        difference += Math.abs(first.image.data[k] - other.image.data[k]);
      expect(difference / first.image.data.length).toBeGreaterThan(8);
    }
  });

  test('has a sweep like a scanner on a car: the road 1.73 m below, ranges and reflectances in their bounds', () => {
    for (const { points } of scenes) {
      const count = points.length / 4;
      expect(count).toBeGreaterThan(0.6 * 64 * 900);
      let road = 0;
      let near = 0;
      let wrong = 0;
      for (let i = 0; i < points.length; i += 4) {
        const [x, y, z, reflectance] = points.subarray(i, i + 4);
        const range = Math.hypot(x, y, z);
        if (!(range > 1.4 && range < 80.2 && reflectance >= 0 && reflectance < 1)) wrong++;
        if (x < 4 || x > 7 || Math.abs(y) > 1) continue;
        near++;
        if (Math.abs(z + 1.75) < 0.15) road++;
      }
      expect(wrong).toBe(0);
      expect(near).toBeGreaterThan(50);
      expect(road / near).toBeGreaterThan(0.9);
    }
  });

  test('sweeps beam after beam from the top, each turning against the clock', () => {
    const { points } = scenes[0];
    let wraps = 0;
    let previous = { azimuth: -1, elevation: 1 };
    for (let i = 0; i < points.length; i += 4) {
      const azimuth = (Math.atan2(points[i + 1], points[i]) + 2 * Math.PI) % (2 * Math.PI);
      const elevation = Math.atan2(points[i + 2], Math.hypot(points[i], points[i + 1]));
      if (azimuth < previous.azimuth) {
        wraps++;
        expect(elevation).toBeLessThan(previous.elevation);
      }
      previous = { azimuth, elevation };
    }
    expect(wraps).toBeGreaterThanOrEqual(62);
    expect(wraps).toBeLessThan(64);
  });

  test('is labelled: levels and angles in range, image boxes inside the picture and inside the 3D boxes projected', () => {
    const labels = scenes.flatMap(({ labels, camera }) => labels.map((label) => ({ label, camera })));
    expect(labels.length).toBeGreaterThan(5);
    for (const { label, camera } of labels) {
      const [left, top, right, bottom] = label.box2;
      expect(left).toBeGreaterThanOrEqual(0);
      expect(top).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(camera.width - 1);
      expect(bottom).toBeLessThanOrEqual(camera.height - 1);
      expect(right).toBeGreaterThan(left);
      expect(bottom).toBeGreaterThan(top);
      if (label.box3 === undefined) {
        expect(label.type).toBe('DontCare');
        continue;
      }
      expect(['Car', 'Van', 'Truck', 'Pedestrian', 'Cyclist']).toContain(label.type);
      expect(label.truncation).toBeGreaterThanOrEqual(0);
      expect(label.truncation).toBeLessThanOrEqual(1);
      expect([0, 1, 2]).toContain(label.occlusion);
      expect(Math.abs(label.alpha)).toBeLessThanOrEqual(Math.PI);
      const around = projectBox(label.box3, camera.pixelFromLidar, camera)!;
      // The mirrors of vehicles stand out of their boxes by some 10 cm.
      const slack =
        1 + (0.2 * camera.calibration.p2[0]) / Math.max(1, label.box3.center[0] - label.box3.sizeM[0] / 2);
      expect(left).toBeGreaterThan(around[0] - slack);
      expect(right).toBeLessThan(around[2] + slack);
      expect(top).toBeGreaterThan(around[1] - 1);
      expect(bottom).toBeLessThan(around[3] + 1);
      const cut = left === 0 || top === 0 || right === camera.width - 1 || bottom === camera.height - 1;
      if (!cut) expect(label.truncation).toBeLessThan(0.02);
    }
  });

  test('has points inside the boxes of what is near and plainly seen', () => {
    let checked = 0;
    for (const { labels, points } of scenes)
      for (const { box3, occlusion, truncation } of labels) {
        if (box3 === undefined || occlusion > 0 || truncation > 0.1 || Math.hypot(...box3.center) > 30)
          continue;
        let inside = 0;
        for (let i = 0; i < points.length; i += 4)
          if (pointInBox(box3, points[i], points[i + 1], points[i + 2])) inside++;
        expect(inside).toBeGreaterThan(8);
        checked++;
      }
    expect(checked).toBeGreaterThan(1);
  });

  describe('with depth', () => {
    const scene = renderScene('test', 0, { ...options, depth: true });
    const depth = scene.depth!;
    const { width, height } = scene.image;

    test('is the same otherwise', () => {
      expect(scenes[0].depth).toBeUndefined();
      expect({ ...scene, depth: undefined }).toEqual({ ...scenes[0], depth: undefined });
    });

    test('is as deep as the sweep measures, but for its noise and for edges', () => {
      const p = scene.camera.pixelFromLidar;
      // 1/depth is linear over the picture of a plane: between the middles of pixels it is exact there.
      const between = (u: number, v: number) => {
        const [column, line] = [Math.floor(u), Math.floor(v)];
        const nearness = (i: number, j: number) =>
          (Math.abs(1 - i - (u - column)) * Math.abs(1 - j - (v - line))) /
          depth[(line + j) * width + column + i];
        return 1 / (nearness(0, 0) + nearness(1, 0) + nearness(0, 1) + nearness(1, 1));
      };
      const differences: number[] = [];
      for (let i = 0; i < scene.points.length; i += 4) {
        const [x, y, z] = scene.points.subarray(i, i + 3);
        const row = (r: number) => p[r] * x + p[r + 1] * y + p[r + 2] * z + p[r + 3];
        const w = row(8);
        const [u, v] = [row(0) / w, row(4) / w];
        if (w > 1 && u >= 0 && v >= 0 && u < width - 1 && v < height - 1) differences.push(between(u, v) - w);
      }
      expect(differences.length).toBeGreaterThan(5000);
      differences.sort((a, b) => a - b);
      expect(Math.abs(differences[differences.length >> 1])).toBeLessThan(0.003);
      const within = (metres: number) =>
        differences.filter((difference) => Math.abs(difference) < metres).length / differences.length;
      expect(within(0.03)).toBeGreaterThan(0.7);
      expect(within(0.05)).toBeGreaterThan(0.8);
    });

    test('has no depth in the sky', () => {
      expect(depth).toHaveLength(width * height);
      expect(depth[width >> 1]).toBe(0);
      const road = depth[(height - 1) * width + (width >> 1)];
      expect(road).toBeGreaterThan(3);
      expect(road).toBeLessThan(8);
    });
  });
});

test('the beams descend from 2 to -24 degrees in two blocks', () => {
  const degrees = Array.from({ length: 64 }, (_, beam) => (beamElevation(beam) * 180) / Math.PI);
  for (let beam = 1; beam < 64; beam++) expect(degrees[beam]).toBeLessThan(degrees[beam - 1]);
  expect(degrees[0]).toBeCloseTo(2.2, 0);
  expect(degrees[63]).toBeGreaterThan(-24.9);
  expect(degrees[63]).toBeLessThan(-23);
  expect(degrees[40] - degrees[41]).toBeGreaterThan(1.3 * (degrees[10] - degrees[11]));
});

describeWithRealData('the scene camera beside the real one', 'kitti-object/training', (path) => {
  test('sees the same directions within a degree, through the same lens', () => {
    const real = parseKittiCalibration(readFileSync(`${path}/calib/000001.txt`, 'utf8'));
    const camera = createCamera(1242, 375);
    const ours = rectFromLidar(camera.calibration);
    const theirs = rectFromLidar(real);
    for (let i = 0; i < 12; i++) expect(Math.abs(ours[i] - theirs[i])).toBeLessThan(0.02);
    const project = (m: Float64Array) =>
      [15, 2, -1, 1].reduce(
        (sum, v, i) => [sum[0] + v * m[i], sum[1] + v * m[4 + i], sum[2] + v * m[8 + i]],
        [0, 0, 0],
      );
    const [a, b] = [project(pixelFromLidar(real)), project(camera.pixelFromLidar)];
    expect(Math.abs(a[0] / a[2] - b[0] / b[2])).toBeLessThan(14);
    expect(Math.abs(a[1] / a[2] - b[1] / b[2])).toBeLessThan(14);
  });
});

test.each([
  ['a', 0, 'b3d5f524643bd55ac451'],
  [0, 3, '174c6a6a9397070c2453'],
  [0, 4, 'fda69a966f2525a46aa2'],
] as const)('scene %s/%i stays as it is, to the bit', (seed, index, expected) => {
  const tiny = { imageSize: { width: 310, height: 94 }, scanner: { beams: 16, steps: 400 } };
  const { image, points, labels } = renderScene(seed, index, tiny);
  const hash = createHash('sha256').update(image.data).update(new Uint8Array(points.buffer));
  expect(hash.update(JSON.stringify(labels)).digest('hex').slice(0, 20)).toBe(expected);
});
