import type { Random } from '../engine/random.ts';
import type { PlaceGroup } from './place-pairs.ts';

/** The bird's-eye cells (sides of `cellM` metres) that have places of both moments, in random order; places are rows of x, y, z in one frame. */
export function sharedCells(
  first: Float32Array,
  second: Float32Array,
  random: Random,
  { cellM }: { readonly cellM: number },
): PlaceGroup[] {
  const inFirst = cellsOf(first, cellM);
  const inSecond = cellsOf(second, cellM);
  const shared = [...inFirst.keys()].filter((cell) => inSecond.has(cell));
  return Array.from(random.permutation(shared.length), (i) => ({
    first: inFirst.get(shared[i])!,
    second: inSecond.get(shared[i])!,
    moving: false,
  }));
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
