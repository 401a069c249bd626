import { wrapAngle } from '../../../geometry/angle.ts';
import type { Street } from '../street.ts';
import { surface } from '../traffic.ts';
import type { ObjectPose } from './drive-object.ts';
import { timeline } from './timeline.ts';

/** A stretch of the way of somebody on foot or on a bicycle, in a straight line along and across the street. */
export interface Leg {
  readonly from: readonly [s: number, t: number];
  readonly to: readonly [s: number, t: number];
  readonly fromS: number;
  readonly toS: number;
}

/** How long somebody takes to turn from one leg's direction to the next one's. */
const turnS = 0.6;
/** Sidewalks are rounded where a side street begins. */
const cornerM = 3.5;

/** The pose on legs that follow each other in time; before the first and after the last one goes on. */
export function walkAt(
  street: Street,
  legs: readonly Leg[],
  timeS: number,
): ObjectPose & { readonly s: number } {
  const found = legs.findIndex(({ toS }) => timeS < toS);
  const index = found < 0 ? legs.length - 1 : found;
  const leg = legs[index];
  const share = (timeS - leg.fromS) / (leg.toS - leg.fromS);
  const s = leg.from[0] + share * (leg.to[0] - leg.from[0]);
  const t = leg.from[1] + share * (leg.to[1] - leg.from[1]);
  const { x, y, heading } = street.point(s, t);
  let travelledM = 0;
  for (const [i, { from, to, fromS, toS }] of legs.entries()) {
    const speed = Math.hypot(to[0] - from[0], to[1] - from[1]) / (toS - fromS);
    const first = i === 0 ? timeline.fromS : fromS;
    const last = i === index ? timeS : toS;
    if (i <= index) travelledM += speed * Math.max(0, last - first);
  }
  const yaw = heading + directionAt(legs, index, timeS);
  return { x, y, z: groundUnder(street, s, t), yaw, travelledM, s };
}

/** The direction of a leg, turned into from that of the leg before. */
function directionAt(legs: readonly Leg[], index: number, timeS: number): number {
  const own = directionOf(legs, index);
  if (index === 0) return own;
  const share = Math.min(1, (timeS - legs[index].fromS) / turnS);
  return own - (1 - share) * wrapAngle(own - directionOf(legs, index - 1));
}

/** Who waits looks where the next leg leads. */
function directionOf(legs: readonly Leg[], index: number): number {
  const { from, to } = legs[index];
  const stands = from[0] === to[0] && from[1] === to[1];
  if (!stands) return Math.atan2(to[1] - from[1], to[0] - from[0]);
  return index + 1 < legs.length ? directionOf(legs, index + 1) : directionOf(legs, index - 1);
}

/** The height of what one walks on. */
export function groundUnder(street: Street, s: number, t: number): number {
  const out = Math.abs(t) - street.edge(t < 0 ? -1 : 1);
  const missing = Math.max(0, cornerM - out);
  const cut = cornerM - Math.sqrt(Math.max(0, cornerM * cornerM - missing * missing));
  if (out > 0 && out < cornerM && street.atCrossing(s, cut)) return street.crossingHeight(s, t);
  return surface(street, s, t);
}
