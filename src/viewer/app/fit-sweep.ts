import type { RecordingInfo } from '../protocol.ts';
import type { Stage } from './scene/stage.ts';
import type { Sweep } from './sweep.ts';

/** Points that the extent of a sweep is taken from. */
const sampled = 20_000;

/** Puts the points of a sweep on the screen, the farthest hundredth of each side apart; the ground goes under those of a mere point cloud. */
export function fitSweep(
  stage: Stage,
  sweep: Sweep | undefined,
  { kind }: Pick<RecordingInfo, 'kind'>,
): void {
  if (sweep === undefined || sweep.filled === 0) return;
  const [x, y, z] = [0, 1, 2].map((axis) => extentOf(sweep, axis));
  if (isCloud({ kind })) stage.setGround([(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, z[0]]);
  stage.fit([x[0], y[0], z[0]], [x[1], y[1], z[1]]);
}

/** Whether a recording is of point clouds alone, which may have any extent and no sensor in their middle. */
export function isCloud({ kind }: Pick<RecordingInfo, 'kind'>): boolean {
  return kind.startsWith('point cloud');
}

function extentOf({ positions, filled }: Sweep, axis: number): [low: number, high: number] {
  const values: number[] = [];
  for (let row = 0; row < filled; row += Math.ceil(filled / sampled)) {
    const value = positions[3 * row + axis];
    if (Number.isFinite(value)) values.push(value);
  }
  values.sort((a, b) => a - b);
  return [values[Math.floor(0.01 * values.length)] ?? 0, values[Math.floor(0.99 * values.length)] ?? 0];
}
