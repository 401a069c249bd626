/** A 3x4 matrix, row-major: an affine map, or a projection to homogeneous pixels. */
export type Matrix34 = Float64Array;

/** A 4x4 matrix, row-major. */
export type Matrix44 = Float64Array;

/** A new 4x4 identity. */
export function identity44(): Matrix44 {
  return Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/** A 3x4 matrix with the row 0 0 0 1 below it. */
export function to44(matrix: Matrix34): Matrix44 {
  const result = identity44();
  result.set(matrix.subarray(0, 12));
  return result;
}

/** The first three rows of a 4x4 matrix. */
export function to34(matrix: Matrix44): Matrix34 {
  return matrix.slice(0, 12);
}

/** a · b, both 4x4: `aFromC = multiply44(aFromB, bFromC)`. */
export function multiply44(a: Matrix44, b: Matrix44): Matrix44 {
  return multiplyBy44(a, b, 4);
}

/** a · b of a 3x4 and a 4x4 matrix: `pixelFromLidar = multiply34by44(pixelFromCamera, cameraFromLidar)`. */
export function multiply34by44(a: Matrix34, b: Matrix44): Matrix34 {
  return multiplyBy44(a, b, 3);
}

/**
 * The product of any number of 4x4 matrices from left to right; the last one acts on a point first.
 *
 * @example
 * const worldFromCar = compose(translation(100, 0, 0), rotationZ(Math.PI / 2));
 * transformPoint(worldFromCar, [5, 0, 0]); // [100.00, 5.00, 0.00]
 */
export function compose(...matrices: readonly Matrix44[]): Matrix44 {
  return matrices.reduce(multiply44, identity44());
}

/** A point through an affine matrix (3x4, or 4x4 with the last row 0 0 0 1). */
export function transformPoint(
  matrix: Matrix34 | Matrix44,
  point: readonly [x: number, y: number, z: number],
): [x: number, y: number, z: number] {
  const [x, y, z] = point;
  return [
    matrix[0] * x + matrix[1] * y + matrix[2] * z + matrix[3],
    matrix[4] * x + matrix[5] * y + matrix[6] * z + matrix[7],
    matrix[8] * x + matrix[9] * y + matrix[10] * z + matrix[11],
  ];
}

/**
 * Points through an affine matrix (3x4, or 4x4 with the last row 0 0 0 1). `points` holds rows of `stride` numbers
 * that begin with x, y, z; the other columns are copied. Returns a new array; throws if the rows do not come out even.
 */
export function transformPoints<Points extends Float32Array | Float64Array>(
  matrix: Matrix34 | Matrix44,
  points: Points,
  stride: number,
): Points {
  checkRows(points.length, stride);
  const [a, b, c, d, e, f, g, h, i, j, k, l] = matrix;
  const result = points.slice() as Points;
  for (let at = 0; at < points.length; at += stride) {
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    result[at] = a * x + b * y + c * z + d;
    result[at + 1] = e * x + f * y + g * z + h;
    result[at + 2] = i * x + j * y + k * z + l;
  }
  return result;
}

/** The number of rows of `stride >= 3` numbers; throws RangeError if they do not come out even. */
export function checkRows(length: number, stride: number): number {
  if (!Number.isInteger(stride) || stride < 3 || length % stride !== 0) {
    throw new RangeError(`${length} numbers are not whole rows of ${stride} that begin with x, y, z`);
  }
  return length / stride;
}

function multiplyBy44(a: Float64Array, b: Matrix44, rows: number): Float64Array {
  const product = new Float64Array(rows * 4);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < 4; j++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[i * 4 + k] * b[k * 4 + j];
      product[i * 4 + j] = sum;
    }
  }
  return product;
}
