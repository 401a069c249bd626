/**
 * The rows x of L·Lᵀ·x = b for the rows b, written over them: `factor` is the Cholesky factor L (row-major, [width·width]) of a
 * matrix that may be hundreds wide, and is read row by row both ways, as it lies in memory.
 */
export function solveRows(factor: Float64Array, rows: Float64Array, width: number): Float64Array {
  for (let begin = 0; begin < rows.length; begin += width) {
    const b = rows.subarray(begin, begin + width);
    for (let i = 0; i < width; i++) {
      let sum = b[i];
      for (let k = 0; k < i; k++) sum -= factor[i * width + k] * b[k];
      b[i] = sum / factor[i * width + i];
    }
    for (let i = width - 1; i >= 0; i--) {
      const x = b[i] / factor[i * width + i];
      b[i] = x;
      for (let k = 0; k < i; k++) b[k] -= factor[i * width + k] * x;
    }
  }
  return rows;
}
