import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { gatherRows } from '../../src/pointcloud/point-rows.ts';
import { filterRange, indicesInRange, sampleRows } from '../../src/pointcloud/range-filter.ts';

const range = { min: [0, -40, -3], max: [70.4, 40, 1] } as const;

describe('filterRange', () => {
  test('keeps rows strictly inside, whole and in order', () => {
    const rows = Float32Array.from(
      [
        [1, 0, 0, 0.1],
        [0, 0, 0, 0.2],
        [70, 40, 0, 0.3],
        [70, 39, 1, 0.4],
        [70, 39, -2.9, 0.5],
        [Number.NaN, 0, 0, 0.6],
      ].flat(),
    );
    expect([...indicesInRange(rows, range)]).toEqual([0, 4]);
    expect(filterRange(rows, range)).toEqual(Float32Array.of(1, 0, 0, 0.1, 70, 39, -2.9, 0.5));
    expect([...indicesInRange(Float32Array.of(1, 0, 0, 0, 0, 0), range, { stride: 3 })]).toEqual([0]);
    expect(() => indicesInRange(new Float32Array(5), range)).toThrow('rows of 4 floats');
  });

  test('gathers rows in the order asked for', () => {
    expect(gatherRows(Float32Array.of(1, 2, 3, 4), [1, 0, 1], { stride: 2 })).toEqual(
      Float32Array.of(3, 4, 1, 2, 3, 4),
    );
  });
});

describe('sampleRows', () => {
  test('takes different indices where there are enough, each equally often in every place', () => {
    const random = Random.fromSeed('rows');
    let repeats = 0;
    const tally = new Int32Array(10);
    const firsts = new Int32Array(10);
    for (let trial = 0; trial < 4000; trial++) {
      const chosen = sampleRows(4, 10, random);
      repeats += 4 - new Set(chosen).size;
      for (const index of chosen) tally[index]++;
      firsts[chosen[0]]++;
    }
    expect(repeats).toBe(0);
    for (const count of tally) expect(Math.abs(count - 1600)).toBeLessThan(160);
    for (const count of firsts) expect(Math.abs(count - 400)).toBeLessThan(100);
    expect([...sampleRows(5, 5, random)].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test('draws with replacement where there are fewer, and nothing from none', () => {
    const random = Random.fromSeed('few');
    const chosen = sampleRows(1000, 3, random);
    expect(chosen).toHaveLength(1000);
    expect(new Set(chosen)).toEqual(new Set([0, 1, 2]));
    expect(sampleRows(0, 0, random)).toHaveLength(0);
    expect(() => sampleRows(1, 0, random)).toThrow('available');
  });

  test('is decided by the generator alone', () => {
    expect(sampleRows(8, 100, Random.fromSeed(3))).toEqual(sampleRows(8, 100, Random.fromSeed(3)));
    expect(sampleRows(8, 100, Random.fromSeed(3))).not.toEqual(sampleRows(8, 100, Random.fromSeed(4)));
  });
});
