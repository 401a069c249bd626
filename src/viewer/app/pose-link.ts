import type { Pose } from './scene/pose.ts';
import type { PoseNumbers, ViewState } from './view-state.ts';

/** A pose as the numbers that a link holds. */
export function numbersOfPose(pose: Pose): PoseNumbers {
  const { target, distanceM, azimuth, elevation, heading, zoom, center } = pose;
  return [...target, distanceM, azimuth, elevation, heading, zoom, ...center];
}

/** The pose of a state over another one; the same one where the state has none, or one that nobody can look from. */
export function poseOf({ pose: numbers, view }: Pick<ViewState, 'pose' | 'view'>, base: Pose): Pose {
  const [x, y, z, distanceM, azimuth, elevation, heading, zoom, across, down] = numbers;
  if (numbers.length !== 10 || !(distanceM > 0 && zoom > 0)) {
    return base.view === view || view === 'camera' ? base : { ...base, view };
  }
  // Nothing can be looked through before the frame's camera is known.
  const free = view === 'camera' ? 'perspective' : view;
  return {
    view: free,
    target: [x, y, z],
    distanceM,
    azimuth,
    elevation,
    heading,
    zoom,
    center: [across, down],
  };
}
