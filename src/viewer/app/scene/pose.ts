/** A place or direction in the world frame (LiDAR frame: x forward, y left, z up; metres). */
export type Triple = readonly [x: number, y: number, z: number];

/** How the world is looked at: freely, straight from above without perspective, or through one of the cameras. */
export type ViewName = 'perspective' | 'birds-eye' | 'camera';

/** Where one looks from: plain numbers, so that it can travel in a link. Angles in radians, lengths in metres. */
export interface Pose {
  readonly view: ViewName;
  /** The pivot: what the eye turns about, and the middle of the view from above. */
  readonly target: Triple;
  /** From the target to the eye; from above, what a perspective eye would need to see as much. */
  readonly distanceM: number;
  /** Direction from the target to the eye, about +z; 0 is on the side of +x. */
  readonly azimuth: number;
  /** Direction from the target to the eye, above the horizon. */
  readonly elevation: number;
  /** From above: the direction that is up on the screen, about +z; 0 is +x. */
  readonly heading: number;
  /** Through a camera: magnification, where 1 shows the whole picture. */
  readonly zoom: number;
  /** Through a camera: what is in the middle, as fractions of the picture's width and height. */
  readonly center: readonly [number, number];
}

/** Unit vectors of an eye that looks along `ahead`. */
export interface Basis {
  readonly right: Triple;
  readonly up: Triple;
  readonly ahead: Triple;
}

/** Vertical opening of the perspective view, radians. */
export const FIELD_OF_VIEW = (50 * Math.PI) / 180;

/** Above and behind the sensor, looking along the road. */
export const DEFAULT_POSE: Pose = {
  view: 'perspective',
  target: [9, 0, -1],
  distanceM: 32,
  azimuth: Math.PI,
  elevation: (28 * Math.PI) / 180,
  heading: 0,
  zoom: 1,
  center: [0.5, 0.5],
};

const NEAREST_M = 0.3;
const FARTHEST_M = 5000;
const HIGHEST = (89.9 * Math.PI) / 180;
const LOWEST = (-80 * Math.PI) / 180;
const LARGEST_ZOOM = 60;

/** The directions of the eye of a pose; defined straight from above, too. */
export function basisOf(pose: Pose): Basis {
  const above = pose.view === 'birds-eye';
  const azimuth = above ? pose.heading + Math.PI : pose.azimuth;
  const elevation = above ? Math.PI / 2 : pose.elevation;
  const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
  return {
    right: [-sa, ca, 0],
    up: [-se * ca, -se * sa, ce],
    ahead: [-ce * ca, -ce * sa, -se],
  };
}

/** The place of the eye of a pose. */
export function eyeOf(pose: Pose): Triple {
  return along(pose.target, basisOf(pose).ahead, -pose.distanceM);
}

/** The pose turned about its target; from above only the heading changes. */
export function turned(pose: Pose, aroundZ: number, upwards: number): Pose {
  if (pose.view === 'birds-eye') return { ...pose, heading: wrapped(pose.heading + aroundZ) };
  return {
    ...pose,
    azimuth: wrapped(pose.azimuth + aroundZ),
    elevation: clamp(pose.elevation + upwards, LOWEST, HIGHEST),
  };
}

/** The pose with another direction of sight from the same place. */
export function lookedAround(pose: Pose, aroundZ: number, upwards: number): Pose {
  const eye = eyeOf(pose);
  const there = turned(pose, aroundZ, upwards);
  return { ...there, target: along(eye, basisOf(there).ahead, there.distanceM) };
}

/**
 * The pose moved level with the ground: to the right and away from the viewer, as lengths at the target's depth.
 * Away is stretched where the ground is seen at a slant, so that it follows the pointer.
 */
export function panned(pose: Pose, rightM: number, awayM: number): Pose {
  const { right, up } = basisOf(pose);
  const slant = pose.view === 'birds-eye' ? 1 : Math.max(0.3, Math.abs(Math.sin(pose.elevation)));
  const level = Math.hypot(up[0], up[1]);
  // The screen's up, laid flat; at the horizon the direction of sight itself.
  const flat: Triple =
    level > 1e-6 ? [up[0] / level, up[1] / level, 0] : [-Math.cos(pose.azimuth), -Math.sin(pose.azimuth), 0];
  return { ...pose, target: along(along(pose.target, right, rightM), flat, awayM / slant) };
}

/** The pose moved along its own axes. */
export function flown(pose: Pose, rightM: number, upM: number, aheadM: number): Pose {
  const { right, ahead } = basisOf(pose);
  const [x, y, z] = along(along(pose.target, right, rightM), ahead, aheadM);
  return { ...pose, target: [x, y, z + upM] };
}

/** The pose `factor` times as far from `anchor`, which stays where it is on the screen. */
export function zoomedAbout(pose: Pose, anchor: Triple, factor: number): Pose {
  const distanceM = clamp(pose.distanceM * factor, NEAREST_M, FARTHEST_M);
  if (pose.view === 'birds-eye') {
    const by = distanceM / pose.distanceM;
    const [x, y] = [0, 1].map((k) => anchor[k] + (pose.target[k] - anchor[k]) * by);
    return { ...pose, distanceM, target: [x, y, pose.target[2]] };
  }
  const eye = eyeOf(pose);
  const nearer = [0, 1, 2].map((k) => anchor[k] + (eye[k] - anchor[k]) * factor) as unknown as Triple;
  return { ...pose, distanceM, target: along(nearer, basisOf(pose).ahead, distanceM) };
}

