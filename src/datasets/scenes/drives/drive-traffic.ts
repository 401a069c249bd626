import type { Random } from '../../../engine/random.ts';
import type { MaterialTable } from '../materials.ts';
import type { Street } from '../street.ts';
import { surface } from '../traffic.ts';
import { type Body, cyclistBody, pedestrianBody, vehicleBody } from './bodies.ts';
import { type DriveObject, Occupancy } from './drive-object.ts';
import { type LaneVehicle, laneMiddle, simulateLanes } from './lane-traffic.ts';
import { type EgoPlan, egoHalfLengthM, type Manoeuvre, stopLineM } from './manoeuvre.ts';
import { type Motion, motionAt } from './motion.ts';
import type { Obstacles } from './obstacles.ts';
import { maxFrames, timeline, timeOfFrame } from './timeline.ts';
import { type Leg, walkAt } from './walk.ts';

/** What a drive's traffic is drawn with. */
export interface TrafficPlace {
  readonly random: Random;
  readonly materials: MaterialTable;
  readonly street: Street;
  readonly manoeuvre: Manoeuvre;
  readonly plan: EgoPlan;
  readonly obstacles: Obstacles;
}

/** The own car for others: 4.8 m long and 1.85 m wide. */
const egoBody: Body = {
  type: 'Car',
  box: { center: [0, 0, 0.75], sizeM: [2 * egoHalfLengthM, 1.85, 1.5], yaw: 0 },
  shapes: [],
  cycleM: Infinity,
};

/** Puts traffic on a drive's street: what drives, walks, rides and stands, none of it inside another at any time. */
export function driveTraffic(place: TrafficPlace): { readonly ego: Motion; readonly objects: DriveObject[] } {
  const { random, street, plan } = place;
  const lanes = drawLanes(place);
  const { ego, vehicles } = simulateLanes(
    street,
    plan,
    lanes.map(({ vehicle }) => vehicle),
  );
  const occupancy = new Occupancy();
  const objects: DriveObject[] = [];
  const offer = (object: DriveObject, marginM: number): boolean => {
    const taken = occupancy.offer(object, marginM);
    if (taken) objects.push(object);
    return taken;
  };
  occupancy.offer({ body: egoBody, moves: true, poseAt: (timeS) => egoPlaceAt(plan, ego, timeS) }, 0);
  lanes.forEach(({ vehicle, body, offsetM }, i) => {
    offer({ body, moves: true, poseAt: lanePose(street, vehicle, vehicles[i], offsetM) }, 0.3);
  });
  parked(place, offer);
  waiting(place, offer);
  riders({ ...place, random: random.fork('riders') }, offer);
  walkers({ ...place, random: random.fork('walkers') }, offer);
  return { ego, objects };
}

type Offer = (object: DriveObject, marginM: number) => boolean;

function egoPlaceAt(plan: EgoPlan, ego: Motion, timeS: number) {
  const { x, y, heading } = plan.path.at(motionAt(ego, timeS).placeM);
  return { x, y, z: 0, yaw: heading, travelledM: 0 };
}

/** The poses of a lane's vehicle, while it is on the street. */
function lanePose(street: Street, vehicle: LaneVehicle, motion: Motion, offsetM: number) {
  const t = laneMiddle(street, vehicle.direction, vehicle.lane) + offsetM;
  const turn = vehicle.direction > 0 ? 0 : Math.PI;
  const margin = vehicle.lengthM / 2 + 1;
  return (timeS: number) => {
    const { placeM } = motionAt(motion, timeS);
    const s = vehicle.direction * placeM;
    if (s < street.reach.back + margin || s > street.reach.ahead - margin) return undefined;
    const p = street.point(s, t);
    const travelledM = placeM - vehicle.firstM;
    return { x: p.x, y: p.y, z: surface(street, s, t), yaw: p.heading + turn, travelledM };
  };
}

