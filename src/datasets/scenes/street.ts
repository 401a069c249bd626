import type { Random } from '../../engine/random.ts';
import type { Noise } from './noise.ts';

/** The road's height under the sensor, in the LiDAR frame. */
export const roadZ = -1.73;

/** How far a street reaches behind and ahead of s = 0. */
export interface StreetReach {
  readonly back: number;
  readonly ahead: number;
}

/** How far the street of a single scene reaches. */
const streetReach: StreetReach = { back: -90, ahead: 150 };

/** What a street must have instead of what is drawn at random. */
export interface StreetWishes {
  readonly reach?: StreetReach;
  readonly lanesEachWay?: number;
  /** Curvature, 1/m, the same along the whole street. */
  readonly bend?: number;
  readonly crossings?: readonly Crossing[];
  /** Slopes are so many times as steep. */
  readonly steepness?: number;
  /** Whether streets that cross lie level across ours, instead of falling away from its middle. */
  readonly levelCrossings?: boolean;
}

export type Surroundings = 'city' | 'suburb' | 'country';

/** A street that crosses ours at `s`, `halfWidthM` wide to either side. */
export interface Crossing {
  readonly s: number;
  readonly halfWidthM: number;
}

/** A street: lengths in metres; `s` runs along it from the sensor, `t` to its left from its middle line. */
export interface Street {
  readonly surroundings: Surroundings;
  readonly reach: StreetReach;
  readonly laneM: number;
  readonly lanesEachWay: number;
  /** Width of a parking strip at each side, 0 for none: right, left. */
  readonly parkingM: readonly [right: number, left: number];
  readonly vergeM: number;
  readonly sidewalkM: number;
  /** From the kerb to the house fronts. */
  readonly setbackM: number;
  readonly kerbM: number;
  readonly crossings: readonly Crossing[];
  /** Those with stop lines and stripes, in order. */
  readonly markedCrossings: readonly Crossing[];
  /** The middle line's offset from the sensor. */
  readonly egoT: number;
  point(s: number, t: number): { readonly x: number; readonly y: number; readonly heading: number };
  /** Half the road's width, from the middle line to the kerb at a side (-1 right, 1 left). */
  edge(side: number): number;
  /** Height of the road surface along the street. */
  roadHeight(s: number): number;
  /** Height of the ground `out` metres beyond the kerb. */
  groundHeight(s: number, out: number, side: number): number;
  /** Whether crossing streets lie level across ours, and narrow behind the corners. */
  readonly levelCrossings: boolean;
  /** Height at which kerbs begin, below the road. */
  kerbFoot(s: number): number;
  /** Height of a crossing street's surface at (s, t). */
  crossingHeight(s: number, t: number): number;
  /** Whether a crossing street (widened by a margin) is at s. */
  atCrossing(s: number, marginM?: number): boolean;
}

