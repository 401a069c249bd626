import type { Matrix44 } from '../../../geometry/matrix.ts';
import { rigidTransform, rotationZyx } from '../../../geometry/rigid-transform.ts';
import { roadZ, type Street } from '../street.ts';
import { type Motion, motionAt } from './motion.ts';
import type { Path } from './path.ts';

const halfBaseM = 1.35;
const halfTrackM = 0.78;

/**
 * The world from the LiDAR at a time: its wheels stand on the road, 1.73 m below; the body dips a little when it brakes, leans
 * out of bends and sways on its way.
 */
export function egoPose(street: Street, path: Path, motion: Motion, timeS: number): Matrix44 {
  const { placeM, speedMps, accelerationMps2 } = motionAt(motion, timeS);
  const { x, y, heading, curvature } = path.at(placeM);
  const height = (ahead: number, left: number): number => {
    const { s, t, heading: own } = path.at(placeM + ahead);
    const angle = own - street.point(s, 0).heading;
    return roadHeight(street, s - left * Math.sin(angle), t + left * Math.cos(angle));
  };
  const corners = [1, -1].map((end) => [1, -1].map((side) => height(end * halfBaseM, side * halfTrackM)));
  const [[frontLeft, frontRight], [rearLeft, rearRight]] = corners;
  const sway = (lengthM: number, phase: number): number => Math.sin((2 * Math.PI * placeM) / lengthM + phase);
  const pitch =
    Math.atan((rearLeft + rearRight - frontLeft - frontRight) / (4 * halfBaseM)) -
    0.005 * accelerationMps2 +
    0.0012 * sway(4.3, 1);
  const roll =
    Math.atan((frontLeft + rearLeft - frontRight - rearRight) / (4 * halfTrackM)) +
    0.006 * speedMps * speedMps * curvature +
    0.001 * sway(5.9, 2);
  const z = (frontLeft + frontRight + rearLeft + rearRight) / 4 - roadZ + 0.006 * sway(3.7, 0);
  return rigidTransform(rotationZyx(heading, pitch, roll), [x, y, z]);
}

/** The height of the road, or of the crossing street beside it. */
function roadHeight(street: Street, s: number, t: number): number {
  const inside = Math.abs(t) <= street.edge(t < 0 ? -1 : 1);
  return inside ? street.roadHeight(s) - 0.012 * Math.abs(t) : street.crossingHeight(s, t);
}
