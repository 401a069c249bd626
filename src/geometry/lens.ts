/**
 * How a lens bends what a pinhole would show: radial and tangential coefficients with OpenCV's meaning and names.
 * With (x, y) the pinhole's normalised coordinates (metres right and down at one metre ahead) and r² = x² + y²,
 *   x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x y + p2 (r² + 2x²)
 *   y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶) + p1 (r² + 2y²) + 2 p2 x y
 */
export interface Lens {
  readonly k1: number;
  readonly k2: number;
  readonly p1: number;
  readonly p2: number;
  readonly k3: number;
}

/**
 * Where the lens puts what the pinhole has at (x, y), both in normalised coordinates.
 *
 * @example
 * distort({ k1: 0.1, k2: 0, p1: 0, p2: 0, k3: 0 }, 0.5, 0); // [0.5125, 0]
 */
export function distort(lens: Lens, x: number, y: number): [x: number, y: number] {
  const { k1, k2, p1, p2, k3 } = lens;
  const rr = x * x + y * y;
  const radial = 1 + rr * (k1 + rr * (k2 + rr * k3));
  return [
    x * radial + 2 * p1 * x * y + p2 * (rr + 2 * x * x),
    y * radial + p1 * (rr + 2 * y * y) + 2 * p2 * x * y,
  ];
}

/**
 * What the pinhole has where the lens shows (x, y): undoes `distort` by Newton's method. Undefined where that finds no
 * point, which is so beyond the radius at which the lens's formula turns back.
 *
 * @example
 * undistort({ k1: 0.1, k2: 0, p1: 0, p2: 0, k3: 0 }, 0.5125, 0); // [0.5, 0]
 */
export function undistort(lens: Lens, x: number, y: number): [x: number, y: number] | undefined {
  const { k1, k2, p1, p2, k3 } = lens;
  let [u, v] = [x, y];
  for (let round = 0; round < 30; round++) {
    const [du, dv] = distort(lens, u, v);
    const [ex, ey] = [du - x, dv - y];
    const rr = u * u + v * v;
    const radial = 1 + rr * (k1 + rr * (k2 + rr * k3));
    const slope = 2 * (k1 + rr * (2 * k2 + 3 * rr * k3));
    const a = radial + slope * u * u + 2 * p1 * v + 6 * p2 * u;
    const b = slope * u * v + 2 * p1 * u + 2 * p2 * v;
    const d = radial + slope * v * v + 6 * p1 * v + 2 * p2 * u;
    const determinant = a * d - b * b;
    // Where the picture folds over, what is found belongs to the other side of the fold.
    if (!(determinant > 0 && a > 0)) return undefined;
    if (Math.abs(ex) + Math.abs(ey) < 1e-13) return [u, v];
    u -= (d * ex - b * ey) / determinant;
    v -= (a * ey - b * ex) / determinant;
  }
  return undefined;
}
