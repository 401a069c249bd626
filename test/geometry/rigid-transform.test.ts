import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compose,
  identity44,
  type Matrix44,
  multiply34by44,
  multiply44,
  to34,
  to44,
  transformPoint,
  transformPoints,
} from '../../src/geometry/matrix.ts';
import {
  inverseAffine,
  inverseRigid,
  rigidTransform,
  rotationZ,
  scaling,
  translation,
} from '../../src/geometry/rigid-transform.ts';

const coordinate = fc.double({ min: -100, max: 100, noNaN: true });
const vector = fc.tuple(coordinate, coordinate, coordinate);
const angle = fc.double({ min: -7, max: 7, noNaN: true });

/** A rotation about any axis: turns about z with the axes passed round in between. */
const rigid = fc.tuple(angle, angle, angle, vector).map(([a, b, c, [x, y, z]]) => {
  const roundTheAxes = rigidTransform([0, 0, 1, 1, 0, 0, 0, 1, 0]);
  return compose(translation(x, y, z), rotationZ(a), roundTheAxes, rotationZ(b), roundTheAxes, rotationZ(c));
});

const factor = fc.double({ min: 0.2, max: 5, noNaN: true }).chain((size) => fc.constantFrom(size, -size));
const affine = fc
  .tuple(rigid, factor, factor, factor, rigid)
  .map(([a, x, y, z, b]) => compose(a, scaling(x, y, z), b));

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, digits = 9): void {
  expect(found.length).toBe(expected.length);
  for (let k = 0; k < expected.length; k++) expect(found[k]).toBeCloseTo(expected[k], digits);
}

describe('matrices', () => {
  it('multiply as the sums of products say', () => {
    const a = Float64Array.from({ length: 16 }, (_, k) => k + 1);
    const b = Float64Array.from({ length: 16 }, (_, k) => (k * 7) % 5);
    const product = multiply44(a, b);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        const sum = [0, 1, 2, 3].reduce((total, k) => total + a[4 * i + k] * b[4 * k + j], 0);
        expect(product[4 * i + j]).toBe(sum);
      }
    }
    expect(multiply34by44(a.subarray(0, 12), b)).toEqual(product.slice(0, 12));
    expect(multiply44(a, identity44())).toEqual(a);
    expect(multiply44(identity44(), a)).toEqual(a);
  });

  it('act on a point in the order in which they are written, the last first', () => {
    const aFromB = translation(1, 2, 3);
    const bFromC = rotationZ(Math.PI / 2);
    expectNear(transformPoint(compose(aFromB, bFromC), [1, 0, 5]), [1, 3, 8]);
  });

  it('move rows of points and leave the other columns', () => {
    const points = Float32Array.of(1, 2, 3, 0.5, -4, 5, 6, 0.25);
    const moved = transformPoints(compose(translation(10, 0, 0), scaling(1, -1, 2)), points, 4);
    expect([...moved]).toEqual([11, -2, 6, 0.5, 6, -5, 12, 0.25]);
    expect(moved).toBeInstanceOf(Float32Array);
    expect(points[0]).toBe(1);
    expect(() => transformPoints(identity44(), points, 3)).toThrow(/whole rows of 3/);
    expect(() => transformPoints(identity44(), points, 2)).toThrow(/whole rows of 2/);
  });

  it('gain and lose their last row', () => {
    const matrix = Float64Array.from({ length: 12 }, (_, k) => k);
    expect([...to44(matrix).slice(12)]).toEqual([0, 0, 0, 1]);
    expect(to34(to44(matrix))).toEqual(matrix);
  });
});

describe('inverses', () => {
  const undoes = (inverse: (m: Matrix44) => Matrix44) => (matrix: Matrix44) => {
    expectNear(multiply44(inverse(matrix), matrix), identity44());
    expectNear(multiply44(matrix, inverse(matrix)), identity44());
  };

  it('of rigid transforms undo them', () => {
    fc.assert(fc.property(rigid, undoes(inverseRigid)));
    fc.assert(fc.property(rigid, (matrix) => expectNear(inverseRigid(matrix), inverseAffine(matrix))));
  });

  it('of affine transforms with scale and flips undo them', () => {
    fc.assert(fc.property(affine, undoes(inverseAffine)));
  });

  it('are refused where space is flattened', () => {
    expect(() => inverseAffine(scaling(1, 0, 1))).toThrow(/no inverse/);
    expect(() => inverseAffine(Float64Array.of(1, 2, 3, 0, 2, 4, 6, 0, 0, 0, 1, 0, 0, 0, 0, 1))).toThrow(
      /no inverse/,
    );
    expect(() => inverseAffine(new Float64Array(16).fill(Number.NaN))).toThrow(/no inverse/);
    expectNear(inverseAffine(scaling(1e-8, 1e-8, 1e-8)), scaling(1e8, 1e8, 1e8), 3);
  });
});
