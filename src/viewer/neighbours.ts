import { type Matrix44, multiply44 } from '../geometry/matrix.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import type { FrameInfo } from './protocol.ts';

/** A frame near another one in time, and how its points come to lie with the other's. */
export interface Neighbour {
  readonly index: number;
  /** Seconds after the other one; frames where there is no clock. */
  readonly afterS: number;
  /** thatLidarFromThis, 4x4 row-major; undefined where they are laid as they were measured. */
  readonly matrix: Matrix44 | undefined;
}

/** LiDAR frame `to` from LiDAR frame `from`, by their poses; undefined where one is not known. */
export function lidarFromLidar(to: FrameInfo, from: FrameInfo): Matrix44 | undefined {
  if (to.worldFromLidar === undefined || from.worldFromLidar === undefined) return undefined;
  return multiply44(
    inverseRigid(Float64Array.from(to.worldFromLidar)),
    Float64Array.from(from.worldFromLidar),
  );
}

/** Up to `reach` frames with a sweep before and after one; with `steady` the motion between them is undone, and those without a pose are named in `unplaced`. */
export function neighboursOf(
  frames: readonly FrameInfo[],
  index: number,
  { reach, steady }: { readonly reach: number; readonly steady: boolean },
): { readonly neighbours: readonly Neighbour[]; readonly unplaced: readonly string[] } {
  const neighbours: Neighbour[] = [];
  const unplaced: string[] = [];
  const here = frames[index];
  for (let other = Math.max(0, index - reach); other <= Math.min(frames.length - 1, index + reach); other++) {
    const frame = frames[other];
    if (other === index || !frame.parts.includes('sweep')) continue;
    const matrix = steady ? lidarFromLidar(here, frame) : undefined;
    if (steady && matrix === undefined) {
      unplaced.push(frame.id);
      continue;
    }
    const afterS =
      frame.timeS === undefined || here.timeS === undefined ? other - index : frame.timeS - here.timeS;
    neighbours.push({ index: other, afterS, matrix });
  }
  return { neighbours, unplaced };
}
