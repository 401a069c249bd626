import { compose, transformPoint } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import { placeState } from './range-image.ts';
import type { SegmentShape } from './segment-shapes.ts';
import type { Sweep } from './sweep.ts';
import type { SweepParts } from './sweep-parts.ts';
import type { PathPoint } from './velocity.ts';

/** A segment at one moment. */
export interface Sighting {
  /** Index of the sweep. */
  readonly moment: number;
  readonly timeS: number;
  readonly shape: SegmentShape;
}

/** Two moments are compared that lie so far apart at most, seconds: what is slow has moved out of its own place by then. */
const LONGEST_S = 1.2;
/** And at least this share of it, or of how long the segment is seen. */
const GAP_SHARE = 0.6;
/** So many points of a segment are looked up. */
const SAMPLES = 60;
/** With fewer places of which something can be told, nothing is said. */
const LEAST_TOLD = 20;
/** What stands still is seen through here and there, at edges and in leaves. */
const FREE_SHARE = 0.5;
/** What moves slower, m/s, is told from standing by its places alone, and not well. */
const SLOWEST_MPS = 0.4;

/**
 * For each segment whether it moves: of the places it has at one moment, a large share was seen free at another, out of
 * all those that were seen free or occupied. Places that were hidden then say nothing, so that a wall of which another
 * part comes into view stands still. Besides, its ends have to have moved. `fixed` has the sweeps' points in the frame of
 * the first.
 */
export function seenMoving(
  sweeps: readonly Sweep[],
  { parts, fixed }: { readonly parts: readonly SweepParts[]; readonly fixed: readonly Float32Array[] },
  segments: ReadonlyArray<{ readonly sightings: readonly Sighting[]; readonly path: readonly PathPoint[] }>,
): boolean[] {
  const lidarFromFirst = sweeps.map(({ worldFromLidar }) =>
    compose(inverseRigid(worldFromLidar), sweeps[0].worldFromLidar),
  );
  return segments.map(({ sightings, path }) => {
    const [first, last] = [path[0], path[path.length - 1]];
    const elapsedS = last.timeS - first.timeS;
    if (Math.hypot(last.x - first.x, last.y - first.y) < SLOWEST_MPS * elapsedS || elapsedS === 0)
      return false;
    let free = 0;
    let occupied = 0;
    const look = (from: Sighting, at: Sighting): void => {
      const { rows } = from.shape;
      const step = Math.max(1, rows.length / SAMPLES);
      for (let k = 0; k < rows.length; k += step) {
        const row = 4 * rows[Math.floor(k)];
        const points = fixed[from.moment];
        const place = transformPoint(lidarFromFirst[at.moment], [
          points[row],
          points[row + 1],
          points[row + 2],
        ]);
        const state = placeState(parts[at.moment].image, place, 0.3 + 0.005 * Math.hypot(...place));
        if (state === 'free') free++;
        else if (state === 'occupied') occupied++;
      }
    };
    const shortestS = GAP_SHARE * Math.min(LONGEST_S, elapsedS);
    for (let a = 0; a < sightings.length; a++) {
      const b = sightings.findLastIndex(({ timeS }) => timeS - sightings[a].timeS <= LONGEST_S);
      if (sightings[b].timeS - sightings[a].timeS < shortestS) continue;
      look(sightings[a], sightings[b]);
      look(sightings[b], sightings[a]);
    }
    return free + occupied >= LEAST_TOLD && free / (free + occupied) >= FREE_SHARE;
  });
}
