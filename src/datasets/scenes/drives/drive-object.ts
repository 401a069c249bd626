import type { Box3 } from '../../../geometry/box.ts';
import { footprintOf } from '../../../geometry/box-overlap.ts';
import { intersectionArea } from '../../../geometry/oriented-rectangle.ts';
import type { Body } from './bodies.ts';
import { timeline } from './timeline.ts';

/** Where an object is, in the drive's world: the middle of its own frame on the ground. */
export interface ObjectPose {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  /** Metres on the ground since the timeline began. */
  readonly travelledM: number;
}

/** Somebody or something that a drive's labels may name. */
export interface DriveObject {
  readonly body: Body;
  readonly moves: boolean;
  /** Undefined while it is not in the world. */
  poseAt(timeS: number): ObjectPose | undefined;
}

/** The box of an object's body at a pose. */
export function boxAt({ box }: Body, pose: ObjectPose): Box3 {
  const cos = Math.cos(pose.yaw);
  const sin = Math.sin(pose.yaw);
  const [x, y, z] = box.center;
  return {
    center: [pose.x + cos * x - sin * y, pose.y + sin * x + cos * y, pose.z + z],
    sizeM: box.sizeM,
    yaw: Math.atan2(sin, cos),
  };
}

/** Metres a second, along the world's axes, from where the object is 5 ms before and after; undefined while it is not in the world. */
export function velocityAt(
  object: DriveObject,
  timeS: number,
): readonly [x: number, y: number, z: number] | undefined {
  const [a, b] = [object.poseAt(timeS - 0.005), object.poseAt(timeS + 0.005)];
  if (!object.moves) return [0, 0, 0];
  if (a === undefined || b === undefined) return undefined;
  return [(b.x - a.x) / 0.01, (b.y - a.y) / 0.01, (b.z - a.z) / 0.01];
}

/** Objects that keep out of each other's way over the whole timeline. */
export class Occupancy {
  private readonly times: readonly number[];
  /** For each object its box's footprint at each time. */
  private readonly taken: Array<ReadonlyArray<Footprint | undefined>> = [];

  constructor() {
    const count = Math.round((timeline.toS - timeline.fromS) / 0.1);
    this.times = Array.from({ length: count + 1 }, (_, i) => timeline.fromS + 0.1 * i);
  }

  /** Takes an object in unless it would come nearer than a margin to one that is there; says whether it was taken in. */
  offer(object: Pick<DriveObject, 'body' | 'poseAt' | 'moves'>, marginM: number): boolean {
    const still = object.moves ? undefined : footprintAt(object, 0);
    const own = this.times.map((timeS) => (object.moves ? footprintAt(object, timeS) : still));
    const wider = still && widened(still, marginM);
    const places = own.map((place) => (object.moves ? place && widened(place, marginM) : wider));
    const free = this.taken.every((other) =>
      places.every((place, i) => {
        const there = other[i];
        if (place === undefined || there === undefined) return true;
        const reach = place.reach + there.reach;
        if ((place.x - there.x) ** 2 + (place.y - there.y) ** 2 >= reach * reach) return true;
        return intersectionArea(place, there) === 0;
      }),
    );
    if (free) this.taken.push(own);
    return free;
  }
}

function footprintAt(object: Pick<DriveObject, 'body' | 'poseAt'>, timeS: number): Footprint | undefined {
  const pose = object.poseAt(timeS);
  return pose && widened(footprintOf(boxAt(object.body, pose)), 0);
}

/** A footprint with a margin on all sides. */
function widened({ x, y, yaw, ...size }: Omit<Footprint, 'reach'>, marginM: number): Footprint {
  const [length, width] = [size.length + 2 * marginM, size.width + 2 * marginM];
  return { x, y, yaw, length, width, reach: Math.hypot(length, width) / 2 };
}

interface Footprint {
  readonly x: number;
  readonly y: number;
  readonly length: number;
  readonly width: number;
  readonly yaw: number;
  readonly reach: number;
}
