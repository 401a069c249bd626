import { transformPoint } from '../../../geometry/matrix.ts';
import { lidarFromLidar } from '../../neighbours.ts';
import type { CurrentFrame } from '../current-frame.ts';
import { trackColour } from '../scene/boxes.ts';
import type { Trail } from '../scene/segments.ts';

/** Frames before and after the present one whose labels make up the trails of tracks. */
const trailReach = 15;

/** The middles of tracked objects over the frames around the present one, where its LiDAR would see them. */
export async function trailsAbout(frame: CurrentFrame): Promise<Trail[]> {
  const { index } = frame;
  const { frames } = frame.sequence;
  const first = Math.max(0, index - trailReach);
  const near = frames.slice(first, index + trailReach + 1).map((_, k) => first + k);
  const scenes = await Promise.all(near.map((each) => frame.scene(each).catch(() => undefined)));
  const trails = new Map<number, number[]>();
  near.forEach((each, k) => {
    const matrix = lidarFromLidar(frames[index], frames[each]);
    for (const { trackId, box3 } of scenes[k]?.labels ?? []) {
      if (trackId === undefined || box3 === undefined || (matrix === undefined && each !== index)) continue;
      const middle = matrix === undefined ? box3.center : transformPoint(matrix, box3.center);
      trails.set(trackId, [...(trails.get(trackId) ?? []), ...middle]);
    }
  });
  return [...trails].map(([id, points]) => ({ points: Float32Array.from(points), colour: trackColour(id) }));
}
