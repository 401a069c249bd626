/** A symmetric matrix taken apart: A = Σ values[k]·v_k·v_kᵀ, the values rising. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  /** Row k, `width` numbers, is the eigenvector of values[k]: of length one and at right angles to the others. */
  readonly vectors: Float64Array;
}

const MOST_SWEEPS = 60;

/**
 * The eigenvalues and eigenvectors of a small symmetric matrix (row-major, [width·width]; only its upper triangle is
 * read) by cyclic Jacobi rotations. Values that are not finite give NaN. For matrices of a dozen rows or so: the cost
 * is some ten sweeps of 6·width³ operations.
 * Golub and Van Loan, Matrix Computations, section 8.5.
 */
export function symmetricEigen(matrix: ArrayLike<number>, width: number): SymmetricEigen {
  const a = new Float64Array(width * width);
  const turned = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    turned[i * width + i] = 1;
    for (let j = i; j < width; j++) {
      a[i * width + j] = matrix[i * width + j];
      a[j * width + i] = a[i * width + j];
    }
  }
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let isTurned = false;
    for (let p = 0; p < width - 1; p++) {
      for (let q = p + 1; q < width; q++) {
        isTurned = clearElement(a, turned, width, p, q) || isTurned;
      }
    }
    if (!isTurned) break;
  }
  return sorted(a, turned, width);
}

/** Turns rows and columns p and q so that element (p, q) becomes 0; false where it is nothing beside its diagonal. */
function clearElement(a: Float64Array, turned: Float64Array, width: number, p: number, q: number): boolean {
  const off = a[p * width + q];
  const app = a[p * width + p];
  const aqq = a[q * width + q];
  if (off === 0) return false;
  if (Math.abs(off) <= Number.EPSILON * 0.1 * Math.sqrt(Math.abs(app) * Math.abs(aqq))) {
    a[p * width + q] = 0;
    a[q * width + p] = 0;
    return false;
  }
  const ratio = (aqq - app) / (2 * off);
  const t = (ratio >= 0 ? 1 : -1) / (Math.abs(ratio) + Math.sqrt(ratio * ratio + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < width; k++) {
    const vp = turned[p * width + k];
    const vq = turned[q * width + k];
    turned[p * width + k] = c * vp - s * vq;
    turned[q * width + k] = s * vp + c * vq;
    if (k === p || k === q) continue;
    const akp = a[p * width + k];
    const akq = a[q * width + k];
    const nextP = c * akp - s * akq;
    const nextQ = s * akp + c * akq;
    a[p * width + k] = nextP;
    a[k * width + p] = nextP;
    a[q * width + k] = nextQ;
    a[k * width + q] = nextQ;
  }
  a[p * width + p] = app - t * off;
  a[q * width + q] = aqq + t * off;
  a[p * width + q] = 0;
  a[q * width + p] = 0;
  return true;
}

function sorted(a: Float64Array, turned: Float64Array, width: number): SymmetricEigen {
  const order = Array.from({ length: width }, (_, k) => k).sort(
    (i, j) => a[i * width + i] - a[j * width + j] || i - j,
  );
  const values = new Float64Array(width);
  const vectors = new Float64Array(width * width);
  order.forEach((from, k) => {
    values[k] = a[from * width + from];
    vectors.set(turned.subarray(from * width, (from + 1) * width), k * width);
  });
  return { values, vectors };
}
