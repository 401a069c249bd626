import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IndexSet } from '../../src/pointcloud/index-set.ts';

describe('IndexSet', () => {
  test('gives back the lowest of what was added once each, ascending, and is then empty', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000)), fc.nat(60), fc.nat(3), (added, limit, at) => {
        const set = new IndexSet(5001);
        const into = new Int32Array(at + 5001).fill(-1);
        for (const index of added) set.add(index);
        const lowest = [...new Set(added)].sort((a, b) => a - b).slice(0, limit);
        expect(set.drain(into, at, limit)).toBe(lowest.length);
        expect([...into.subarray(0, at + lowest.length + 1)]).toEqual([...Array(at).fill(-1), ...lowest, -1]);
        expect(set.drain(into, 0, 5001)).toBe(0);
      }),
    );
  });
});
