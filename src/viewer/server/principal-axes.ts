import { Random } from '../../engine/random.ts';

/** Directions of the largest variance, of length one and at right angles, the largest first, and the variance of each. */
export interface PrincipalAxes {
  readonly axes: readonly Float64Array[];
  readonly variances: readonly number[];
}

const mostIterations = 1000;

/** Residuals of this part of the whole variance are those of axes that were found. */
const tolerance = 1e-8;

/** What is left of a vector that lies in the span of others is rounding, less than this part of it. */
const rounding = 1e-12;

/**
 * The first `count` eigenvectors of a covariance (symmetric, [width·width]), by subspace iteration: V ← orthonormal(C·V)
 * until C·v = λ·v. The component of each that is farthest from 0 is positive. Always the same for a covariance.
 */
export function principalAxes(covariance: Float64Array, width: number, count: number): PrincipalAxes {
  const random = Random.fromSeed('principal axes');
  let trace = 0;
  for (let d = 0; d < width; d++) trace += covariance[d * width + d];
  let axes = orthonormal(
    Array.from({ length: count }, () => Float64Array.from({ length: width }, () => random.normal())),
  );
  let variances: number[] = [];
  for (let iteration = 0; iteration < mostIterations; iteration++) {
    const images = axes.map((axis) => times(covariance, axis));
    variances = axes.map((axis, a) => dot(axis, images[a]));
    const residual = Math.max(...images.map((image, a) => distanceTo(image, axes[a], variances[a])));
    if (residual <= tolerance * trace) break;
    axes = orthonormal(images);
  }
  const order = variances.map((_, a) => a).sort((a, b) => variances[b] - variances[a]);
  return { axes: order.map((a) => upright(axes[a])), variances: order.map((a) => Math.max(0, variances[a])) };
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const width = vector.length;
  return vector.map((_, row) => dot(matrix.subarray(row * width, (row + 1) * width), vector));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d];
  return sum;
}

/** ‖image − value·axis‖. */
function distanceTo(image: Float64Array, axis: Float64Array, value: number): number {
  return Math.hypot(...image.map((component, d) => component - value * axis[d]));
}

/** Gram-Schmidt, twice, which is enough for rounding; what lies in the span of those before becomes 0. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    for (let pass = 0; pass < 2; pass++) {
      for (const axis of done) {
        const along = dot(rest, axis);
        for (let d = 0; d < rest.length; d++) rest[d] -= along * axis[d];
      }
    }
    const length = Math.hypot(...rest);
    const isLeft = length > rounding * Math.hypot(...vector);
    done.push(rest.map((component) => (isLeft ? component / length : 0)));
  }
  return done;
}

function upright(axis: Float64Array): Float64Array {
  const farthest = axis.reduce(
    (best, component) => (Math.abs(component) > Math.abs(best) ? component : best),
    0,
  );
  return farthest < 0 ? axis.map((component) => -component) : axis;
}
