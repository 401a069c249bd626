import type { Random } from '../../engine/random.ts';
import { ellipsoid, loft } from './loft.ts';
import { type Color, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { frontPlate, type VehicleMaterials, vehicleMaterials, wheel } from './vehicle-parts.ts';

/** Heights of the roof line at places along the car, as parts of length (0 rear, 1 front) and height. */
type Profile = ReadonlyArray<readonly [x: number, z: number]>;

interface CarShape {
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

const shapes: Readonly<Record<string, CarShape>> = {
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

/** A vehicle in its own frame: x ahead, z up from the ground, the middle of its box at x = y = 0. */
export interface VehicleBody {
  readonly type: string;
  readonly sizeM: readonly [length: number, width: number, height: number];
}

const paints: readonly Color[] = [
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

/** Adds a car or van of a random shape, size and paint to the mesh at its current placement. */
export function car(mesh: Mesh, random: Random, materials: MaterialTable, kind?: 'car' | 'van'): VehicleBody {
  const names =
    kind === 'van'
      ? ['minivan', 'transporter', 'transporter']
      : ['hatch', 'hatch', 'hatch', 'sedan', 'sedan', 'estate', 'estate', 'suv'];
  const shape = shapes[random.pick(names)];
  const lengthM = random.uniform(...shape.lengthM);
  const widthM = random.uniform(...shape.widthM);
  const heightM = random.uniform(...shape.heightM);
  const paint = kind === 'van' && random.chance(0.55) ? ([0.85, 0.85, 0.84] as const) : random.pick(paints);
  const parts = vehicleMaterials(materials, random, paint, lengthM, shape.windows);
  body(mesh, shape, lengthM, widthM, heightM, parts);
  const radius = shape.clearanceM * 0.5 + 0.215;
  for (const axle of shape.axles)
    for (const side of [-1, 1])
      wheel(mesh, (axle - 0.5) * lengthM, side * (widthM / 2 - 0.13), radius, side, parts);
  details(mesh, shape, lengthM, widthM, heightM, parts);
  return { type: shape.type, sizeM: [lengthM, widthM, heightM] };
}

function body(
  mesh: Mesh,
  shape: CarShape,
  lengthM: number,
  widthM: number,
  heightM: number,
  parts: VehicleMaterials,
): void {
  const arch = shape.clearanceM * 0.5 + 0.215 + 0.06;
  const stations = new Set<number>([
    0, 0.006, 0.02, 0.045, 0.08, 0.12, 0.3, 0.36, 0.5, 0.58, 0.64, 0.7, 0.76, 0.88, 0.92, 0.955, 0.98, 0.994,
    1,
  ]);
  for (const [x] of shape.profile) stations.add(x);
  for (const x of shape.windows) stations.add(x - 0.008).add(x + 0.008);
  for (const axle of shape.axles)
    for (let k = -6; k <= 6; k++) stations.add(axle + (arch * Math.sin((k * Math.PI) / 12)) / lengthM);
  const xs = [...stations]
    .filter((x) => x >= 0 && x <= 1)
    .sort((a, b) => a - b)
    .filter((x, i, all) => i === 0 || x - all[i - 1] > 0.003 || x === 1);
  const floor = shape.clearanceM;
  const sections = xs.map((x): Vec3[] => {
    const top = heightM * along(shape.profile, x);
    const end = Math.min(1, Math.min(x, 1 - x) / 0.07);
    const round = Math.sqrt(1 - (1 - end) ** 2);
    const half = (widthM / 2) * (0.8 + 0.2 * round);
    const rise = (1 - round) * 0.12;
    let sill = floor + rise;
    for (const axle of shape.axles) {
      const dx = (x - axle) * lengthM;
      if (Math.abs(dx) < arch) sill = Math.max(sill, arch - 0.06 + Math.sqrt(arch * arch - dx * dx) * 0.98);
    }
    const belt = Math.min(heightM * shape.belt + 0.02 * (1 - x), top - 0.035);
    sill = Math.min(sill, belt - 0.06);
    const glass = Math.max(0, top - belt) / heightM;
    const roof = half * (1 - shape.tumblehome * Math.min(1, glass / (1 - shape.belt)));
    const px = (x - 0.5) * lengthM;
    const mid = sill + (belt - sill) * 0.5;
    const right: Vec3[] = [
      [px, 0, floor + rise],
      [px, half * 0.8, floor + rise],
      [px, half * 0.955, sill],
      [px, half * 0.99, sill + (mid - sill) * 0.35],
      [px, half, mid],
      [px, half * 0.985, belt - (belt - sill) * 0.12],
      [px, half * 0.955, belt],
      [px, half * 0.945, belt + 0.015 * glass],
      [px, roof + (half * 0.94 - roof) * 0.12, top - 0.09 * Math.min(1, glass * 6) - 0.01],
      [px, roof * 0.9, top - 0.028 * heightM * 0.8],
      [px, roof * 0.6, top - 0.006],
      [px, 0, top],
    ];
    return [
      ...right,
      ...right
        .slice(1, -1)
        .reverse()
        .map((p): Vec3 => [p[0], -p[1], p[2]]),
    ];
  });
  const slope = xs.map((x, i) => {
    const next = xs[Math.min(xs.length - 1, i + 1)];
    return next === x
      ? 0
      : ((along(shape.profile, next) - along(shape.profile, x)) * heightM) / ((next - x) * lengthM);
  });
  const last = 22;
  mesh.exposure = 1;
  loft(mesh, sections, {
    closed: true,
    crease: 0.62,
    uvOf: (_i, _j, p) => [p[0] / lengthM + 0.5, p[2] / heightM],
    materialOf: (i, j, center) => {
      const band = j < 11 ? j : last - 1 - j;
      const x = center[0] / lengthM + 0.5;
      const z = center[2] / heightM;
      mesh.exposure = band < 1 ? 0.15 : band < 2 ? 0.4 : 1;
      if (band < 2) return parts.under;
      const window =
        x > shape.windows[0] && x < shape.windows[3] && !shape.windows.some((w) => Math.abs(w - x) < 0.009);
      if (band === 7 && window && along(shape.profile, x) - shape.belt > 0.12) return parts.glass;
      const side = Math.abs(center[1]) > widthM * 0.3;
      if (
        band >= 9 &&
        Math.abs(slope[i]) > (shape.type === 'Van' ? 0.5 : 0.42) &&
        z > shape.belt + 0.03 &&
        z < 0.985
      )
        return x < 0.1 && shape.windows[0] > 0.5 ? parts.paint : parts.glass;
      if (
        x < 0.03 &&
        Math.abs(center[1]) > widthM * 0.34 &&
        z > shape.belt - 0.2 &&
        z < shape.belt + 0.05 &&
        band > 3
      )
        return parts.tailLight;
      if (x > 0.945 && band >= 5 && band < 8 && side && z < shape.belt && z > 0.42) return parts.headLight;
      if ((x > 0.975 || x < 0.02) && z < 0.27) return parts.trim;
      return band === 2 && z < 0.22 ? parts.trim : parts.paint;
    },
  });
  mesh.exposure = 1;
  for (const end of [0, sections.length - 1]) {
    const ring = sections[end];
    const front = end > 0;
    for (let j = 0; j < 11; j++) {
      const a = ring[j];
      const b = ring[j + 1];
      const z = (a[2] + b[2]) / 2 / heightM;
      mesh.material = z < 0.25 ? parts.trim : front && z > 0.3 && z < 0.41 ? parts.grille : parts.paint;
      if (j > 0)
        mesh.quad(
          a,
          b,
          [b[0], -b[1], b[2]],
          [a[0], -a[1], a[2]],
          [front ? 1 : 0, a[2] / heightM, front ? 1 : 0, b[2] / heightM],
        );
    }
  }
}

function details(
  mesh: Mesh,
  shape: CarShape,
  lengthM: number,
  widthM: number,
  heightM: number,
  parts: VehicleMaterials,
): void {
  const front = lengthM / 2;
  frontPlate(mesh, front + 0.008, 0.42, 1, parts);
  frontPlate(mesh, -front - 0.008, shape.type === 'Van' ? 0.62 : heightM * 0.5, -1, parts);
  const faceZ = heightM * (along(shape.profile, 0.98) - 0.06);
  for (const side of [-1, 1]) {
    mesh.material = parts.headLight;
    ellipsoid(mesh, [front - 0.1, side * widthM * 0.35, faceZ], [0.095, widthM * 0.075, 0.065], 8, 5);
    mesh.material = parts.tailLight;
    ellipsoid(
      mesh,
      [-front + 0.045, side * widthM * 0.37, heightM * (shape.belt - 0.08)],
      [0.055, widthM * 0.06, 0.1],
      8,
      5,
    );
    mesh.material = parts.paint;
    ellipsoid(
      mesh,
      [(shape.windows[3] - 0.545) * lengthM, side * (widthM / 2 + 0.05), heightM * shape.belt + 0.06],
      [0.06, 0.1, 0.07],
      6,
      4,
    );
  }
}

/** Adds a lorry: a cab, a box or tarpaulin body, a chassis and its wheels. */
export function truck(mesh: Mesh, random: Random, materials: MaterialTable): VehicleBody {
  const lengthM = random.uniform(6.5, 11);
  const widthM = random.uniform(2.35, 2.55);
  const heightM = random.uniform(2.9, 3.8);
  const parts = vehicleMaterials(materials, random, random.pick(paints), 2.2, [-1, -1, -1, -1]);
  const cargo = materials.add({
    kind: Surface.panels,
    color: random.pick<Color>([
      [0.86, 0.86, 0.84],
      [0.15, 0.3, 0.55],
      [0.65, 0.12, 0.1],
      [0.8, 0.7, 0.2],
      [0.2, 0.42, 0.28],
    ]),
    reflectance: 0.4,
    gloss: 0.08,
    parameters: [0.55, 8],
  });
  const half = widthM / 2;
  const front = lengthM / 2;
  const cabTop = Math.min(heightM, 2.75);
  const cab = (x: number, top: number, w: number): Vec3[] => [
    [x, -w, 0.55],
    [x, -w, 1.55],
    [x, -w * 0.95, top - 0.12],
    [x, -w * 0.8, top],
    [x, w * 0.8, top],
    [x, w * 0.95, top - 0.12],
    [x, w, 1.55],
    [x, w, 0.55],
  ];
  const sections = [
    cab(front - 1.9, cabTop, half),
    cab(front - 1.55, cabTop, half),
    cab(front - 0.7, cabTop, half),
    cab(front - 0.32, cabTop - 0.06, half * 0.99),
    cab(front - 0.08, 1.5, half * 0.96),
    cab(front, 1.1, half * 0.93),
  ];
  loft(mesh, sections, {
    crease: 0.5,
    materialOf: (i, j) =>
      (i === 3 && j >= 2 && j <= 4) || ((j === 1 || j === 5) && i === 1) ? parts.glass : parts.paint,
    uvOf: (_i, _j, p) => [p[0], p[2]],
  });
  mesh.material = parts.grille;
  mesh.quad(
    [front, -half * 0.93, 0.55],
    [front, half * 0.93, 0.55],
    [front, half * 0.93, 1.1],
    [front, -half * 0.93, 1.1],
  );
  mesh.material = cargo;
  mesh.box(-front, -half, 0.95, front - 2.05, half, heightM);
  mesh.material = parts.under;
  mesh.exposure = 0.4;
  mesh.box(-front + 0.1, -half * 0.6, 0.5, front - 0.5, half * 0.6, 0.95);
  mesh.exposure = 1;
  const axles = lengthM > 9 ? [0.14, 0.24, 0.84] : [0.2, 0.84];
  for (const axle of axles)
    for (const side of [-1, 1])
      wheel(mesh, (axle - 0.5) * lengthM, side * (half - 0.18), 0.48, side, parts, 0.3);
  for (const side of [-1, 1]) {
    mesh.material = parts.tailLight;
    mesh.box(-front - 0.03, side * half * 0.8 - 0.16, 0.7, -front + 0.05, side * half * 0.8 + 0.16, 0.86);
    mesh.material = parts.headLight;
    mesh.box(front - 0.05, side * half * 0.72 - 0.18, 0.7, front + 0.02, side * half * 0.72 + 0.18, 0.9);
    mesh.material = materials.add(plain([0.05, 0.05, 0.05], 0.1));
    mesh.box(front - 0.45, side * (half + 0.14) - 0.07, 1.6, front - 0.3, side * (half + 0.14) + 0.07, 2.1);
  }
  frontPlate(mesh, front + 0.01, 0.62, 1, parts);
  frontPlate(mesh, -front - 0.035, 0.78, -1, parts);
  return { type: 'Truck', sizeM: [lengthM, widthM, heightM] };
}

function along(profile: Profile, x: number): number {
  let i = 1;
  while (i < profile.length - 1 && profile[i][0] < x) i++;
  const [x0, z0] = profile[i - 1];
  const [x1, z1] = profile[i];
  return z0 + (z1 - z0) * Math.max(0, Math.min(1, (x - x0) / (x1 - x0)));
}
