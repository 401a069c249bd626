/** Rows of numbers, `width` each, one after the other. */
export interface Rows {
  readonly rows: Float32Array | Float64Array;
  readonly count: number;
  readonly width: number;
}

/** Products of the rows from `row` on with the rows from `column` on. */
export interface ProductBlock {
  readonly row: number;
  readonly column: number;
  readonly height: number;
  readonly width: number;
  /** Product (i, j) of the block is at i·blockSize + j. The next block overwrites it. */
  readonly products: Float64Array;
}

/** The most rows of either side in a block, a multiple of three: two sides of them, 256 numbers wide, stay in the second cache. */
export const blockSize = 48;

/**
 * Calls `visit` with all products a_i · b_j, block by block. Every product is one sum in double precision from the first
 * number to the last: it is the same whatever block it is in, and of equal rows equal to the last bit.
 * `upper`, for a = b: only blocks at and right of the diagonal; those on it are whole. It halves the work.
 */
export function forProductBlocks(
  a: Rows,
  b: Rows,
  visit: (block: ProductBlock) => void,
  { upper = false }: { readonly upper?: boolean } = {},
): void {
  const products = new Float64Array(blockSize * blockSize);
  for (let row = 0; row < a.count; row += blockSize) {
    const height = Math.min(blockSize, a.count - row);
    for (let column = upper ? row : 0; column < b.count; column += blockSize) {
      const width = Math.min(blockSize, b.count - column);
      for (let i = 0; i < height; i += 3) {
        for (let j = 0; j < width; j += 3) {
          nineProducts(a, b, row + i, column + j, products, i * blockSize + j);
        }
      }
      visit({ row, column, height, width, products });
    }
  }
}

/** The matrix of all products a_i · b_j, row-major [a.count · b.count]. */
export function rowProducts(a: Rows, b: Rows): Float64Array {
  const result = new Float64Array(a.count * b.count);
  forProductBlocks(a, b, ({ row, column, height, width, products }) => {
    for (let i = 0; i < height; i++) {
      const from = i * blockSize;
      result.set(products.subarray(from, from + width), (row + i) * b.count + column);
    }
  });
  return result;
}

/** The matrix of all products a_i · a_j, row-major [a.count · a.count]. */
export function ownProducts(a: Rows): Float64Array {
  const { count } = a;
  const result = new Float64Array(count * count);
  const visit = ({ row, column, height, width, products }: ProductBlock) => {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const product = products[i * blockSize + j];
        result[(row + i) * count + column + j] = product;
        result[(column + j) * count + row + i] = product;
      }
    }
  };
  forProductBlocks(a, a, visit, { upper: true });
  return result;
}

/** The columns as rows. */
export function transposed({ rows, count, width }: Rows): Rows {
  const result = rows instanceof Float32Array ? new Float32Array(rows.length) : new Float64Array(rows.length);
  // By squares, because a stride of a whole row misses the cache each time.
  for (let top = 0; top < count; top += blockSize) {
    const bottom = Math.min(count, top + blockSize);
    for (let k = 0; k < width; k++) {
      for (let i = top; i < bottom; i++) result[k * count + i] = rows[i * width + k];
    }
  }
  return { rows: result, count: width, width: count };
}

/**
 * Three rows by three: six numbers read give nine products, and the sums stay in registers. Past the end the last row stands
 * in, and what it gives lies outside of the block's height and width.
 */
function nineProducts(a: Rows, b: Rows, row: number, column: number, out: Float64Array, at: number): void {
  const { rows: x, width } = a;
  const { rows: y } = b;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let x0 = row * width;
  let x1 = Math.min(row + 1, a.count - 1) * width;
  let x2 = Math.min(row + 2, a.count - 1) * width;
  let y0 = column * width;
  let y1 = Math.min(column + 1, b.count - 1) * width;
  let y2 = Math.min(column + 2, b.count - 1) * width;
  for (const end = x0 + width; x0 < end; x0++, x1++, x2++, y0++, y1++, y2++) {
    const p = x[x0];
    const q = x[x1];
    const r = x[x2];
    const u = y[y0];
    const v = y[y1];
    const w = y[y2];
    s00 += p * u;
    s01 += p * v;
    s02 += p * w;
    s10 += q * u;
    s11 += q * v;
    s12 += q * w;
    s20 += r * u;
    s21 += r * v;
    s22 += r * w;
  }
  const second = at + blockSize;
  const third = second + blockSize;
  out[at] = s00;
  out[at + 1] = s01;
  out[at + 2] = s02;
  out[second] = s10;
  out[second + 1] = s11;
  out[second + 2] = s12;
  out[third] = s20;
  out[third + 1] = s21;
  out[third + 2] = s22;
}
