import { type SymmetricEigen, symmetricEigen } from '../../geometry/symmetric-eigen.ts';
import type { Intrinsics, PnpPoints } from './pnp-points.ts';

/**
 * The control points of EPnP: the centroid c₀ of an object's points and, along each of their principal directions, one
 * a standard deviation away, c_k = c₀ + scale_k·direction_k. Every point is c₀ + Σ α_k·(c_k - c₀).
 */
export interface ControlPoints {
  readonly centroid: Float64Array;
  /** Rows of x, y, z: the directions of length one, the widest spread first. */
  readonly directions: Float64Array;
  /** The standard deviation along each, metres: the third is 0 where all lie in a plane. */
  readonly scales: Float64Array;
}

/** Spreads below this part of the widest one count as none. */
const NO_SPREAD = 1e-5;

/** The control points of some rows of an object's points; undefined where these lie in a line or a point. */
export function controlPointsOf(
  { objectPoints }: PnpPoints,
  rows: ArrayLike<number>,
): ControlPoints | undefined {
  const count = rows.length;
  const centroid = new Float64Array(3);
  for (let n = 0; n < count; n++)
    for (let k = 0; k < 3; k++) centroid[k] += objectPoints[3 * rows[n] + k] / count;
  const spread = new Float64Array(9);
  for (let n = 0; n < count; n++) {
    const x = objectPoints[3 * rows[n]] - centroid[0];
    const y = objectPoints[3 * rows[n] + 1] - centroid[1];
    const z = objectPoints[3 * rows[n] + 2] - centroid[2];
    spread[0] += x * x;
    spread[1] += x * y;
    spread[2] += x * z;
    spread[4] += y * y;
    spread[5] += y * z;
    spread[8] += z * z;
  }
  const { values, vectors } = symmetricEigen(spread, 3);
  const scales = new Float64Array(3);
  const directions = new Float64Array(9);
  for (let k = 0; k < 3; k++) {
    const scale = Math.sqrt(Math.max(0, values[2 - k]) / count);
    scales[k] = k === 0 || scale > NO_SPREAD * scales[0] ? scale : 0;
    directions.set(vectors.subarray(3 * (2 - k), 3 * (3 - k)), 3 * k);
  }
  return scales[0] > 0 && scales[1] > 0 ? { centroid, directions, scales } : undefined;
}

/**
 * The eigenvectors of MᵀM, where M holds two rows a point: what the control points in the camera frame (`count` of them,
 * c₀ first, x, y, z each) must fulfil for the points to lie on their pixels' rays, X - x̂·Z = 0 and Y - ŷ·Z = 0 with
 * x̂ = (u - cx)/fx, ŷ = (v - cy)/fy (times the focal lengths, so that the errors weigh alike in pixels). Those of the
 * smallest eigenvalues span the solutions. Equation 5 to 8 of the paper of EPnP.
 */
export function rayEquations(
  { objectPoints, pixels }: PnpPoints,
  rows: ArrayLike<number>,
  control: ControlPoints,
  camera: Intrinsics,
  count: 3 | 4,
): SymmetricEigen {
  const { centroid, directions: d, scales } = control;
  const weight = (camera.fy / camera.fx) ** 2;
  const width = 3 * count;
  const matrix = new Float64Array(width * width);
  const alpha = new Float64Array(count);
  for (let n = 0; n < rows.length; n++) {
    const at = 3 * rows[n];
    const x = objectPoints[at] - centroid[0];
    const y = objectPoints[at + 1] - centroid[1];
    const z = objectPoints[at + 2] - centroid[2];
    alpha[0] = 1;
    for (let k = 1; k < count; k++) {
      alpha[k] = (d[3 * k - 3] * x + d[3 * k - 2] * y + d[3 * k - 1] * z) / scales[k - 1];
      alpha[0] -= alpha[k];
    }
    const u = (pixels[2 * rows[n]] - camera.cx) / camera.fx;
    const v = (pixels[2 * rows[n] + 1] - camera.cy) / camera.fy;
    const square = u * u + weight * v * v;
    for (let i = 0; i < count; i++) {
      for (let j = i; j < count; j++) {
        const both = alpha[i] * alpha[j];
        const corner = 3 * i * width + 3 * j;
        matrix[corner] += both;
        matrix[corner + 2] -= both * u;
        matrix[corner + width + 1] += both * weight;
        matrix[corner + width + 2] -= both * weight * v;
        matrix[corner + 2 * width + 2] += both * square;
        if (j === i) continue;
        matrix[corner + 2 * width] -= both * u;
        matrix[corner + 2 * width + 1] -= both * weight * v;
      }
    }
  }
  return symmetricEigen(matrix, width);
}
