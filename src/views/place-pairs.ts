import type { Random } from '../engine/random.ts';

/** The rows that make up one side of each pair. */
export interface PairSide {
  /** int32 [most · perPair]: places, 0 where there are fewer. */
  readonly rows: Int32Array;
  /** float32 [most · perPair]: what each is weighed with in the mean, 0 where there is none. */
  readonly weights: Float32Array;
}

/** Groups of places that belong together at two moments, as tables of fixed size. */
export interface PlacePairs {
  readonly first: PairSide;
  readonly second: PairSide;
  /** float32 [most]: 1 for each pair that there is. */
  readonly there: Float32Array;
  /** float32 [most]: 1 for each pair that moves, the car's own motion undone. */
  readonly moving: Float32Array;
}

/** Places of the two sides of a pair, and whether they move. */
export interface PlaceGroup {
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly moving: boolean;
}

/** Groups as tables: the first `most` of them, and of each side `perPair` places drawn from `random`. */
export function pairTables(
  groups: readonly PlaceGroup[],
  random: Random,
  { most, perPair }: { readonly most: number; readonly perPair: number },
): PlacePairs {
  const kept = groups.slice(0, most);
  const side = (which: 'first' | 'second'): PairSide => {
    const rows = new Int32Array(most * perPair);
    const weights = new Float32Array(most * perPair);
    kept.forEach((group, pair) => {
      const places = group[which];
      const chosen = [...random.permutation(places.length)].slice(0, perPair).map((i) => places[i]);
      chosen.forEach((place, k) => {
        rows[pair * perPair + k] = place;
        weights[pair * perPair + k] = 1 / chosen.length;
      });
    });
    return { rows, weights };
  };
  const flags = (is: (group: PlaceGroup) => boolean) =>
    Float32Array.from({ length: most }, (_, pair) => (pair < kept.length && is(kept[pair]) ? 1 : 0));
  return {
    first: side('first'),
    second: side('second'),
    there: flags(() => true),
    moving: flags(({ moving }) => moving),
  };
}
