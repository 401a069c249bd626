import type { Color } from './materials.ts';

/** Heights of the roof line at places along the car, as parts of length (0 rear, 1 front) and height. */
export type Profile = ReadonlyArray<readonly [x: number, z: number]>;

/** The measures of a kind of car, from its smallest to its largest. */
export interface CarShape {
  readonly type: 'Car' | 'Van';
  readonly lengthM: readonly [number, number];
  readonly widthM: readonly [number, number];
  readonly heightM: readonly [number, number];
  readonly profile: Profile;
  /** Top of the body under the windows, as a part of the height. */
  readonly belt: number;
  /** Rear and front end of the side windows and the pillars between, as parts of the length. */
  readonly windows: readonly number[];
  readonly axles: readonly [rear: number, front: number];
  readonly clearanceM: number;
  /** How much narrower the roof is than the body. */
  readonly tumblehome: number;
}

/** The kinds of cars and vans. */
export const carShapes: Readonly<Record<string, CarShape>> = {
  hatch: {
    type: 'Car',
    lengthM: [3.5, 4.2],
    widthM: [1.6, 1.76],
    heightM: [1.42, 1.53],
    belt: 0.63,
    profile: [
      [0, 0.56],
      [0.015, 0.66],
      [0.07, 0.8],
      [0.13, 0.955],
      [0.22, 0.99],
      [0.4, 1],
      [0.55, 0.975],
      [0.62, 0.91],
      [0.77, 0.665],
      [0.82, 0.645],
      [0.93, 0.58],
      [0.985, 0.5],
      [1, 0.43],
    ],
    windows: [0.1, 0.26, 0.44, 0.7],
    axles: [0.17, 0.82],
    clearanceM: 0.2,
    tumblehome: 0.17,
  },
  sedan: {
    type: 'Car',
    lengthM: [4.3, 4.9],
    widthM: [1.72, 1.86],
    heightM: [1.4, 1.48],
    belt: 0.64,
    profile: [
      [0, 0.58],
      [0.012, 0.69],
      [0.06, 0.72],
      [0.14, 0.715],
      [0.26, 0.94],
      [0.33, 0.985],
      [0.45, 1],
      [0.55, 0.97],
      [0.6, 0.92],
      [0.73, 0.68],
      [0.79, 0.66],
      [0.92, 0.595],
      [0.98, 0.51],
      [1, 0.43],
    ],
    windows: [0.2, 0.31, 0.46, 0.67],
    axles: [0.2, 0.81],
    clearanceM: 0.19,
    tumblehome: 0.19,
  },
  estate: {
    type: 'Car',
    lengthM: [4.3, 4.85],
    widthM: [1.7, 1.84],
    heightM: [1.44, 1.54],
    belt: 0.63,
    profile: [
      [0, 0.55],
      [0.012, 0.66],
      [0.05, 0.78],
      [0.1, 0.945],
      [0.16, 0.985],
      [0.4, 1],
      [0.55, 0.975],
      [0.61, 0.91],
      [0.735, 0.67],
      [0.8, 0.645],
      [0.93, 0.58],
      [0.98, 0.5],
      [1, 0.43],
    ],
    windows: [0.07, 0.28, 0.46, 0.68],
    axles: [0.2, 0.82],
    clearanceM: 0.19,
    tumblehome: 0.16,
  },
  suv: {
    type: 'Car',
    lengthM: [4.2, 4.75],
    widthM: [1.8, 1.92],
    heightM: [1.62, 1.76],
    belt: 0.64,
    profile: [
      [0, 0.57],
      [0.012, 0.66],
      [0.05, 0.8],
      [0.1, 0.95],
      [0.17, 0.985],
      [0.4, 1],
      [0.54, 0.98],
      [0.6, 0.92],
      [0.72, 0.7],
      [0.78, 0.685],
      [0.93, 0.635],
      [0.985, 0.56],
      [1, 0.46],
    ],
    windows: [0.08, 0.27, 0.45, 0.66],
    axles: [0.19, 0.82],
    clearanceM: 0.27,
    tumblehome: 0.13,
  },
  minivan: {
    type: 'Van',
    lengthM: [4.4, 4.9],
    widthM: [1.8, 1.92],
    heightM: [1.8, 1.98],
    belt: 0.58,
    profile: [
      [0, 0.5],
      [0.012, 0.62],
      [0.035, 0.8],
      [0.06, 0.95],
      [0.12, 0.985],
      [0.4, 1],
      [0.6, 0.985],
      [0.7, 0.9],
      [0.85, 0.63],
      [0.9, 0.58],
      [0.97, 0.49],
      [1, 0.39],
    ],
    windows: [0.05, 0.28, 0.52, 0.78],
    axles: [0.18, 0.83],
    clearanceM: 0.2,
    tumblehome: 0.1,
  },
  transporter: {
    type: 'Van',
    lengthM: [5.1, 6.2],
    widthM: [1.95, 2.05],
    heightM: [2.25, 2.65],
    belt: 0.5,
    profile: [
      [0, 0.3],
      [0.004, 0.6],
      [0.012, 0.93],
      [0.04, 0.985],
      [0.4, 1],
      [0.68, 0.985],
      [0.74, 0.93],
      [0.87, 0.55],
      [0.91, 0.5],
      [0.975, 0.42],
      [1, 0.31],
    ],
    windows: [0.66, 0.67, 0.68, 0.83],
    axles: [0.2, 0.84],
    clearanceM: 0.22,
    tumblehome: 0.07,
  },
};

/** Colours that vehicles are painted in. */
export const vehiclePaints: readonly Color[] = [
  [0.75, 0.76, 0.77],
  [0.55, 0.57, 0.58],
  [0.3, 0.31, 0.33],
  [0.07, 0.07, 0.08],
  [0.05, 0.06, 0.09],
  [0.86, 0.86, 0.85],
  [0.5, 0.05, 0.06],
  [0.1, 0.16, 0.36],
  [0.13, 0.22, 0.2],
  [0.62, 0.55, 0.42],
  [0.08, 0.28, 0.5],
  [0.8, 0.66, 0.1],
  [0.35, 0.12, 0.1],
];

/** The height of a profile at a place, as a part of the vehicle's. */
export function profileAt(profile: Profile, x: number): number {
  let i = 1;
  while (i < profile.length - 1 && profile[i][0] < x) i++;
  const [x0, z0] = profile[i - 1];
  const [x1, z1] = profile[i];
  return z0 + (z1 - z0) * Math.max(0, Math.min(1, (x - x0) / (x1 - x0)));
}
