import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { farthestPointSample, resampleFarthest } from '../../src/pointcloud/farthest-points.ts';
import { readKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { gatherRows } from '../../src/pointcloud/point-rows.ts';
import { describeWithRealData } from '../real-data.ts';
import { cloudOf, squaredDistance, widened } from './clouds.ts';

/** The definition, word for word. */
function byDefinition(points: Float32Array, count: number, start = 0): number[] {
  const nearest = new Array<number>(points.length / 3).fill(Infinity);
  const chosen: number[] = [];
  let next = start;
  while (chosen.length < count) {
    chosen.push(next);
    for (let i = 0; i < nearest.length; i++)
      nearest[i] = Math.min(nearest[i], squaredDistance(points, i, points, next));
    next = nearest.indexOf(nearest.reduce((a, b) => Math.max(a, b)));
  }
  return chosen;
}

describe('resampleFarthest', () => {
  test('is the farthest-point sample of a sample, also where points run out', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(cloudOf({ max: 120 }), part, part, fc.nat(), (points, first, second, at) => {
        const total = points.length / 3;
        const start = at % total;
        const sample = farthestPointSample(points, Math.round(first * total), { start });
        const count = Math.round(second * sample.length);
        const rows = gatherRows(points, sample, { stride: 3 });
        // Where points run out, index 0 comes again and again: after another start that is no order of its own.
        const places = Array.from(sample, (_, i) => rows.slice(3 * i, 3 * i + 3).join());
        fc.pre(start === 0 || new Set(places).size === sample.length);
        expect([...resampleFarthest(sample, count)]).toEqual(byDefinition(rows, count));
      }),
      { numRuns: 300, examples: [[Float32Array.of(0, 0, 0, 0, 0, 0), 0.75, 0.75, 1]] },
    );
    expect([...resampleFarthest(Int32Array.of(4, 9, 2, 4, 4), 5)]).toEqual([0, 1, 2, 0, 0]);
    expect(() => resampleFarthest(Int32Array.of(4, 9), 3)).toThrow('from 0 to 2, found 3');
  });
});

describe('farthestPointSample', () => {
  test('is its definition on clouds of every shape', () => {
    fc.assert(
      fc.property(
        cloudOf({ max: 300 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (points, part, at) => {
          const total = points.length / 3;
          const count = Math.round(part * total);
          const start = at % total;
          const expected = byDefinition(points, count, start);
          expect([...farthestPointSample(points, count, { start })]).toEqual(expected);
          expect([...farthestPointSample(widened(points), count, { start, stride: 5 })]).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('starts at index 0, takes the lowest of equals and comes back to it when nothing is left', () => {
    const square = Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0);
    expect([...farthestPointSample(square, 4)]).toEqual([0, 3, 1, 2]);
    expect([...farthestPointSample(Float32Array.of(5, 5, 5, 5, 5, 5, 5, 5, 5), 3)]).toEqual([0, 0, 0]);
    expect([...farthestPointSample(Float32Array.of(1, 2, 3), 1)]).toEqual([0]);
    expect([...farthestPointSample(new Float32Array(0), 0)]).toEqual([]);
  });

  test('is its definition on many points, where boxes are really skipped', () => {
    const random = Random.fromSeed('farthest');
    const points = Float32Array.from({ length: 3 * 2500 }, (_, i) => random.normal(0, [30, 20, 1][i % 3]));
    expect([...farthestPointSample(points, 400)]).toEqual(byDefinition(points, 400));
  });

  test.each([
    ['more than there are', () => farthestPointSample(new Float32Array(9), 4), 'from 0 to 3, found 4'],
    ['part of a point', () => farthestPointSample(new Float32Array(9), 1.5), 'count'],
    ['rows that are not whole', () => farthestPointSample(new Float32Array(10), 1), 'rows of 3 floats'],
    ['NaN', () => farthestPointSample(Float32Array.of(0, 0, 0, 0, Number.NaN, 0), 1), 'point 1'],
    ['infinity', () => farthestPointSample(Float32Array.of(0, Infinity, -Infinity), 1), 'point 0'],
    ['a start outside', () => farthestPointSample(new Float32Array(9), 1, { start: 3 }), 'start'],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringContaining(message) }),
    );
  });
});

describeWithRealData(
  'farthestPointSample of a KITTI frame',
  'kitti-object/training/velodyne/000001.bin',
  (path) => {
    test('is its definition', () => {
      const frame = readKittiBin(readFileSync(path));
      const every40th = Array.from({ length: Math.floor(frame.length / 160) }, (_, i) => 40 * i);
      const rows = gatherRows(frame, every40th);
      const xyz = Float32Array.from(
        { length: 3 * every40th.length },
        (_, i) => rows[4 * Math.floor(i / 3) + (i % 3)],
      );
      expect([...farthestPointSample(rows, 300, { stride: 4 })]).toEqual(byDefinition(xyz, 300));
    });
  },
);
