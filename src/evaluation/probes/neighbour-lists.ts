import { type Features, normalizedRows } from './features.ts';
import { blockSize, forProductBlocks, type ProductBlock } from './row-products.ts';

/** What makes two rows near: their cosine, their product, or a small Euclidean distance. */
export type Metric = 'cosine' | 'dot' | 'euclidean';

/** The nearest rows of each query, the nearest first; of equally near ones the row of the lower number first. */
export interface NeighbourLists {
  /** How many queries there are. */
  readonly count: number;
  /** How many neighbours each has. */
  readonly length: number;
  /** [count · length]: row numbers. */
  readonly indices: Int32Array;
  /** [count · length]: the cosine, the product, or minus the distance. */
  readonly nearness: Float64Array;
}

/** The `most` nearest rows of `bank` of every query; all of them where there are fewer. */
export function nearestRows(
  bank: Features,
  queries: Features,
  { most, metric }: { readonly most: number; readonly metric: Metric },
): NeighbourLists {
  const [measuredBank, measuredQueries] = [measured(bank, metric), measured(queries, metric)];
  const lists = emptyLists(queries.count, Math.min(most, bank.count));
  forProductBlocks(measuredQueries.features, measuredBank.features, (block) => {
    forEachPair(block, (i, j, product) =>
      offer(lists, i, j, nearnessOf(product, measuredQueries.squares?.[i], measuredBank.squares?.[j])),
    );
  });
  return lists;
}

/** The `most` nearest of the other rows of every row; all of them where there are fewer. */
export function nearestOtherRows(
  features: Features,
  { most, metric }: { readonly most: number; readonly metric: Metric },
): NeighbourLists {
  const { features: rows, squares } = measured(features, metric);
  const lists = emptyLists(features.count, Math.min(most, features.count - 1));
  const visit = (block: ProductBlock) => {
    forEachPair(block, (i, j, product) => {
      if (j <= i) return;
      const nearness = nearnessOf(product, squares?.[i], squares?.[j]);
      offer(lists, i, j, nearness);
      offer(lists, j, i, nearness);
    });
  };
  forProductBlocks(rows, rows, visit, { upper: true });
  return lists;
}

/** The rows whose products are wanted, and for distances the square of each row's length. */
function measured(
  features: Features,
  metric: Metric,
): { readonly features: Features; readonly squares?: Float64Array } {
  if (metric === 'cosine') return { features: normalizedRows(features) };
  if (metric === 'dot') return { features };
  const { rows, width } = features;
  const squares = new Float64Array(features.count);
  // In the order of the products, so that the distance of equal rows is 0 and not nearly so.
  for (let i = 0; i < squares.length; i++) {
    for (let k = i * width; k < (i + 1) * width; k++) squares[i] += rows[k] * rows[k];
  }
  return { features, squares };
}

function nearnessOf(product: number, square?: number, otherSquare?: number): number {
  if (square === undefined || otherSquare === undefined) return product;
  return -Math.sqrt(Math.max(0, square + otherSquare - 2 * product));
}

function forEachPair(
  { row, column, height, width, products }: ProductBlock,
  visit: (i: number, j: number, product: number) => void,
): void {
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) visit(row + i, column + j, products[i * blockSize + j]);
  }
}

function emptyLists(count: number, length: number): NeighbourLists {
  return {
    count,
    length,
    indices: new Int32Array(count * length).fill(0x7fffffff),
    nearness: new Float64Array(count * length).fill(Number.NEGATIVE_INFINITY),
  };
}

/** Puts row `index` in its place in the list of a query, if it is near enough to have one. */
function offer(
  { length, indices, nearness }: NeighbourLists,
  query: number,
  index: number,
  near: number,
): void {
  const begin = query * length;
  let at = begin + length - 1;
  if (near < nearness[at] || (near === nearness[at] && index > indices[at])) return;
  for (; at > begin; at--) {
    const before = nearness[at - 1];
    if (before > near || (before === near && indices[at - 1] < index)) break;
    nearness[at] = before;
    indices[at] = indices[at - 1];
  }
  nearness[at] = near;
  indices[at] = index;
}