/** The pose of a camera's view, magnified about the picture's place `at` (fractions of its width and height). */
export function magnified(pose: Pose, at: readonly [number, number], factor: number): Pose {
  const zoom = clamp(pose.zoom * factor, 1, LARGEST_ZOOM);
  const by = pose.zoom / zoom;
  const [x, y] = [0, 1].map((k) => clamp(at[k] + (pose.center[k] - at[k]) * by, 0, 1));
  return { ...pose, zoom, center: zoom === 1 ? [0.5, 0.5] : [x, y] };
}

/** The pose of a camera's view, moved by fractions of the picture's width and height. */
export function shifted(pose: Pose, right: number, down: number): Pose {
  if (pose.zoom === 1) return pose;
  return { ...pose, center: [clamp(pose.center[0] + right, 0, 1), clamp(pose.center[1] + down, 0, 1)] };
}

/** The pose that shows the region between two corners from the same direction; `aspect` is width over height. */
export function fitted(pose: Pose, min: Triple, max: Triple, aspect: number): Pose {
  const target: Triple = [(min[0] + max[0]) / 2, (min[1] + max[1]) / 2, (min[2] + max[2]) / 2];
  const half = Math.tan(FIELD_OF_VIEW / 2);
  if (pose.view === 'birds-eye') {
    const { right, up } = basisOf(pose);
    const [dx, dy] = [max[0] - min[0], max[1] - min[1]];
    const width = Math.abs(right[0]) * dx + Math.abs(right[1]) * dy;
    const height = Math.abs(up[0]) * dx + Math.abs(up[1]) * dy;
    const shown = 1.08 * Math.max(height, width / aspect);
    return { ...pose, target, distanceM: clamp(shown / (2 * half), NEAREST_M, FARTHEST_M) };
  }
  const radius = Math.hypot(max[0] - min[0], max[1] - min[1], max[2] - min[2]) / 2;
  const opening = Math.atan(half * Math.min(1, aspect));
  return { ...pose, target, distanceM: clamp(radius / Math.sin(opening), NEAREST_M, FARTHEST_M) };
}

/**
 * The perspective pose, looking in the same direction, from which all points of some clouds (rows of x, y, z) are just seen, with a margin of a share
 * of the screen on each side; `aspect` is width over height. The target is at the points' middle depth.
 */
export function withAllInSight(
  pose: Pose,
  clouds: readonly Float32Array[],
  { aspect, margin = 0.04 }: { readonly aspect: number; readonly margin?: number },
): Pose {
  const { right, up, ahead } = basisOf(pose);
  const half = Math.tan(FIELD_OF_VIEW / 2) * (1 - 2 * margin);
  const slopes = [half * aspect, half];
  // An eye at depth e sees a point to its right where right - depth·slope <= eye - e·slope, and likewise to its left.
  const most = [-Infinity, -Infinity];
  const least = [Infinity, Infinity];
  let [near, far] = [Infinity, -Infinity];
  for (const points of clouds) {
    for (let i = 0; i < points.length; i += 3) {
      const along = ([x, y, z]: Triple) => x * points[i] + y * points[i + 1] + z * points[i + 2];
      const depth = along(ahead);
      [near, far] = [Math.min(near, depth), Math.max(far, depth)];
      [right, up].forEach((axis, k) => {
        most[k] = Math.max(most[k], along(axis) - depth * slopes[k]);
        least[k] = Math.min(least[k], along(axis) + depth * slopes[k]);
      });
    }
  }
  if (near > far) return pose;
  const depth = Math.min(near - NEAREST_M, ...slopes.map((slope, k) => (least[k] - most[k]) / (2 * slope)));
  const [across, above] = most.map((value, k) => (value + least[k]) / 2);
  const middle = (near + far) / 2;
  const target = [0, 1, 2].map((c) => right[c] * across + up[c] * above + ahead[c] * middle);
  const distanceM = clamp(middle - depth, NEAREST_M, FARTHEST_M);
  return { ...pose, target: target as unknown as Triple, distanceM };
}

/** Between two poses of the same view; `t` from 0 to 1, angles by the shorter way. */
export function between(from: Pose, to: Pose, t: number): Pose {
  const mix = (a: number, b: number) => a + (b - a) * t;
  const turn = (a: number, b: number) => wrapped(a + wrapped(b - a) * t);
  return {
    view: to.view,
    target: [0, 1, 2].map((k) => mix(from.target[k], to.target[k])) as unknown as Triple,
    distanceM: from.distanceM * (to.distanceM / from.distanceM) ** t,
    azimuth: turn(from.azimuth, to.azimuth),
    elevation: mix(from.elevation, to.elevation),
    heading: turn(from.heading, to.heading),
    zoom: mix(from.zoom, to.zoom),
    center: [mix(from.center[0], to.center[0]), mix(from.center[1], to.center[1])],
  };
}

/** The place `byM` from `from` in a direction. */
export function along(from: Triple, direction: Triple, byM: number): Triple {
  return [from[0] + direction[0] * byM, from[1] + direction[1] * byM, from[2] + direction[2] * byM];
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function wrapped(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}
