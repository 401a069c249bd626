import type { Drive } from './compose-drive.ts';
import { boxAt, velocityAt } from './drive-object.ts';
import { timeOfFrame } from './timeline.ts';

/**
 * What is so in a drive, as JSON, whether a sensor sees it or not, in the drive's own world (metres, radians, seconds): the pose of
 * the LiDAR at each frame, and the box of every object; of those that move at each frame, with velocity, and null where it is not
 * in the world.
 */
export function truthOf(drive: Drive, frames: number): string {
  const times = Array.from({ length: frames }, (_, frame) => timeOfFrame(frame));
  const rounded = (values: Iterable<number>): number[] =>
    Array.from(values, (v) => Math.round(v * 1e6) / 1e6);
  const objects = drive.objects.map((object, trackId) => {
    const { body, moves } = object;
    const stateAt = (timeS: number) => {
      const pose = object.poseAt(timeS);
      if (pose === undefined) return null;
      const { center, yaw } = boxAt(body, pose);
      const velocity = velocityAt(object, timeS) ?? [0, 0, 0];
      return {
        center: rounded(center),
        yaw: rounded([yaw])[0],
        ...(moves ? { velocityMps: rounded(velocity) } : {}),
      };
    };
    const common = { trackId, type: body.type, sizeM: rounded(body.box.sizeM), moves };
    return moves ? { ...common, frames: times.map(stateAt) } : { ...common, ...stateAt(0) };
  });
  const poses = times.map((timeS) => ({
    timeS,
    worldFromLidar: Array.from(drive.worldFromLidarAt(timeS), (v) => Number(v.toPrecision(12))),
  }));
  const { surroundings } = drive.street;
  return `${JSON.stringify({ manoeuvre: drive.manoeuvre, surroundings, poses, objects })}\n`;
}
