import type { Correspondences } from '../../views/correspondences.ts';
import { joinFloats } from '../../views/stack-points.ts';
import { joinInts, sharedNumbers } from './flat-arrays.ts';
import type { ComparedPictures, MatchedPictures } from './match-boxes.ts';
import { type BoxPiece, PIECE, type Pieces } from './pieces.ts';

/** The boxes of all pictures that could be read, and what they are compared by. */
export interface BoxedPictures {
  /** [pictures]: their numbers in the data set. */
  readonly indices: Int32Array;
  readonly sizes: Int32Array;
  readonly boxes: Int32Array;
  readonly compared: ComparedPictures;
}

/** Joins the pieces of the first pass over a data set of so many pictures; rows come to lie in memory that threads share. */
export async function joinedPieces(pieces: Pieces, length: number): Promise<BoxedPictures> {
  const parts: BoxPiece[] = [];
  for (let number = 0; number * PIECE < length; number++) parts.push(await pieces.readBoxes(number));
  const ints = (name: 'indices' | 'sizes' | 'counts' | 'boxes') => joinInts(parts.map((part) => part[name]));
  const features = (name: 'pictureRows' | 'boxRows', count: number) => {
    const rows = sharedNumbers(joinFloats(parts.map((part) => part[name])));
    return { rows, count, width: rows.length / Math.max(1, count) };
  };
  const counts = ints('counts');
  const boxesFrom = sumsOf(counts);
  return {
    indices: ints('indices'),
    sizes: ints('sizes'),
    boxes: ints('boxes'),
    compared: {
      pictures: features('pictureRows', counts.length),
      boxes: features('boxRows', boxesFrom[counts.length]),
      boxesFrom,
    },
  };
}

/** What was found of the pictures that could be read, by the numbers of all pictures of the data set. */
export function assembled(
  { indices, sizes, boxes, compared }: BoxedPictures,
  matched: readonly MatchedPictures[],
  length: number,
): Correspondences {
  const found = joinInts(matched.map((each) => each.neighbours));
  const near = found.length / indices.length;
  const neighbours = new Int32Array(length * near).fill(-1);
  const pairCounts = new Int32Array(length * near);
  const allSizes = new Int32Array(2 * length);
  const boxCounts = new Int32Array(length);
  const counts = joinInts(matched.map((each) => each.pairCounts));
  indices.forEach((picture, i) => {
    allSizes.set(sizes.subarray(2 * i, 2 * i + 2), 2 * picture);
    boxCounts[picture] = compared.boxesFrom[i + 1] - compared.boxesFrom[i];
    for (let k = 0; k < near; k++) {
      neighbours[picture * near + k] = indices[found[i * near + k]];
      pairCounts[picture * near + k] = counts[i * near + k];
    }
  });
  return {
    sizes: allSizes,
    boxes,
    boxesFrom: sumsOf(boxCounts),
    neighbours,
    pairs: joinInts(matched.map(({ pairs }) => pairs)),
    pairsFrom: sumsOf(pairCounts),
  };
}

/** 0, and then the sum of all counts so far. */
function sumsOf(counts: Int32Array): Int32Array {
  const sums = new Int32Array(counts.length + 1);
  counts.forEach((count, i) => {
    sums[i + 1] = sums[i] + count;
  });
  return sums;
}
