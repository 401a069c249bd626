/**
 * Sums of rows by number without a race: each sum is a tree of chunks of `chunkSize` rows, and the tables made here say
 * which rows a chunk has. So every sum is computed by one thread, in an order that depends on the row numbers alone.
 *
 * Level 1 adds up chunks of rows. Where the rows of one sum fill several chunks, level 2 adds up chunks of those chunks,
 * and so on. A last table says where each sum stands among the chunks of all levels.
 */

/** Rows that are added up in one go. Twice as many, or half as many, take longer in all. */
export const chunkSize = 8;

/** How many sums of how many rows are made, and how many chunks each level has room for, whatever the row numbers are. */
export interface SumPlan {
  readonly rows: number;
  readonly sums: number;
  readonly chunks: readonly number[];
}

/** The plan for `sums` sums of `rows` rows in all. */
export function planSums(rows: number, sums: number): SumPlan {
  const chunks: number[] = [];
  for (let size = chunkSize, below = 0; ; below = size, size *= chunkSize) {
    // A level is for sums of more rows than a chunk of the level below reaches, and there are only so many of those.
    const large = Math.min(sums, Math.floor(rows / (below + 1)));
    if (large === 0) return { rows, sums, chunks };
    chunks.push(Math.floor((rows + large * (size - 1)) / size));
  }
}

/** The lengths of a plan's tables: of each level, then the last one. */
export function tableLengths({ chunks, sums }: SumPlan): number[] {
  return [...chunks.map((count) => count * chunkSize), sums];
}

/** A row number that names no sum. */
export class OutsideError extends RangeError {
  override readonly name = 'OutsideError';
  readonly target: number;

  constructor(target: number, sums: number) {
    super(`row number ${target} of ${sums} sums`);
    this.target = target;
  }
}

/**
 * Writes the tables for rows that go to the sums `targets`, int32 [rows]. The table of a level has the places of its
 * chunks' members in the level below (of rows, for level 1), of which one more than there are is all zeros; the last table
 * has for each sum its place in the chunks of all levels, joined, with zeros behind them. A target that is no sum's number
 * is left out, as tfjs does, or with `strict` an OutsideError.
 */
export function fillTables(
  { rows, sums, chunks }: SumPlan,
  targets: ArrayLike<number>,
  tables: readonly Int32Array[],
  { strict = false }: { readonly strict?: boolean } = {},
): void {
  const counts = new Int32Array(sums);
  for (let row = 0; row < rows; row++) {
    const target = targets[row];
    if (target >= 0 && target < sums) counts[target]++;
    else if (strict) throw new OutsideError(target, sums);
  }
  const last = tables[chunks.length];
  const first = new Int32Array(sums);
  let joined = 0;
  for (let level = 0; level < chunks.length; level++) {
    const table = tables[level].fill(level === 0 ? rows : chunks[level - 1]);
    let next = 0;
    for (let sum = 0; sum < sums; sum++) {
      const members = counts[sum];
      // A sum of one chunk is complete.
      if (members <= (level === 0 ? 0 : 1)) continue;
      for (let i = 0; level > 0 && i < members; i++) table[next * chunkSize + i] = first[sum] + i;
      first[sum] = next;
      counts[sum] = Math.ceil(members / chunkSize);
      next += counts[sum];
      last[sum] = joined + first[sum];
    }
    if (level === 0) placeRows(targets, { rows, sums, table, first });
    joined += chunks[level];
  }
  for (let sum = 0; sum < sums; sum++) if (counts[sum] === 0) last[sum] = joined;
}

/** Writes each row into the next free place of its sum's chunks. */
function placeRows(
  targets: ArrayLike<number>,
  level: {
    readonly rows: number;
    readonly sums: number;
    readonly table: Int32Array;
    readonly first: Int32Array;
  },
): void {
  const { rows, sums, table, first } = level;
  const places = Int32Array.from(first, (chunk) => chunk * chunkSize);
  for (let row = 0; row < rows; row++) {
    const target = targets[row];
    if (target >= 0 && target < sums) table[places[target]++] = row;
  }
}
