/**
 * The lower Cholesky factor of a symmetric positive definite matrix (row-major, [width·width]), L·Lᵀ = A; undefined
 * where the matrix is not positive definite to rounding.
 */
export function choleskyFactor(matrix: ArrayLike<number>, width: number): Float64Array | undefined {
  const factor = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * width + j];
      for (let k = 0; k < j; k++) sum -= factor[i * width + k] * factor[j * width + k];
      if (i !== j) factor[i * width + j] = sum / factor[j * width + j];
      else if (sum > 1e-13 * matrix[i * width + i]) factor[i * width + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return factor;
}

/** x with L·Lᵀ·x = b for the factor L of `choleskyFactor`, written over `b`, which is returned. */
export function solveCholesky(factor: Float64Array, b: Float64Array): Float64Array {
  const width = b.length;
  for (let i = 0; i < width; i++) {
    for (let k = 0; k < i; k++) b[i] -= factor[i * width + k] * b[k];
    b[i] /= factor[i * width + i];
  }
  for (let i = width - 1; i >= 0; i--) {
    for (let k = i + 1; k < width; k++) b[i] -= factor[k * width + i] * b[k];
    b[i] /= factor[i * width + i];
  }
  return b;
}

/** A⁻¹ of a symmetric positive definite matrix (row-major, [width·width]); undefined where it is not positive definite. */
export function inverseSymmetric(matrix: ArrayLike<number>, width: number): Float64Array | undefined {
  const factor = choleskyFactor(matrix, width);
  if (factor === undefined) return undefined;
  const inverse = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    const column = new Float64Array(width);
    column[j] = 1;
    inverse.set(solveCholesky(factor, column), j * width);
  }
  // Symmetric but for rounding: the mean of both halves is so exactly.
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < i; j++) {
      const mean = (inverse[i * width + j] + inverse[j * width + i]) / 2;
      inverse[i * width + j] = mean;
      inverse[j * width + i] = mean;
    }
  }
  return inverse;
}
