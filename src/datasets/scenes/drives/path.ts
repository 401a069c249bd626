import { wrapAngle } from '../../../geometry/angle.ts';
import type { Street } from '../street.ts';

/** A place on a path. */
export interface PathPlace {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
  /** 1/m, positive to the left. */
  readonly curvature: number;
  /** Where that is along and across the street. */
  readonly s: number;
  readonly t: number;
}

/** A curve over the ground, by metres along it. */
export interface Path {
  readonly lengthM: number;
  at(placeM: number): PathPlace;
  /** Metres along the path to the place that is nearest to `s` along the street. */
  placeOf(s: number): number;
}

/** The path through places of a street, which lie about 0.25 m apart. */
export function createPath(street: Street, places: ReadonlyArray<readonly [s: number, t: number]>): Path {
  const count = places.length;
  const xs = new Float64Array(count);
  const ys = new Float64Array(count);
  const along = new Float64Array(count);
  const headings = new Float64Array(count);
  const curvatures = new Float64Array(count);
  for (const [i, [s, t]] of places.entries()) {
    const p = street.point(s, t);
    xs[i] = p.x;
    ys[i] = p.y;
    if (i > 0) along[i] = along[i - 1] + Math.hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]);
  }
  // Over a few places, because the street's own line has small corners.
  const reach = 4;
  for (let i = 0; i < count; i++) {
    const a = Math.max(0, i - reach);
    const b = Math.min(count - 1, i + reach);
    const heading = Math.atan2(ys[b] - ys[a], xs[b] - xs[a]);
    headings[i] = i === 0 ? heading : headings[i - 1] + wrapAngle(heading - headings[i - 1]);
  }
  for (let i = 0; i < count; i++) {
    const a = Math.max(0, i - reach);
    const b = Math.min(count - 1, i + reach);
    curvatures[i] = (headings[b] - headings[a]) / (along[b] - along[a]);
  }
  const indexOf = (placeM: number): number => {
    let low = 0;
    let high = count - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (along[middle] <= placeM) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    lengthM: along[count - 1],
    at(placeM) {
      const i = indexOf(placeM);
      const f = (placeM - along[i]) / (along[i + 1] - along[i]);
      const mix = (values: ArrayLike<number>): number => values[i] + f * (values[i + 1] - values[i]);
      return {
        x: mix(xs),
        y: mix(ys),
        heading: mix(headings),
        curvature: mix(curvatures),
        s: places[i][0] + f * (places[i + 1][0] - places[i][0]),
        t: places[i][1] + f * (places[i + 1][1] - places[i][1]),
      };
    },
    placeOf(s) {
      let best = 0;
      for (let i = 1; i < count; i++)
        if (Math.abs(places[i][0] - s) < Math.abs(places[best][0] - s)) best = i;
      return along[best];
    },
  };
}
