import type { Street } from '../street.ts';
import { type EgoPlan, egoHalfLengthM, type SpeedPlan, stopLineM } from './manoeuvre.ts';
import { advance, createMotion, type Motion } from './motion.ts';
import { timeline } from './timeline.ts';

/** A vehicle of a lane. Its places are metres along its own direction: s ahead, -s towards the own car. */
export interface LaneVehicle {
  readonly direction: 1 | -1;
  readonly lane: number;
  readonly lengthM: number;
  readonly firstM: number;
  readonly firstMps: number;
  readonly desiredMps: number;
  /** When it stands or comes to a stand, whatever is before it. */
  readonly stops?: { readonly fromS: number; readonly untilS: number };
  /** Seconds that it keeps to what is before it. */
  readonly headwayS: number;
}

/** Metres a second squared: of what drivers like, and the most that brakes can. */
const liked = { acceleration: 1.6, braking: 2.4, most: 6 };
const standingGapM = 2.2;

/** The middle of a lane across the street; lane 0 is next to the middle line. */
export function laneMiddle(street: Street, direction: 1 | -1, lane: number): number {
  return -direction * street.laneM * (lane + 0.5);
}

/**
 * Drives the own car by its plan and the vehicles of all lanes by the intelligent driver model (Treiber, Hennecke and
 * Helbing, 2000): each keeps its distance to what is before it in its lane, the own car included. In the order given.
 */
export function simulateLanes(
  street: Street,
  plan: EgoPlan,
  vehicles: readonly LaneVehicle[],
): { readonly ego: Motion; readonly vehicles: readonly Motion[] } {
  const ego = createMotion(plan.firstM, plan.speed.firstMps);
  const motions = vehicles.map(({ firstM, firstMps }) => createMotion(firstM, firstMps));
  const line = plan.redLight && plan.redLight.crossing.halfWidthM + stopLineM;
  for (let step = 0; step < ego.placeM.length; step++) {
    const timeS = timeline.fromS + step * timeline.stepS;
    const own = plan.path.at(ego.placeM[step]);
    const ownSpeed = ego.speedMps[step];
    const red = plan.redLight !== undefined && timeS < plan.redLight.untilS;
    // Of each vehicle's lane: the nearest rear before it, and how fast that goes.
    const accelerations = vehicles.map((vehicle, i) => {
      const { direction, lane, lengthM } = vehicle;
      const front = motions[i].placeM[step] + lengthM / 2;
      let gapM = Infinity;
      let speedBefore = 0;
      const consider = (rearM: number, speedMps: number): void => {
        if (rearM - front >= gapM) return;
        gapM = rearM - front;
        speedBefore = speedMps;
      };
      vehicles.forEach((other, k) => {
        if (k === i || other.direction !== direction || other.lane !== lane) return;
        if (motions[k].placeM[step] <= motions[i].placeM[step]) return;
        consider(motions[k].placeM[step] - other.lengthM / 2, motions[k].speedMps[step]);
      });
      const inLane = Math.abs(own.t - laneMiddle(street, direction, lane)) < street.laneM / 2 + 0.8;
      const ownM = direction * own.s;
      if (inLane && ownM > motions[i].placeM[step]) consider(ownM - egoHalfLengthM, direction * ownSpeed);
      if (red && line !== undefined && plan.redLight) {
        const lineM = direction * plan.redLight.crossing.s - line;
        if (lineM > front - 1) consider(lineM, 0);
      }
      const { stops } = vehicle;
      const free = freeAcceleration(motions[i].speedMps[step], vehicle.desiredMps);
      const wished = stops && timeS >= stops.fromS && timeS < stops.untilS ? -3 : free;
      return Math.min(
        wished,
        following(motions[i].speedMps[step], gapM, speedBefore, vehicle.headwayS, free),
      );
    });
    let gapM = Infinity;
    let speedBefore = 0;
    vehicles.forEach((other, k) => {
      if (other.direction !== 1) return;
      const inLane = Math.abs(own.t - laneMiddle(street, 1, other.lane)) < street.laneM / 2 + 0.8;
      const rearM = motions[k].placeM[step] - other.lengthM / 2;
      if (!inLane || motions[k].placeM[step] <= own.s) return;
      if (rearM - own.s - egoHalfLengthM >= gapM) return;
      gapM = rearM - own.s - egoHalfLengthM;
      speedBefore = motions[k].speedMps[step];
    });
    const before = step === 0 ? 0 : ego.accelerationMps2[step - 1];
    const planned = plannedAcceleration(plan.speed, timeS, ego.placeM[step], ownSpeed, before);
    const forward = ownSpeed > -0.01;
    const careful = forward ? following(ownSpeed, gapM, speedBefore, 1.1, 2.2) : Infinity;
    const wish = wishAt(plan.speed, timeS);
    advance(ego, step, Math.min(planned, careful), forward && wish >= 0);
    motions.forEach((motion, i) => {
      advance(motion, step, accelerations[i], true);
    });
  }
  return { ego, vehicles: motions };
}

function freeAcceleration(speedMps: number, desiredMps: number): number {
  return liked.acceleration * (1 - (speedMps / desiredMps) ** 4);
}

/** What the distance to what is before leaves of an acceleration that the free road would have. */
function following(
  speedMps: number,
  gapM: number,
  speedBefore: number,
  headwayS: number,
  free: number,
): number {
  if (gapM === Infinity) return Math.max(-liked.most, free);
  const approach =
    (speedMps * (speedMps - speedBefore)) / (2 * Math.sqrt(liked.acceleration * liked.braking));
  const wishedM = standingGapM + Math.max(0, speedMps * headwayS + approach);
  const acceleration = free - liked.acceleration * (wishedM / Math.max(0.3, gapM)) ** 2;
  return Math.max(-liked.most, acceleration);
}

function wishAt({ wishes }: SpeedPlan, timeS: number): number {
  return wishes.findLast(({ fromS }) => timeS >= fromS)?.speedMps ?? 0;
}

/** Towards the planned speed, without jolts. */
function plannedAcceleration(
  plan: SpeedPlan,
  timeS: number,
  placeM: number,
  speedMps: number,
  before: number,
): number {
  const braking = 2.6;
  let target = wishAt(plan, timeS);
  for (const { fromM, toM, speedMps: limit, untilS = Infinity } of plan.limits) {
    if (placeM > toM || timeS >= untilS) continue;
    target = Math.min(target, Math.sqrt(limit * limit + 2 * braking * Math.max(0, fromM - placeM)));
  }
  const wished = Math.max(-3.4, Math.min(2.2, (target - speedMps) / 0.35));
  const jolt = 10 * timeline.stepS;
  return Math.max(before - jolt, Math.min(before + jolt, wished));
}
