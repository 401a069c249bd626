import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { principalAxes } from '../../../src/viewer/server/principal-axes.ts';

/** The covariance of vectors of random lengths: Σ x·xᵀ. */
function randomCovariance(seed: string, width: number, rank: number): Float64Array {
  const random = Random.fromSeed(seed);
  const covariance = new Float64Array(width * width);
  for (let n = 0; n < rank; n++) {
    const length = random.uniform(0.2, 2);
    const x = Array.from({ length: width }, () => length * random.normal());
    for (let i = 0; i < width; i++) for (let j = 0; j < width; j++) covariance[i * width + j] += x[i] * x[j];
  }
  return covariance;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, d) => sum + value * b[d], 0);

describe('principal axes', () => {
  it('are those that the covariance was made of', () => {
    // Of directions (0.6, 0.8, 0), (-0.8, 0.6, 0) and z, with variances 2, 5 and 3.
    const axes = [
      [0.6, 0.8, 0],
      [-0.8, 0.6, 0],
      [0, 0, 1],
    ];
    const variances = [2, 5, 3];
    const covariance = Float64Array.from({ length: 9 }, (_, at) =>
      axes.reduce((sum, axis, a) => sum + variances[a] * axis[Math.floor(at / 3)] * axis[at % 3], 0),
    );
    const found = principalAxes(covariance, 3, 3);
    expect(found.variances.map((each) => Number(each.toFixed(6)))).toEqual([5, 3, 2]);
    // The component that is farthest from 0 is positive.
    const expected = [
      [0.8, -0.6, 0],
      [0, 0, 1],
      [0.6, 0.8, 0],
    ];
    found.axes.forEach((axis, a) => {
      axis.forEach((component, d) => {
        expect(component).toBeCloseTo(expected[a][d], 5);
      });
    });
  });

  it.each([
    ['many rows', 200],
    ['fewer rows than dimensions', 9],
  ])('are eigenvectors, the largest first, of %s', (name, rank) => {
    const width = 32;
    const covariance = randomCovariance(name, width, rank);
    const { axes, variances } = principalAxes(covariance, width, 3);
    const trace = Array.from({ length: width }, (_, d) => covariance[d * width + d]).reduce((a, b) => a + b);
    axes.forEach((axis, a) => {
      for (let d = 0; d < width; d++) {
        const image = dot(covariance.subarray(d * width, (d + 1) * width), axis);
        expect(Math.abs(image - variances[a] * axis[d])).toBeLessThan(1e-6 * trace);
      }
      axes.forEach((other, b) => {
        expect(dot(axis, other)).toBeCloseTo(a === b ? 1 : 0, 9);
      });
      expect(Math.max(...axis)).toBe(Math.max(...axis.map(Math.abs)));
    });
    expect([...variances].sort((a, b) => b - a)).toEqual(variances);
    // No direction at right angles to the three has more variance than the third.
    const random = Random.fromSeed('directions');
    for (let n = 0; n < 200; n++) {
      let direction = Array.from({ length: width }, () => random.normal());
      for (const axis of axes) {
        const along = dot(direction, axis);
        direction = direction.map((component, d) => component - along * axis[d]);
      }
      const image = direction.map((_, d) => dot(covariance.subarray(d * width, (d + 1) * width), direction));
      expect(dot(direction, image) / dot(direction, direction)).toBeLessThanOrEqual(
        variances[2] * (1 + 1e-6),
      );
    }
    expect(principalAxes(covariance, width, 3)).toEqual({ axes, variances });
  });

  it('have no variance where there is none', () => {
    expect(principalAxes(new Float64Array(16), 4, 3).variances).toEqual([0, 0, 0]);
    const { variances } = principalAxes(randomCovariance('one row', 6, 1), 6, 3);
    expect(variances[0]).toBeGreaterThan(0.1);
    expect(variances[1] + variances[2]).toBeLessThan(1e-9);
  });
});