/** Draws a street of random width, curve, slope and crossings, but for what is wished. */
export function createStreet(
  random: Random,
  noise: Noise,
  surroundings: Surroundings,
  wishes: StreetWishes = {},
): Street {
  const country = surroundings === 'country';
  const laneM = random.uniform(2.9, 3.6);
  const drawnLanes = random.chance(surroundings === 'suburb' ? 0.08 : 0.3) ? 2 : 1;
  const lanesEachWay = wishes.lanesEachWay ?? drawnLanes;
  const parks = (): number => (!country && random.chance(0.72) ? random.uniform(2.0, 2.4) : 0);
  const parkingM = [parks(), parks()] as const;
  const sidewalkM = country ? (random.chance(0.3) ? 2 : 0) : random.uniform(1.6, 3.4);
  const vergeM = country ? random.uniform(1, 2) : random.chance(0.45) ? random.uniform(1, 2.6) : 0;
  const garden =
    surroundings === 'city' ? random.uniform(0, 1.5) : surroundings === 'suburb' ? random.uniform(3, 8) : 12;
  const egoT = -laneM * (lanesEachWay - 0.5) + random.normal(0, 0.12);
  const bend = random.chance(0.5) ? random.normal(0, 0.0016) : random.normal(0, 0.004);
  const change = random.normal(0, 0.00002);
  const drawnCrossings: Crossing[] = [];
  if (random.chance(country ? 0.25 : 0.65))
    drawnCrossings.push({ s: random.uniform(8, 55), halfWidthM: random.uniform(2.8, 4.5) });
  if (!country && random.chance(0.5))
    drawnCrossings.push({ s: random.uniform(75, 110), halfWidthM: random.uniform(2.8, 4) });
  if (!country && random.chance(0.5))
    drawnCrossings.push({ s: random.uniform(-70, -20), halfWidthM: random.uniform(2.8, 4) });
  const crossings = wishes.crossings ?? drawnCrossings;
  const table = wishes.bend === undefined ? centreLine(bend, change) : centreLine(wishes.bend, 0);
  const steepness = wishes.steepness ?? 1;
  const grade = random.normal(0, 0.006) * steepness;
  const waveM = random.uniform(0, 0.35) * steepness;
  const phase = random.uniform(0, 6);
  const kerbM = country ? 0.02 : random.uniform(0.09, 0.15);
  const relief = country ? 2.2 : surroundings === 'suburb' ? 0.7 : 0.25;
  const flat = 0.15 + vergeM + sidewalkM;
  const offset = random.uniform(0, 200);
  const roadHeight = (s: number): number =>
    roadZ +
    grade * Math.max(-40, s) +
    waveM * (Math.cos(s / 45 + phase) - Math.cos(phase) + (s / 45) * Math.sin(phase));
  const edge = (side: number): number => laneM * lanesEachWay + (side < 0 ? parkingM[0] : parkingM[1]) + 0.25;
  return {
    surroundings,
    reach: wishes.reach ?? streetReach,
    laneM,
    lanesEachWay,
    parkingM,
    vergeM,
    sidewalkM,
    kerbM,
    crossings,
    markedCrossings: wishes.crossings ?? crossings.filter(({ s }) => s > 0).slice(0, 1),
    egoT,
    levelCrossings: wishes.levelCrossings ?? false,
    roadHeight,
    edge,
    setbackM: flat + garden,
    point(s, t) {
      const { x, y, heading } = table(s);
      const side = t - egoT;
      return { x: x - side * Math.sin(heading), y: y + side * Math.cos(heading), heading };
    },
    groundHeight(s, out, side) {
      const rough = Math.max(0, Math.min(1, (out - flat) / 25));
      const hill = (noise.at(s / 30 + offset, (side * out) / 22 + 50) - 0.45) * relief * rough;
      return roadHeight(s) + kerbM + hill - (country ? Math.min(0.35, Math.max(0, out - flat) * 0.12) : 0);
    },
    kerbFoot: (s) => roadHeight(s) - 0.06 - (wishes.levelCrossings ? 0.012 * Math.max(edge(-1), edge(1)) : 0),
    crossingHeight(s, t) {
      const across = wishes.levelCrossings ? Math.min(Math.abs(t), edge(Math.sign(t))) : Math.abs(t);
      return roadHeight(s) - 0.005 - 0.012 * across;
    },
    atCrossing: (s, margin = 0) => crossings.some((c) => Math.abs(s - c.s) < c.halfWidthM + margin),
  };
}

/** The path through the sensor, straight ahead there, whose curvature is bend + change * s (at most 1/110 m). */
function centreLine(bend: number, change: number): (s: number) => { x: number; y: number; heading: number } {
  const step = 0.5;
  const reach = 400;
  const count = Math.round((2 * reach) / step) + 1;
  const middle = Math.round(reach / step);
  const rows = new Float64Array(3 * count);
  for (const way of [-1, 1])
    for (let i = middle + way; i >= 0 && i < count; i += way) {
      const from = 3 * (i - way);
      const s = (i - middle) * step;
      const curvature = Math.abs(s) > 160 ? 0 : Math.max(-1 / 110, Math.min(1 / 110, bend + change * s));
      const heading = rows[from + 2] + way * curvature * step;
      rows[3 * i] = rows[from] + way * step * Math.cos(heading);
      rows[3 * i + 1] = rows[from + 1] + way * step * Math.sin(heading);
      rows[3 * i + 2] = heading;
    }
  return (s) => {
    const at = Math.max(0, Math.min(count - 1.001, s / step + middle));
    const i = Math.floor(at);
    const f = at - i;
    const value = (a: number): number => rows[3 * i + a] * (1 - f) + rows[3 * i + 3 + a] * f;
    return { x: value(0), y: value(1), heading: value(2) };
  };
}
