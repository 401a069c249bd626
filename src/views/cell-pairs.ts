import type { Random } from '../engine/random.ts';

/** How cells that two moments share are drawn. */
export interface CellPairOptions {
  /** The side of a bird's-eye cell, metres. */
  readonly cellM: number;
  /** At most so many cells. */
  readonly most: number;
  /** Of the places in a cell at most so many. */
  readonly perCell: number;
}

/** The rows that make up one side of each pair. */
export interface PairSide {
  /** int32 [most · perCell]: places, 0 where there are fewer. */
  readonly rows: Int32Array;
  /** float32 [most · perCell]: what each is weighed with in the mean, 0 where there is none. */
  readonly weights: Float32Array;
}

/** Cells that two moments share, as tables of fixed size. */
export interface CellPairs {
  readonly first: PairSide;
  readonly second: PairSide;
  /** float32 [most]: 1 for each pair that there is. */
  readonly there: Float32Array;
}

/**
 * Pairs the bird's-eye cells that have places of both moments, places being rows of x, y, z in one frame (metres). Where more
 * cells are shared than `most`, and where a cell has more places than `perCell`, those that stay are drawn from `random`.
 */
export function pairCells(
  first: Float32Array,
  second: Float32Array,
  random: Random,
  { cellM, most, perCell }: CellPairOptions,
): CellPairs {
  const [inFirst, inSecond] = [first, second].map((places) => cellsOf(places, cellM));
  const shared = [...inFirst.keys()].filter((cell) => inSecond.has(cell));
  const chosen = [...random.permutation(shared.length)].slice(0, most).map((i) => shared[i]);
  const side = (cells: ReadonlyMap<string, number[]>): PairSide => {
    const rows = new Int32Array(most * perCell);
    const weights = new Float32Array(most * perCell);
    chosen.forEach((cell, pair) => {
      const places = cells.get(cell)!;
      const kept = [...random.permutation(places.length)].slice(0, perCell).map((i) => places[i]);
      kept.forEach((place, k) => {
        rows[pair * perCell + k] = place;
        weights[pair * perCell + k] = 1 / kept.length;
      });
    });
    return { rows, weights };
  };
  const there = new Float32Array(most).fill(1, 0, chosen.length);
  return { first: side(inFirst), second: side(inSecond), there };
}

/** The places of each cell. */
function cellsOf(places: Float32Array, cellM: number): Map<string, number[]> {
  const cells = new Map<string, number[]>();
  for (let i = 0; i < places.length / 3; i++) {
    const key = `${Math.floor(places[3 * i] / cellM)},${Math.floor(places[3 * i + 1] / cellM)}`;
    const own = cells.get(key);
    if (own === undefined) cells.set(key, [i]);
    else own.push(i);
  }
  return cells;
}
