const MOST_TURNS = 60;

/**
 * The eigenvalues of a symmetric matrix of any size (row-major, [width·width]; only its lower triangle is read), rising, each
 * to about width·2⁻⁵² of the largest. Values that are not finite give NaN. Householder reflections to a tridiagonal matrix,
 * 2/3·width³ multiplications, then the implicit QL method with Wilkinson's shift; `symmetricEigen` has the vectors too.
 * Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3.
 */
export function symmetricEigenvalues(matrix: ArrayLike<number>, width: number): Float64Array {
  const { diagonal, beside } = tridiagonal(Float64Array.from(matrix), width);
  const size = largest(diagonal) + largest(beside);
  if (!Number.isFinite(size)) return diagonal.fill(Number.NaN);
  const least = Number.EPSILON * size;
  for (let first = 0; first < width; first++) {
    for (let turn = 0; ; turn++) {
      let last = first;
      while (last < width - 1 && Math.abs(beside[last]) > least) last++;
      if (last === first) break;
      if (turn === MOST_TURNS) throw new Error(`no eigenvalue after ${MOST_TURNS} turns of the QL method`);
      turnOnce(diagonal, beside, first, last);
    }
  }
  return diagonal.sort();
}

/** The diagonal and the numbers beside it of a tridiagonal matrix with the same eigenvalues; `a` is written over. */
function tridiagonal(
  a: Float64Array,
  width: number,
): { readonly diagonal: Float64Array; readonly beside: Float64Array } {
  const diagonal = new Float64Array(width);
  const beside = new Float64Array(width);
  const product = new Float64Array(width);
  // From the last row up: what is left to do is always the leading part, and row i of it holds the reflector.
  for (let i = width - 1; i >= 1; i--) {
    const row = a.subarray(i * width, i * width + i);
    diagonal[i] = a[i * width + i];
    const scale = largest(row);
    if (i === 1 || scale === 0) {
      beside[i - 1] = row[i - 1];
      continue;
    }
    let square = 0;
    for (let k = 0; k < i; k++) {
      row[k] /= scale;
      square += row[k] * row[k];
    }
    const length = row[i - 1] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    beside[i - 1] = scale * length;
    // The reflector is I - v·vᵀ/half with v = row - length·e and half = |v|²/2.
    const half = square - row[i - 1] * length;
    row[i - 1] -= length;
    reflect(a, width, row, half, product);
  }
  diagonal[0] = a[0];
  return { diagonal, beside };
}

/** The leading part of `a`, as wide as v, between two reflections I - v·vᵀ/half. */
function reflect(a: Float64Array, width: number, v: Float64Array, half: number, product: Float64Array): void {
  const count = v.length;
  product.fill(0, 0, count);
  for (let j = 0; j < count; j++) {
    let sum = a[j * width + j] * v[j];
    for (let k = 0; k < j; k++) {
      sum += a[j * width + k] * v[k];
      product[k] += a[j * width + k] * v[j];
    }
    product[j] += sum;
  }
  let inner = 0;
  for (let j = 0; j < count; j++) {
    product[j] /= half;
    inner += product[j] * v[j];
  }
  const share = inner / (2 * half);
  for (let j = 0; j < count; j++) product[j] -= share * v[j];
  for (let j = 0; j < count; j++) {
    for (let k = 0; k <= j; k++) a[j * width + k] -= v[j] * product[k] + product[j] * v[k];
  }
}

/** One QL turn of rows `first` to `last`, which makes the number beside `first` small. */
function turnOnce(diagonal: Float64Array, beside: Float64Array, first: number, last: number): void {
  const lean = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
  const root = Math.hypot(lean, 1);
  let g = diagonal[last] - diagonal[first] + beside[first] / (lean + (lean >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = last - 1; i >= first; i--) {
    const f = sine * beside[i];
    const b = cosine * beside[i];
    const r = Math.hypot(f, g);
    beside[i + 1] = r;
    if (r === 0) {
      // The matrix has come apart here already.
      diagonal[i + 1] -= shift;
      beside[last] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1] - shift;
    const turned = (diagonal[i] - g) * sine + 2 * cosine * b;
    shift = sine * turned;
    diagonal[i + 1] = g + shift;
    g = cosine * turned - b;
  }
  diagonal[first] -= shift;
  beside[first] = g;
  beside[last] = 0;
}

/** The largest absolute value; NaN where there is one. */
function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
