import type { Features } from '../../evaluation/probes/features.ts';
import { nearestRows } from '../../evaluation/probes/neighbour-lists.ts';
import { rowProducts } from '../../evaluation/probes/row-products.ts';

/** Rows of length one of the pictures that could be read, and the boxes of each. */
export interface ComparedPictures {
  /** A row a picture, as neighbours are sought by. */
  readonly pictures: Features;
  /** A row a box, of length one. */
  readonly boxes: Features;
  /** [pictures + 1]: the first box of each picture, and the number of all boxes. */
  readonly boxesFrom: Int32Array;
}

/** The neighbours of some pictures, and the pairs of boxes with each. */
export interface MatchedPictures {
  /** [pictures·K], the nearest first. */
  readonly neighbours: Int32Array;
  /** [pairs·2]: boxes by their numbers. */
  readonly pairs: Int32Array;
  /** [pictures·K]: how many pairs there are with each neighbour. */
  readonly pairCounts: Int32Array;
}

/**
 * The K nearest other pictures (cosine) of the pictures from `first` on, and with each of them the pairs of boxes whose rows are
 * nearest (cosine): of n boxes of a picture the best ⌊keep·n⌋, at least one, out of all pairs with the neighbour's. Of equally near
 * ones those of lower numbers come first, so that the result depends on the rows alone.
 */
export function matchPictures(
  { pictures, boxes, boxesFrom }: ComparedPictures,
  {
    first,
    count,
    neighbours: most,
    keep,
  }: {
    readonly first: number;
    readonly count: number;
    readonly neighbours: number;
    readonly keep: number;
  },
): MatchedPictures {
  const near = Math.min(most, pictures.count - 1);
  const queries = part(pictures, first, first + count);
  // Among one more there are enough without the picture itself.
  const lists = nearestRows(pictures, queries, { most: near + 1, metric: 'cosine' });
  const neighbours = new Int32Array(count * near);
  const pairCounts = new Int32Array(count * near);
  const pairs: number[] = [];
  for (let i = 0; i < count; i++) {
    const own = first + i;
    const found = lists.indices.subarray(i * lists.length, (i + 1) * lists.length);
    const others = found.filter((picture) => picture !== own).subarray(0, near);
    others.forEach((other, k) => {
      const best = nearestPairs({ boxes, boxesFrom }, own, other, keep);
      neighbours[i * near + k] = other;
      pairCounts[i * near + k] = best.length;
      for (const [a, b] of best) pairs.push(boxesFrom[own] + a, boxesFrom[other] + b);
    });
  }
  return { neighbours, pairs: Int32Array.from(pairs), pairCounts };
}

/** The nearest pairs of boxes of two pictures, numbered within each. */
function nearestPairs(
  { boxes, boxesFrom }: Pick<ComparedPictures, 'boxes' | 'boxesFrom'>,
  own: number,
  other: number,
  keep: number,
): Array<readonly [number, number]> {
  const of = (picture: number) => part(boxes, boxesFrom[picture], boxesFrom[picture + 1]);
  const [mine, theirs] = [of(own), of(other)];
  const products = rowProducts(mine, theirs);
  const order = Array.from(products, (_, at) => at).sort((a, b) => products[b] - products[a] || a - b);
  const kept = Math.max(1, Math.floor(keep * mine.count));
  return order.slice(0, kept).map((at) => [Math.floor(at / theirs.count), at % theirs.count] as const);
}

function part({ rows, width }: Features, begin: number, end: number): Features {
  return { rows: rows.subarray(begin * width, end * width), count: end - begin, width };
}
