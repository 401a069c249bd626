import { describe, expect, it } from 'vitest';
import { minimize } from '../../../src/evaluation/probes/lbfgs.ts';

const curvatures = Float64Array.from({ length: 30 }, (_, i) => 10 ** (i / 15));

/** Σ c_i (x_i - i)² / 2 + x_0⁴. */
function bowl(x: Float64Array) {
  const gradient = x.map((value, i) => curvatures[i] * (value - i) + (i === 0 ? 4 * value ** 3 : 0));
  return {
    value: x.reduce((sum, value, i) => sum + (curvatures[i] * (value - i) ** 2) / 2, x[0] ** 4),
    gradient,
  };
}

describe('minimize', () => {
  it('finds the minimum, sooner with an estimate of the curvature', () => {
    const start = new Float64Array(30).fill(-2);
    const options = { tolerance: 1e-8, mostSteps: 1000 };
    const plain = minimize(bowl, start, options);
    const precondition = (vector: Float64Array) => vector.map((value, i) => value / curvatures[i]);
    const helped = minimize(bowl, start, { ...options, precondition });
    for (const { point, converged, value } of [plain, helped]) {
      expect(converged).toBe(true);
      expect(value).toBeLessThan(1e-12);
      point.forEach((x, i) => {
        expect(x).toBeCloseTo(i, 6);
      });
    }
    expect(helped.steps).toBeLessThan(20);
    expect(plain.steps).toBeGreaterThan(helped.steps);
  });

  it('says where it did not get there', () => {
    const cut = minimize(bowl, new Float64Array(30).fill(-2), { tolerance: 1e-8, mostSteps: 3 });
    expect(cut.converged).toBe(false);
    expect(cut.steps).toBe(3);
    // A gradient that belongs to another function leads nowhere.
    const wrong = minimize((x) => ({ value: x[0], gradient: Float64Array.of(-1) }), Float64Array.of(0), {
      tolerance: 1e-8,
      mostSteps: 10,
    });
    expect(wrong.converged).toBe(false);
    expect([...wrong.point]).toEqual([0]);
  });
});
