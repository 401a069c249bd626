import type { Random } from '../../engine/random.ts';
import { type Color, type Material, type MaterialTable, plain, Surface, shade } from './materials.ts';

/** What to build. */
export interface BuildingPlan {
  /** Along the street and away from it. */
  readonly widthM: number;
  readonly depthM: number;
  readonly floors: number;
  readonly roof: 'gable' | 'hip' | 'flat' | 'mansard';
  readonly shops: boolean;
}

/** The materials of a house (numbers in the table) and the measures of its windows. */
export interface BuildingLook {
  readonly wall: number;
  readonly plinth: number;
  readonly trim: number;
  readonly glass: number;
  readonly frame: number;
  readonly door: number;
  readonly roof: number;
  readonly shutter: number | undefined;
  readonly windowWidthM: number;
  readonly windowHeightM: number;
  readonly bayM: number;
  readonly crossbar: boolean;
}

const plasters: readonly Color[] = [
  [0.86, 0.82, 0.72],
  [0.9, 0.88, 0.84],
  [0.83, 0.7, 0.5],
  [0.72, 0.68, 0.62],
  [0.78, 0.6, 0.5],
  [0.66, 0.7, 0.66],
  [0.85, 0.78, 0.6],
  [0.62, 0.63, 0.66],
  [0.8, 0.66, 0.58],
];
const bricks: readonly Color[] = [
  [0.5, 0.26, 0.2],
  [0.56, 0.36, 0.26],
  [0.62, 0.5, 0.38],
  [0.4, 0.24, 0.2],
];
const roofs: readonly Color[] = [
  [0.48, 0.22, 0.16],
  [0.4, 0.2, 0.16],
  [0.27, 0.25, 0.25],
  [0.36, 0.3, 0.27],
  [0.52, 0.3, 0.2],
];

/** Draws how a house looks. */
export function drawLook(random: Random, materials: MaterialTable): BuildingLook {
  const brick = random.chance(0.25);
  const color = random.pick(brick ? bricks : plasters);
  const wall: Material = {
    kind: brick ? Surface.brick : Surface.plaster,
    color,
    second: [0.66, 0.63, 0.58],
    reflectance: 0.25 + 0.3 * color[0],
    parameters: [random.uniform(0, 99)],
  };
  const trimColor: Color = brick || random.chance(0.5) ? [0.85, 0.83, 0.78] : shade(color, 0.75);
  return {
    wall: materials.add(wall),
    plinth: materials.add({
      kind: Surface.plaster,
      color: shade(color, 0.62),
      reflectance: 0.3,
      parameters: [3],
    }),
    trim: materials.add(plain(trimColor, 0.5)),
    glass: materials.add({
      kind: Surface.glass,
      color: [0.06, 0.07, 0.08],
      second: random.pick<Color>([
        [0.75, 0.72, 0.66],
        [0.3, 0.28, 0.26],
        [0.5, 0.46, 0.4],
      ]),
      gloss: 0.9,
      reflectance: 0.1,
      dropout: 0.6,
      parameters: [random.uniform(0, 99)],
    }),
    frame: materials.add(plain(random.chance(0.75) ? [0.88, 0.88, 0.86] : [0.3, 0.22, 0.17], 0.5)),
    door: materials.add({
      kind: Surface.door,
      color: random.pick<Color>([
        [0.35, 0.2, 0.12],
        [0.16, 0.26, 0.2],
        [0.75, 0.75, 0.73],
        [0.15, 0.17, 0.25],
      ]),
      reflectance: 0.35,
    }),
    roof: materials.add({
      kind: Surface.tiles,
      color: random.pick(roofs),
      reflectance: 0.3,
      parameters: [random.uniform(0.24, 0.34)],
    }),
    shutter: random.chance(0.3)
      ? materials.add({
          kind: Surface.panels,
          color: random.pick<Color>([
            [0.25, 0.35, 0.28],
            [0.4, 0.25, 0.18],
            [0.8, 0.79, 0.75],
          ]),
          reflectance: 0.35,
          parameters: [0.09, 0],
        })
      : undefined,
    windowWidthM: random.uniform(0.95, 1.45),
    windowHeightM: random.uniform(1.3, 1.75),
    bayM: random.uniform(2.3, 3.2),
    crossbar: random.chance(0.5),
  };
}
