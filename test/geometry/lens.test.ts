import { describe, expect, it } from 'vitest';
import { distort, type Lens, undistort } from '../../src/geometry/lens.ts';

/** Waymo's FRONT camera has these, but for k3. */
const lens: Lens = { k1: 0.0454, k2: -0.3357, p1: 0.00136, p2: -0.00068, k3: 0.01 };

/** The formula of OpenCV's camera model with fractions of whole numbers, rounded once at the end. */
function exactDistortion(coefficients: Lens, x: number, y: number): [number, number] {
  const scale = 10n ** 12n;
  const whole = (value: number) => BigInt(Math.round(value * 1e6)) * 10n ** 6n;
  const times = (...factors: bigint[]) => factors.reduce((a, b) => (a * b) / scale);
  const [k1, k2, p1, p2, k3] = [
    coefficients.k1,
    coefficients.k2,
    coefficients.p1,
    coefficients.p2,
    coefficients.k3,
  ].map(whole);
  const [u, v] = [whole(x), whole(y)];
  const r2 = times(u, u) + times(v, v);
  const r4 = times(r2, r2);
  const radial = scale + times(k1, r2) + times(k2, r4) + times(k3, r4, r2);
  const across = times(u, radial) + 2n * times(p1, u, v) + times(p2, r2 + 2n * times(u, u));
  const down = times(v, radial) + times(p1, r2 + 2n * times(v, v)) + 2n * times(p2, u, v);
  return [Number(across) / 1e12, Number(down) / 1e12];
}

describe('a lens', () => {
  it.each([
    // One coefficient at a time, so that the powers are simple: at (1/2, 1/4), r² is 5/16.
    [{ k1: 0.64 }, [0.5 * 1.2, 0.25 * 1.2]],
    [{ k2: 2.56 }, [0.5 * 1.25, 0.25 * 1.25]],
    [{ k3: 4.096 }, [0.5 * 1.125, 0.25 * 1.125]],
    // 2 p1 x y = p1/4 and p1 (r² + 2y²) = 7 p1/16; p2 (r² + 2x²) = 13 p2/16 and 2 p2 x y = p2/4.
    [{ p1: 0.16 }, [0.5 + 0.04, 0.25 + 0.07]],
    [{ p2: 0.16 }, [0.5 + 0.13, 0.25 + 0.04]],
  ])('of %o bends as the formula says', (coefficients, expected) => {
    const [x, y] = distort({ k1: 0, k2: 0, p1: 0, p2: 0, k3: 0, ...coefficients }, 0.5, 0.25);
    expect(x).toBeCloseTo(expected[0], 14);
    expect(y).toBeCloseTo(expected[1], 14);
  });

  it.each([
    [0, 0],
    [0.46, -0.31],
    [-0.5, 0.3],
    [0.1, 0.05],
  ])('of a real camera bends (%f, %f) as whole numbers do', (x, y) => {
    const [across, down] = distort(lens, x, y);
    const expected = exactDistortion(lens, x, y);
    expect(across).toBeCloseTo(expected[0], 10);
    expect(down).toBeCloseTo(expected[1], 10);
  });

  it('is undone', () => {
    for (let x = -0.55; x <= 0.55; x += 0.05) {
      for (let y = -0.4; y <= 0.4; y += 0.05) {
        const back = undistort(lens, ...distort(lens, x, y));
        expect(Math.hypot(back![0] - x, back![1] - y)).toBeLessThan(1e-12);
      }
    }
  });

  it('shows nothing beyond where its formula turns back', () => {
    // x (1 - x²/3) has its greatest value, 2/3, at 1.
    const barrel = { k1: -1 / 3, k2: 0, p1: 0, p2: 0, k3: 0 };
    expect(undistort(barrel, 0.6, 0)![0]).toBeLessThan(1);
    expect(undistort(barrel, 0.6, 0)![0] * (1 - undistort(barrel, 0.6, 0)![0] ** 2 / 3)).toBeCloseTo(0.6, 12);
    expect(undistort(barrel, 0.7, 0)).toBeUndefined();
  });
});
