import type { Matrix44 } from './matrix.ts';

/** The turn by `angle` radians about +z, from +x towards +y. */
export function rotationZ(angle: number): Matrix44 {
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  return Float64Array.of(c, -s, 0, 0, s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/**
 * The rotation Rz(yaw) · Ry(pitch) · Rx(roll), 3x3 and row-major, of a frame with x forward, y left, z up: a positive pitch is the
 * front down, a positive roll the left side up (radians).
 */
export function rotationZyx(yaw: number, pitch: number, roll: number): readonly number[] {
  const [cx, sx] = [Math.cos(roll), Math.sin(roll)];
  const [cy, sy] = [Math.cos(pitch), Math.sin(pitch)];
  const [cz, sz] = [Math.cos(yaw), Math.sin(yaw)];
  return [
    ...[cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
    ...[sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
    ...[-sy, cy * sx, cy * cx],
  ];
}

/** The shift by x, y, z metres. */
export function translation(x: number, y: number, z: number): Matrix44 {
  return Float64Array.of(1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z, 0, 0, 0, 1);
}

/** The scaling of the three axes about the origin. */
export function scaling(x: number, y: number, z: number): Matrix44 {
  return Float64Array.of(x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1);
}

/** aFromB from its rotation (3x3, row-major) and where b's origin lies in a, metres. */
export function rigidTransform(
  rotation: ArrayLike<number>,
  [x, y, z]: readonly [x: number, y: number, z: number] = [0, 0, 0],
): Matrix44 {
  const r = rotation;
  return Float64Array.of(r[0], r[1], r[2], x, r[3], r[4], r[5], y, r[6], r[7], r[8], z, 0, 0, 0, 1);
}

/**
 * bFromA of a rigid aFromB: the rotation transposed. Right only for rotations; see `inverseAffine` for the rest.
 *
 * @example
 * const worldFromCar = compose(translation(100, 0, 0), rotationZ(Math.PI / 2));
 * transformPoint(inverseRigid(worldFromCar), [100, 5, 0]); // [5.00, 0.00, 0.00]
 */
export function inverseRigid(aFromB: Matrix44): Matrix44 {
  const [a, b, c, x, d, e, f, y, g, h, i, z] = aFromB;
  return Float64Array.of(
    ...[a, d, g, -(a * x + d * y + g * z)],
    ...[b, e, h, -(b * x + e * y + h * z)],
    ...[c, f, i, -(c * x + f * y + i * z)],
    ...[0, 0, 0, 1],
  );
}

/**
 * bFromA of any affine aFromB (last row 0 0 0 1): rotation, scale, flips, and a camera's projection with that row
 * added. By cofactors; throws RangeError when the matrix flattens space.
 */
export function inverseAffine(aFromB: Matrix44): Matrix44 {
  const [a, b, c, x, d, e, f, y, g, h, i, z] = aFromB;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const size = Math.hypot(a, b, c) * Math.hypot(d, e, f) * Math.hypot(g, h, i);
  if (!(Math.abs(determinant) > 1e-14 * size)) {
    throw new RangeError(`the matrix has no inverse (determinant ${determinant})`);
  }
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  const result = new Float64Array(16);
  rows.forEach((row, r) => {
    const [p, q, s] = row.map((cofactor) => cofactor / determinant);
    result.set([p, q, s, -(p * x + q * y + s * z)], r * 4);
  });
  result[15] = 1;
  return result;
}
