import { joinFloats } from '../../views/stack-points.ts';

/** Rows of features of one length, all L2-normalised: float32 [count·width]. */
export interface Features {
  readonly width: number;
  readonly rows: Float32Array;
}

/** The cosine of row i of `a` and row j of `b`, summed in float64. */
export function cosine(a: Features, i: number, b: Features, j: number): number {
  const { width } = a;
  let sum = 0;
  for (let d = 0, p = i * width, q = j * width; d < width; d++) sum += a.rows[p + d] * b.rows[q + d];
  return sum;
}

/** The cosines of one row with all rows of another set of the same width: float32 [rows]. */
export function cosinesWith(query: Features, row: number, among: Features): Float32Array<ArrayBuffer> {
  const count = among.rows.length / among.width;
  return Float32Array.from({ length: count }, (_, j) => cosine(query, row, among, j));
}

/** The rows of several sets of one width, one set after the other. */
export function stackFeatures(sets: readonly Features[]): Features {
  return { width: sets[0].width, rows: joinFloats(sets.map(({ rows }) => rows)) };
}
