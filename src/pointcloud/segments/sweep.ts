import { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { countRows } from '../point-rows.ts';
import type { SweepParts } from './sweep-parts.ts';

/** One sweep of a clip. */
export interface Sweep {
  /** Rows of x, y, z, reflectance in the LiDAR frame, metres. */
  readonly points: Float32Array;
  /** A fixed frame from the LiDAR frame of this sweep. */
  readonly worldFromLidar: Matrix44;
  readonly timeS: number;
  /** Its clusters and range image where somebody keeps them; otherwise they are worked out. */
  readonly parts?: SweepParts;
}

/** InputError, in the name of the function that asks, for points that are not whole or not finite, poses that are not 16 finite numbers, and times that do not ascend. */
export function checkSweeps(sweeps: readonly Sweep[], name: string): void {
  sweeps.forEach(({ points, worldFromLidar, timeS }, k) => {
    const place = `sweep ${k}`;
    countRows(points, 4, `${name} ${place}`);
    if (worldFromLidar.length !== 16 || !worldFromLidar.every(Number.isFinite))
      throw new InputError({
        file: name,
        place: `${place}: worldFromLidar`,
        expected: '16 finite numbers',
        found: `${worldFromLidar.length} numbers: ${worldFromLidar.join(' ')}`,
      });
    const before = k === 0 ? -Infinity : sweeps[k - 1].timeS;
    if (!(timeS > before && Number.isFinite(timeS)))
      throw new InputError({
        file: name,
        place: `${place}: timeS`,
        expected: k === 0 ? 'a finite time' : `a time after that of the sweep before, ${before} s`,
        found: `${timeS}`,
      });
  });
}