/** The vehicles of all lanes, with room about the own car and with what its manoeuvre needs. */
function drawLanes({ random: all, materials, street, manoeuvre, plan }: TrafficPlace) {
  const random = all.fork('lanes');
  const country = street.surroundings === 'country';
  const busy = random.uniform(0.35, 1);
  const drawn: Array<{ vehicle: LaneVehicle; body: Body; offsetM: number }> = [];
  const add = (vehicle: Omit<LaneVehicle, 'lengthM' | 'headwayS'>): void => {
    const body = vehicleBody(random.fork('body', drawn.length), materials, 0.18, true);
    drawn.push({
      vehicle: { ...vehicle, lengthM: body.box.sizeM[0], headwayS: random.uniform(1, 1.6) },
      body,
      // Towards the middle line, which leaves room for cyclists.
      offsetM: 0.12 * vehicle.direction + random.normal(0, 0.06),
    });
  };
  const desired = (): number => (country ? random.uniform(13, 18) : random.uniform(8, 12.5));
  const leader = manoeuvre === 'follow' ? random.uniform(13, 16) : undefined;
  if (leader !== undefined) {
    const fromS = random.uniform(0.2, 0.6);
    const stops = { fromS, untilS: fromS + random.uniform(5, 6.5) };
    const firstM = leader + plan.path.at(plan.firstM).s;
    add({
      direction: 1,
      lane: street.lanesEachWay - 1,
      firstM,
      firstMps: plan.speed.firstMps,
      desiredMps: 10,
      stops,
    });
  }
  const egoLanes = manoeuvre === 'change lanes' ? [0, 1] : [street.lanesEachWay - 1];
  const ownS = plan.path.at(plan.firstM).s;
  for (const direction of [1, -1] as const)
    for (let lane = 0; lane < street.lanesEachWay; lane++) {
      const from = direction > 0 ? -220 : -(street.reach.ahead + 170);
      const to = direction > 0 ? street.reach.ahead - 10 : -street.reach.back;
      const own = direction > 0 && egoLanes.includes(lane);
      // Nobody follows who reverses, and nobody stands before who pulls away or stops.
      const clear = own && [manoeuvre === 'reverse' ? 260 : 16, leader === undefined ? 26 : leader + 14];
      for (let u = from + random.uniform(0, 30); u < to; u += random.uniform(14, 55) / busy) {
        const desiredMps = desired();
        const stopsAtS = random.chance(0.12) ? random.uniform(0, 8) : undefined;
        if (clear && u > ownS - clear[0] && u < ownS + clear[1]) continue;
        const vehicle = { direction, lane, firstM: u, firstMps: 0.85 * desiredMps, desiredMps };
        add(
          stopsAtS === undefined
            ? vehicle
            : { ...vehicle, stops: { fromS: stopsAtS, untilS: stopsAtS + random.uniform(4, 7) } },
        );
      }
    }
  return drawn;
}

/** Vehicles that stand in the parking strips. */
function parked({ random: all, materials, street }: TrafficPlace, offer: Offer): void {
  for (const side of [-1, 1]) {
    const random = all.fork('parked', side);
    const width = street.parkingM[side < 0 ? 0 : 1];
    if (width === 0) continue;
    const fullness = random.uniform(0.3, 0.9);
    const t = side * (street.edge(side) - width / 2 - 0.05);
    let count = 0;
    for (let s = street.reach.back + 5 + random.uniform(0, 5); s < 210; s += random.uniform(5.1, 6.3)) {
      const here = random.chance(fullness) && !street.atCrossing(s, 6);
      const turn = (side < 0 ? 0 : Math.PI) * (random.chance(0.9) ? 1 : 0) + random.normal(0, 0.015);
      const across = t + random.normal(0, 0.05);
      if (!here) continue;
      const body = vehicleBody(random.fork('body', count++), materials, 0.12, s > -25 && s < 100);
      if (body.box.sizeM[1] > 2.1 || body.box.sizeM[0] > 6.5) continue;
      const p = street.point(s, across);
      const pose = { x: p.x, y: p.y, z: surface(street, s, across), yaw: p.heading + turn, travelledM: 0 };
      offer({ body, moves: false, poseAt: () => pose }, 0.1);
    }
  }
}

/** Vehicles that wait in the side streets, on their right. */
function waiting({ random: all, materials, street }: TrafficPlace, offer: Offer): void {
  for (const [i, c] of street.crossings.entries())
    for (const side of [-1, 1]) {
      const random = all.fork('waiting', i, side);
      let count = 0;
      for (let out = random.uniform(4.5, 9); out < 45; out += random.uniform(7, 20)) {
        if (!random.chance(0.45)) continue;
        const body = vehicleBody(random.fork('body', count++), materials, 0.1, true);
        const s = c.s - side * 0.42 * c.halfWidthM;
        const t = side * (street.edge(side) + out + body.box.sizeM[0] / 2 - 2);
        const p = street.point(s, t);
        const yaw = p.heading - (side * Math.PI) / 2 + random.normal(0, 0.02);
        const pose = { x: p.x, y: p.y, z: street.crossingHeight(s, t), yaw, travelledM: 0 };
        offer({ body, moves: false, poseAt: () => pose }, 0.3);
      }
    }
}

/** Cyclists at the road's edges. */
function riders({ random, materials, street }: TrafficPlace, offer: Offer): void {
  let wanted = 1 + random.integer(street.surroundings === 'country' ? 3 : 4);
  for (let tries = 0; tries < 40 && wanted > 0; tries++) {
    const own = random.fork('rider', tries);
    const side = own.pick([-1, 1]);
    const speed = own.uniform(3.4, 6.5);
    const t = side * (street.edge(side) - street.parkingM[side < 0 ? 0 : 1] - own.uniform(0.3, 0.55));
    const s = own.uniform(-15, 60);
    const legs = [straightOn([s, t], -side * speed)];
    const body = cyclistBody(own.fork('body'), materials);
    const poseAt = onStreet(street, legs);
    if (offer({ body, moves: true, poseAt }, 0.12)) wanted--;
  }
}

