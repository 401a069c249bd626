import type { Random } from '../engine/random.ts';
import type { PlaceGroup } from './place-pairs.ts';

/**
 * The segments that have places at both moments, in random order but those that move first; `first` and `second` have the
 * segment of each place, -1 for none.
 */
export function sharedSegments(
  first: Int32Array,
  second: Int32Array,
  random: Random,
  { isMoving }: { readonly isMoving: (segment: number) => boolean },
): PlaceGroup[] {
  const inFirst = placesBySegment(first);
  const inSecond = placesBySegment(second);
  const shared = [...inFirst.keys()].filter((segment) => inSecond.has(segment));
  const groups = Array.from(random.permutation(shared.length), (i) => ({
    first: inFirst.get(shared[i])!,
    second: inSecond.get(shared[i])!,
    moving: isMoving(shared[i]),
  }));
  return [...groups.filter(({ moving }) => moving), ...groups.filter(({ moving }) => !moving)];
}

function placesBySegment(labels: Int32Array): Map<number, number[]> {
  const places = new Map<number, number[]>();
  labels.forEach((segment, place) => {
    if (segment < 0) return;
    const own = places.get(segment);
    if (own === undefined) places.set(segment, [place]);
    else own.push(place);
  });
  return places;
}
