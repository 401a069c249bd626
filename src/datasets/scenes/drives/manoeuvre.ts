import { Random } from '../../../engine/random.ts';
import type { Crossing, Street, StreetReach, StreetWishes, Surroundings } from '../street.ts';
import { createPath, type Path } from './path.ts';

/** What the own car does in the first four seconds of a drive. */
export const manoeuvres = [
  'pull away',
  'stop',
  'change lanes',
  'reverse',
  'turn right',
  'turn left',
  'bend',
  'follow',
] as const;

export type Manoeuvre = (typeof manoeuvres)[number];

/** How far the street of a drive's world reaches. */
export const driveReach: StreetReach = { back: -100, ahead: 300 };

/** The manoeuvre of a drive: of eight drives in a row, counted from the first, each has another. */
export function manoeuvreOf(seed: number | string, drive: number): Manoeuvre {
  const count = manoeuvres.length;
  const order = Random.fromSeed(seed)
    .fork('manoeuvres', Math.floor(drive / count))
    .permutation(count);
  return manoeuvres[order[drive % count]];
}

/** What the own car's speed is to be. */
export interface SpeedPlan {
  /** Speed at the beginning of the timeline. */
  readonly firstMps: number;
  /** The wish from a time on, in order; below 0 is backwards. */
  readonly wishes: ReadonlyArray<{ readonly fromS: number; readonly speedMps: number }>;
  /** Stretches of the path that are not driven faster, before `untilS` where that is given. */
  readonly limits: ReadonlyArray<{
    readonly fromM: number;
    readonly toM: number;
    readonly speedMps: number;
    readonly untilS?: number;
  }>;
}

/** The own car's way, and what the street's other traffic has to know of it. */
export interface EgoPlan {
  readonly path: Path;
  /** Metres along the path at the beginning of the timeline. */
  readonly firstM: number;
  readonly speed: SpeedPlan;
  /** A crossing whose lights stop both ways until a time. */
  readonly redLight?: { readonly crossing: Crossing; readonly untilS: number };
}

/** From the front of the own car to its middle, where the scanner is. */
export const egoHalfLengthM = 2.4;
/** From a crossing street's edge to the line where one stops. */
export const stopLineM = 5.6;

const turnRadiusM = { right: 7, left: 9.5 };
/** Where a turn's arc begins. */
const turnFromS = 6;

/** The street that a manoeuvre needs. */
export function streetFor(random: Random, manoeuvre: Manoeuvre, surroundings: Surroundings): StreetWishes {
  const crossings: Crossing[] = [];
  const halfWidthM = random.uniform(3.4, 4.4);
  if (manoeuvre === 'turn right')
    crossings.push({ s: turnFromS + turnRadiusM.right + 0.42 * halfWidthM, halfWidthM });
  else if (manoeuvre === 'turn left')
    crossings.push({ s: turnFromS + turnRadiusM.left - 0.42 * halfWidthM, halfWidthM });
  else if (manoeuvre === 'stop')
    crossings.push({ s: 15 + egoHalfLengthM + 0.5 + stopLineM + halfWidthM, halfWidthM });
  else if (surroundings !== 'country') crossings.push({ s: random.uniform(30, 60), halfWidthM });
  if (surroundings !== 'country') {
    const gap = (): number => random.uniform(55, 90);
    for (let s = (crossings[0]?.s ?? 20) + gap(); s < driveReach.ahead - 30; s += gap())
      crossings.push({ s, halfWidthM: random.uniform(2.8, 4) });
    crossings.unshift({ s: random.uniform(-75, -40), halfWidthM: random.uniform(2.8, 4) });
  }
  const turns = manoeuvre === 'turn left' || manoeuvre === 'turn right';
  const bend =
    manoeuvre === 'bend'
      ? random.pick([-1, 1]) / random.uniform(112, 140)
      : random.normal(0, turns ? 0.0006 : 0.0014);
  return {
    reach: driveReach,
    bend: Math.max(-1 / 110, Math.min(1 / 110, bend)),
    crossings,
    steepness: 0.5,
    levelCrossings: true,
    ...(manoeuvre === 'change lanes' ? { lanesEachWay: 2 } : turns ? { lanesEachWay: 1 } : {}),
  };
}

