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

/** The most rows of either side in a block, a multiple of three. */
export const blockSize = 96;
/** How many numbers of the rows are gone through at a time: so much of a block's rows of both sides stays in the cache. */
const partLength = 128;

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
  const left = new Float64Array(blockSize * partLength);
  const right = new Float64Array(blockSize * partLength);
  for (let row = 0; row < a.count; row += blockSize) {
    const height = Math.min(blockSize, a.count - row);
    for (let column = upper ? row : 0; column < b.count; column += blockSize) {
      const width = Math.min(blockSize, b.count - column);
      products.fill(0);
      for (let begin = 0; begin < a.width; begin += partLength) {
        const end = Math.min(begin + partLength, a.width);
        pack(a, { first: row, count: height, begin, end }, left);
        pack(b, { first: column, count: width, begin, end }, right);
        addProducts({ left, right, length: end - begin, height, width }, products);
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
 * Copies a part of some rows, three rows side by side, to doubles: one kind of array is what keeps the loop over them fast.
 * Past the end the last row stands in, and what it gives lies outside of the block's height and width.
 */
function pack(
  { rows, count: all, width }: Rows,
  { first, count, begin, end }: { first: number; count: number; begin: number; end: number },
  to: Float64Array,
): void {
  const length = end - begin;
  for (let i = 0; i < count; i += 3) {
    for (let r = 0; r < 3; r++) {
      const row = Math.min(first + i + r, all - 1) * width;
      let out = i * length + r;
      for (let at = row + begin; at < row + end; at++, out += 3) to[out] = rows[at];
    }
  }
}

/** Adds what packed parts of rows give, three rows by three: six numbers read make nine products, and the sums stay in registers. */
function addProducts(
  parts: { left: Float64Array; right: Float64Array; length: number; height: number; width: number },
  sums: Float64Array,
): void {
  const { left, right, length, height, width } = parts;
  for (let i = 0; i < height; i += 3) {
    for (let j = 0; j < width; j += 3) {
      const first = i * blockSize + j;
      const second = first + blockSize;
      const third = second + blockSize;
      let s00 = sums[first];
      let s01 = sums[first + 1];
      let s02 = sums[first + 2];
      let s10 = sums[second];
      let s11 = sums[second + 1];
      let s12 = sums[second + 2];
      let s20 = sums[third];
      let s21 = sums[third + 1];
      let s22 = sums[third + 2];
      let q = j * length;
      for (let p = i * length; p < (i + 3) * length; p += 3, q += 3) {
        const a = left[p];
        const b = left[p + 1];
        const c = left[p + 2];
        const u = right[q];
        const v = right[q + 1];
        const w = right[q + 2];
        s00 += a * u;
        s01 += a * v;
        s02 += a * w;
        s10 += b * u;
        s11 += b * v;
        s12 += b * w;
        s20 += c * u;
        s21 += c * v;
        s22 += c * w;
      }
      sums[first] = s00;
      sums[first + 1] = s01;
      sums[first + 2] = s02;
      sums[second] = s10;
      sums[second + 1] = s11;
      sums[second + 2] = s12;
      sums[third] = s20;
      sums[third + 1] = s21;
      sums[third + 2] = s22;
    }
  }
}