/** People who walk, stand and cross. */
function walkers(place: TrafficPlace, offer: Offer): void {
  const { random, materials, street, plan } = place;
  const country = street.surroundings === 'country';
  const many = country ? random.integer(4) : 5 + random.integer(street.surroundings === 'city' ? 16 : 8);
  const put = (own: Random, legs: readonly Leg[], walks: boolean): boolean => {
    if (blocked(place, legs, walks)) return false;
    const stride = walks ? own.uniform(0.3, 0.45) : 0;
    const body = pedestrianBody(own.fork('body'), materials, stride);
    const poseAt = onStreet(street, legs);
    return offer({ body, moves: walks, poseAt }, 0.2);
  };
  let wanted = many;
  for (let tries = 0; tries < 5 * many && wanted > 0; tries++) {
    const own = random.fork('walker', tries);
    const side = own.pick([-1, 1]);
    const t = side * sidewalkOut(street, side, own);
    const s = own.chance(0.75) ? own.uniform(2, 60) : own.uniform(-50, 140);
    const speed = own.chance(0.8) ? own.pick([-1, 1]) * own.uniform(0.9, 1.7) : 0;
    const legs = speed === 0 ? standing([s, t], own.pick([-1, 1])) : [straightOn([s, t], speed)];
    if (put(own, legs, speed !== 0)) wanted--;
  }
  let crossing = country ? random.integer(2) : 1 + random.integer(3);
  for (let tries = 0; tries < 60 && crossing > 0; tries++) {
    const own = random.fork('crossing', tries);
    const side = own.pick([-1, 1]);
    const walk = own.uniform(1.1, 1.7);
    const light = plan.redLight;
    const s = light && tries < 20 ? stripes(light.crossing) + own.normal(0, 0.6) : own.uniform(8, 55);
    const fromT = side * sidewalkOut(street, side, own);
    const toT = -side * sidewalkOut(street, -side, own);
    const along = own.pick([-1, 1]) * walk;
    // In the middle of the road during the first seconds.
    const lasts = Math.abs(toT - fromT) / walk;
    const beginS = own.uniform(0.3, 3.6) - lasts / 2;
    const endS = beginS + lasts;
    const legs: Leg[] = [
      { from: [s - along * 2, fromT], to: [s, fromT], fromS: beginS - 2, toS: beginS },
      { from: [s, fromT], to: [s, toT], fromS: beginS, toS: endS },
      { from: [s, toT], to: [s + along * 10, toT], fromS: endS, toS: endS + 10 },
    ];
    if (put(own, legs, true)) crossing--;
  }
}

/** Where the stripes before a crossing are. */
function stripes(crossing: { readonly s: number; readonly halfWidthM: number }): number {
  return crossing.s - crossing.halfWidthM - stopLineM + 2.5;
}

/** A place across the sidewalk, from the middle line, clear of what stands along the kerb. */
function sidewalkOut(street: Street, side: number, random: Random): number {
  const from = 0.16 + street.vergeM + (street.vergeM < 0.5 ? 0.85 : 0.35);
  const to = 0.16 + street.vergeM + Math.max(street.sidewalkM, 1) - 0.8;
  return street.edge(side) + (to > from ? random.uniform(from, to) : (from + to) / 2);
}

function straightOn(from: readonly [number, number], speedMps: number): Leg {
  return { from, to: [from[0] + 10 * speedMps, from[1]], fromS: 0, toS: 10 };
}

/** A stand: two legs, of which the first looks along the street. */
function standing(at: readonly [number, number], direction: number): Leg[] {
  return [
    { from: at, to: at, fromS: -9, toS: 90 },
    { from: at, to: [at[0] + direction, at[1]], fromS: 90, toS: 91 },
  ];
}

/** Whether a way leads through posts, trunks and the like during the drive. */
function blocked({ street, obstacles }: TrafficPlace, legs: readonly Leg[], walks: boolean): boolean {
  const untilS = walks ? timeOfFrame(maxFrames) : 0;
  for (let timeS = timeline.fromS; timeS <= untilS; timeS += 0.1) {
    const { x, y } = walkAt(street, legs, timeS);
    if (obstacles.near(x, y, 0.3)) return true;
  }
  return false;
}

/** The poses of a way while it is on the street. */
function onStreet(street: Street, legs: readonly Leg[]) {
  return (timeS: number) => {
    const pose = walkAt(street, legs, timeS);
    return pose.s > street.reach.back + 2 && pose.s < street.reach.ahead - 2 ? pose : undefined;
  };
}