/** Draws the own car's way and speeds; frame 0 finds it near s = 0. */
export function planEgo(random: Random, manoeuvre: Manoeuvre, street: Street): EgoPlan {
  const laneT = (lane: number): number => -street.laneM * (lane + 0.5);
  const outer = laneT(street.lanesEachWay - 1);
  const cruise = street.surroundings === 'country' ? random.uniform(9.5, 12) : random.uniform(7.5, 10);
  const later = random.uniform(8, 11);
  // The way may end, and before that it is left.
  const straight = (t: (s: number) => number): Path =>
    createPath(
      street,
      range(-60, 175, (s) => [s, t(s)]),
    );
  const plan = (path: Path, speed: SpeedPlan, more: Partial<EgoPlan> = {}): EgoPlan => {
    const firstM = path.placeOf(0) - speed.firstMps;
    const end = { fromM: path.lengthM - 12, toM: path.lengthM, speedMps: 0 };
    return { path, firstM, speed: { ...speed, limits: [...speed.limits, end] }, ...more };
  };
  const keep = straight(() => outer);
  const always = (speedMps: number) => ({ fromS: -9, speedMps });
  switch (manoeuvre) {
    case 'pull away': {
      const goS = random.uniform(0.5, 1.1);
      const wishes = [always(0), { fromS: goS, speedMps: cruise + 1 }, { fromS: 13, speedMps: 0 }];
      return plan(keep, { firstMps: 0, wishes, limits: [] });
    }
    case 'stop': {
      const goS = random.uniform(5.5, 7);
      const crossing = street.crossings.find(({ s }) => s > 0)!;
      const stopM = keep.placeOf(crossing.s - crossing.halfWidthM - stopLineM - egoHalfLengthM - 0.5);
      const limits = [{ fromM: stopM, toM: stopM + 10, speedMps: 0, untilS: goS }];
      const wishes = [always(8), { fromS: goS, speedMps: later }];
      return plan(keep, { firstMps: 8, wishes, limits }, { redLight: { crossing, untilS: goS - 0.5 } });
    }
    case 'change lanes': {
      const [from, to] = random.chance(0.5) ? [0, 1] : [1, 0];
      const begin = 0.4 * cruise;
      const length = 3.1 * cruise;
      const change = (s: number): number =>
        smooth((s - begin) / length) - smooth((s - begin - length - 3 * cruise) / (1.3 * length));
      const path = straight((s) => laneT(from) + (laneT(to) - laneT(from)) * change(s));
      return plan(path, { firstMps: cruise, wishes: [always(cruise)], limits: [] });
    }
    case 'reverse': {
      const back = random.uniform(-2.4, -1.5);
      const wishes = [
        always(0),
        { fromS: random.uniform(-0.1, 0.3), speedMps: back },
        { fromS: random.uniform(2.6, 2.9), speedMps: 0 },
        { fromS: 4.2, speedMps: later },
      ];
      return plan(keep, { firstMps: 0, wishes, limits: [] });
    }
    case 'turn right':
    case 'turn left': {
      const { path, fromM, toM } = turn(street, manoeuvre === 'turn right' ? -1 : 1, outer);
      const speedMps = random.uniform(4.6, 5.4);
      const limits = [{ fromM, toM, speedMps }];
      return plan(path, { firstMps: 7.2, wishes: [always(7.2)], limits });
    }
    case 'bend': {
      const wishes = [
        always(cruise),
        { fromS: 1.5, speedMps: cruise + 2 },
        { fromS: 8, speedMps: cruise - 2 },
      ];
      return plan(keep, { firstMps: cruise, wishes, limits: [] });
    }
    case 'follow':
      return plan(keep, { firstMps: cruise, wishes: [always(cruise + 1)], limits: [] });
  }
}

/** The way along the lane, round the corner at the first crossing ahead and down the side street on the right. */
function turn(street: Street, side: -1 | 1, fromT: number): { path: Path; fromM: number; toM: number } {
  const crossing = street.crossings.find(({ s }) => s > 0)!;
  const radius = side < 0 ? turnRadiusM.right : turnRadiusM.left;
  const laneS = crossing.s + side * 0.42 * crossing.halfWidthM;
  const toT = fromT + side * radius;
  // A cubic curve that is nearly the quarter of a circle, with a gentler beginning and end.
  const handle = 0.62 * radius;
  const corner = range(
    0,
    1,
    (f): readonly [number, number] => {
      const [a, b, c, d] = [(1 - f) ** 3, 3 * f * (1 - f) ** 2, 3 * f * f * (1 - f), f ** 3];
      return [
        (a + b) * (laneS - radius) + b * handle + (c + d) * laneS,
        (a + b) * fromT + c * (toT - side * handle) + d * toT,
      ];
    },
    1.5 * radius,
  );
  const before = range(-60, laneS - radius, (s): readonly [number, number] => [s, fromT]);
  const after = range(Math.abs(toT), 62, (t): readonly [number, number] => [laneS, side * t]);
  const places = [...before, ...corner.slice(1), ...after.slice(1)];
  const path = createPath(street, places);
  const fromM = path.placeOf(laneS - radius);
  return { path, fromM, toM: fromM + 1.5 * radius };
}

/** Places at values from..to, about 0.25 m apart over a length (the difference unless given). */
function range<Place>(
  from: number,
  to: number,
  at: (value: number) => Place,
  lengthM = Math.abs(to - from),
): Place[] {
  const count = Math.max(2, Math.round(lengthM / 0.25));
  return Array.from({ length: count + 1 }, (_, i) => at(from + ((to - from) * i) / count));
}

/** From 0 at 0 to 1 at 1, level at both. */
function smooth(value: number): number {
  const f = Math.max(0, Math.min(1, value));
  return f * f * f * (10 - 15 * f + 6 * f * f);
}
