import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { effectiveRank, featureSpread } from '../../../src/evaluation/probes/effective-rank.ts';

/** Rows 2^m · (sign of a column of the Hadamard matrix) · scale: centred, columns at right angles, singular values √count · scale. */
function orthogonal(count: number, scales: readonly number[], mean = 0) {
  const width = scales.length;
  const rows = Float32Array.from({ length: count * width }, (_, at) => {
    const [i, k] = [Math.floor(at / width), (at % width) + 1];
    let bits = i & k;
    let odd = 0;
    for (; bits !== 0; bits >>= 1) odd ^= bits & 1;
    return (odd === 1 ? -1 : 1) * scales[k - 1] + mean;
  });
  return { rows, count, width };
}

describe('effectiveRank', () => {
  it('is the number of equal values, and 0 of none', () => {
    expect(effectiveRank([3, 3, 3, 3])).toBeCloseTo(4, 14);
    expect(effectiveRank([0, 5, 0])).toBe(1);
    expect(effectiveRank([0, 0])).toBe(0);
    expect(effectiveRank([])).toBe(0);
  });

  it('is exp of the entropy of the shares', () => {
    // Shares 1/2, 1/4, 1/4: an entropy of 1.5 ln 2.
    expect(effectiveRank([2, 1, 1])).toBeCloseTo(2 ** 1.5, 14);
  });
});

describe('featureSpread', () => {
  it('knows the singular values of columns at right angles, whatever their mean', () => {
    for (const mean of [0, 100]) {
      const spread = featureSpread(orthogonal(64, [4, 2, 2, 0], mean));
      [32, 16, 16, 0].forEach((value, k) => {
        expect(spread.singularValues[k]).toBeCloseTo(value, 10);
      });
      expect(spread.effectiveRank).toBeCloseTo(2 ** 1.5, 12);
      expect(spread.largestRank).toBe(4);
    }
    // Shifted by (3, 0, 0, 0) · √64 without centring: 40 = √(32² + 24²), 16, 16.
    const { rows, ...size } = orthogonal(64, [4, 2, 2, 0]);
    const shifted = { ...size, rows: rows.map((value, at) => value + (at % 4 === 0 ? 3 : 0)) };
    const raw = featureSpread(shifted, { centred: false });
    expect(raw.singularValues[0]).toBeCloseTo(40, 10);
    expect(raw.effectiveRank).toBeCloseTo(effectiveRank([40, 16, 16]), 12);
    expect(featureSpread(shifted).singularValues[0]).toBeCloseTo(32, 10);
  });

  it('is the same from either side, and cannot exceed the rows less one', () => {
    const few = featureSpread(orthogonal(8, new Array(31).fill(1)));
    expect(few.largestRank).toBe(7);
    expect(few.singularValues.length).toBe(7);
    // 31 columns repeat the 7 of the matrix of 8 and the constant one: 4 times or 5.
    expect(few.effectiveRank).toBeGreaterThan(6.9);
    expect(few.effectiveRank).toBeLessThanOrEqual(7 + 1e-9);
    const random = Random.fromSeed('sides');
    const rows = Float32Array.from({ length: 20 * 20 }, () => random.normal());
    const square = featureSpread({ rows, count: 20, width: 20 }).effectiveRank;
    const padded = new Float32Array(20 * 21);
    for (let i = 0; i < 20; i++) padded.set(rows.subarray(i * 20, (i + 1) * 20), i * 21);
    expect(featureSpread({ rows: padded, count: 20, width: 21 }).effectiveRank).toBeCloseTo(square, 9);
  });

  it('calls features that spread evenly healthy', () => {
    const random = Random.fromSeed('healthy');
    const rows = Float32Array.from({ length: 2000 * 64 }, () => random.normal());
    const spread = featureSpread({ rows, count: 2000, width: 64 });
    expect(spread.collapse).toBe('none');
    expect(spread.evenDeviation).toBe(0.125);
    expect(Math.abs(spread.deviation - 0.125)).toBeLessThan(0.002);
    expect(spread.effectiveRank).toBeGreaterThan(62);
    expect(spread.sentence).toMatch(
      /^The features have not collapsed \(effective rank 6\d\.\d of 64; deviation 0\.12, 0\.13 where directions are spread evenly\)\.$/,
    );
  });

  it('calls few directions a collapse in dimension', () => {
    const random = Random.fromSeed('dimensional');
    const [a, b] = [0, 1].map(() => Float32Array.from({ length: 128 }, () => random.normal()));
    const rows = new Float32Array(500 * 128);
    for (let i = 0; i < 500; i++) {
      const [p, q] = [random.normal(), random.normal()];
      for (let k = 0; k < 128; k++) rows[i * 128 + k] = p * a[k] + q * b[k];
    }
    const spread = featureSpread({ rows, count: 500, width: 128 });
    expect(spread.effectiveRank).toBeCloseTo(2, 1);
    expect(spread.collapse).toBe('dimensional');
    expect(spread.sentence).toContain(
      'less than 5 % of the directions they could have (effective rank 2.0 of 128',
    );
    expect(featureSpread({ rows, count: 500, width: 128 }, { dimensionalBelow: 0.01 }).collapse).toBe('none');
  });

  it('calls one direction for all a complete collapse', () => {
    const random = Random.fromSeed('complete');
    const near = Float32Array.from({ length: 100 * 16 }, () => 1 + 1e-4 * random.normal());
    for (const rows of [near, new Float32Array(1600).fill(0.3), new Float32Array(1600)]) {
      const spread = featureSpread({ rows, count: 100, width: 16 });
      expect(spread.collapse).toBe('complete');
      expect(spread.deviation).toBeLessThan(1e-3);
      expect(spread.sentence).toContain('all items have nearly the same one');
    }
    expect(
      featureSpread({ rows: new Float32Array(1600).fill(0.3), count: 100, width: 16 }).effectiveRank,
    ).toBe(0);
  });

  it('refuses NaN', () => {
    expect(() => featureSpread({ rows: Float32Array.of(1, Number.NaN), count: 2, width: 1 })).toThrow(
      'features: row 1, column 0: expected a finite number, found NaN',
    );
  });
});
