import type { Random } from '../../engine/random.ts';
import { ellipsoid, loft, tube } from './loft.ts';
import { type Color, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';

interface Clothes {
  readonly skin: number;
  readonly hair: number;
  readonly top: number;
  readonly legs: number;
  readonly shoes: number;
}

/** Colours of clothes for the upper body. */
export const tops: readonly Color[] = [
  [0.12, 0.14, 0.22],
  [0.55, 0.1, 0.12],
  [0.75, 0.74, 0.7],
  [0.2, 0.35, 0.28],
  [0.1, 0.1, 0.11],
  [0.3, 0.45, 0.65],
  [0.72, 0.55, 0.2],
  [0.45, 0.3, 0.4],
  [0.62, 0.62, 0.66],
];
const trousers: readonly Color[] = [
  [0.13, 0.17, 0.28],
  [0.2, 0.2, 0.22],
  [0.42, 0.38, 0.3],
  [0.08, 0.08, 0.1],
  [0.3, 0.34, 0.42],
];

/** Draws what a person wears. */
export function clothes(random: Random, materials: MaterialTable): Clothes {
  const cloth = (color: Color): number =>
    materials.add({
      kind: Surface.cloth,
      color,
      reflectance: 0.18 + 0.4 * random.uniform(),
      parameters: [random.integer(4)],
    });
  return {
    skin: materials.add(
      plain(
        random.pick<Color>([
          [0.85, 0.64, 0.52],
          [0.76, 0.55, 0.42],
          [0.5, 0.34, 0.25],
          [0.36, 0.24, 0.18],
        ]),
        0.5,
      ),
    ),
    hair: materials.add(
      plain(
        random.pick<Color>([
          [0.14, 0.1, 0.07],
          [0.32, 0.22, 0.12],
          [0.6, 0.5, 0.35],
          [0.06, 0.06, 0.06],
          [0.6, 0.59, 0.57],
        ]),
        0.2,
      ),
    ),
    top: cloth(random.pick(tops)),
    legs: cloth(random.pick(trousers)),
    shoes: materials.add(
      plain(
        random.pick<Color>([
          [0.06, 0.05, 0.05],
          [0.25, 0.17, 0.1],
          [0.7, 0.7, 0.7],
        ]),
        0.2,
      ),
    ),
  };
}

/** How a person walks, instead of what is drawn at random. */
export interface Gait {
  /** Half of the angle between the legs when they are farthest apart, radians; 0 stands. */
  readonly stride: number;
  /** From -1 to 1: how far the left leg is ahead, as a part of the stride. */
  readonly phase: number;
}

/** Adds a standing or walking person, looking along +x, feet on z = 0 about the origin. */
export function pedestrian(mesh: Mesh, random: Random, materials: MaterialTable, gait?: Gait): void {
  const wear = clothes(random, materials);
  const height = random.chance(0.1) ? random.uniform(1.15, 1.45) : random.normal(1.72, 0.08);
  const k = height / 1.75;
  const girth = k * random.uniform(0.92, 1.2);
  const drawnStride = random.chance(0.75) ? random.uniform(0.25, 0.5) : random.uniform(0, 0.08);
  const drawnPhase = random.pick([-1, 1]);
  const { stride, phase } = gait ?? { stride: drawnStride, phase: drawnPhase };
  const hip: Vec3 = [0, 0, 0.93 * k - 0.04 * stride];
  const lean = 0.03 + stride * 0.08;
  const shoulderZ = 1.43 * k;
  torso(mesh, wear.top, hip, [lean, 0, shoulderZ], girth, k);
  const skirt = random.chance(0.2);
  if (skirt) {
    mesh.material = wear.legs;
    tube(
      mesh,
      [
        [0, 0, 0.98 * k],
        [0, 0, 0.8 * k],
        [0, 0, 0.5 * k],
      ],
      [0.14 * girth, 0.19 * girth, 0.27 * girth],
      10,
      false,
    );
  }
  for (const side of [-1, 1]) {
    const swing = stride * phase * side;
    const y = side * 0.095 * girth;
    const reach = 0.43 * k;
    const knee: Vec3 = [Math.sin(swing + 0.08) * reach, y, hip[2] - Math.cos(swing) * reach];
    const bend = swing < 0 ? swing - 0.45 * stride - 0.05 : swing - 0.02;
    const ankle: Vec3 = [
      knee[0] + Math.sin(bend) * reach,
      y,
      Math.max(0.08 * k, knee[2] - Math.cos(bend) * reach),
    ];
    mesh.material = skirt ? wear.skin : wear.legs;
    tube(mesh, [[0, y * 0.85, hip[2] + 0.02], knee, ankle], [0.095 * girth, 0.063 * girth, 0.047 * girth], 8);
    shoe(mesh, wear.shoes, ankle, k);
    arm(
      mesh,
      wear,
      [lean, side * 0.19 * girth, shoulderZ - 0.03 * k],
      -swing * 0.9,
      stride * 0.8 + 0.12,
      side,
      k,
    );
  }
  head(mesh, random, wear, [lean * 1.3, 0, 1.63 * k], k);
  if (random.chance(0.25)) {
    mesh.material = materials.add(plain(random.pick(tops), 0.25));
    ellipsoid(mesh, [lean - 0.16 * girth, 0, 1.24 * k], [0.1, 0.14, 0.2 * k], 8, 6);
  }
}

/** Adds hips to neck, from the hip to a point between the shoulders. */
export function torso(
  mesh: Mesh,
  material: number,
  hip: Vec3,
  shoulder: Vec3,
  girth: number,
  k: number,
): void {
  const levels: ReadonlyArray<readonly [t: number, depth: number, width: number]> = [
    [-0.17, 0.05, 0.07],
    [-0.1, 0.105, 0.155],
    [0.05, 0.115, 0.165],
    [0.3, 0.105, 0.145],
    [0.6, 0.125, 0.17],
    [0.85, 0.12, 0.195],
    [0.97, 0.095, 0.185],
    [1.06, 0.06, 0.1],
    [1.1, 0.05, 0.055],
  ];
  mesh.material = material;
  const sections = levels.map(([t, depth, width]) =>
    Array.from({ length: 12 }, (_, j): Vec3 => {
      const angle = (2 * Math.PI * j) / 12;
      return [
        hip[0] + (shoulder[0] - hip[0]) * t + depth * girth * k * Math.cos(angle),
        hip[1] + (shoulder[1] - hip[1]) * t + width * girth * Math.sin(angle),
        hip[2] + (shoulder[2] - hip[2]) * t,
      ];
    }),
  );
  loft(mesh, sections, { closed: true, crease: 1.3, uvOf: (_i, j, p) => [j / 12, p[2]] });
}

function arm(
  mesh: Mesh,
  wear: Clothes,
  shoulder: Vec3,
  swing: number,
  bend: number,
  side: number,
  k: number,
): void {
  const elbow: Vec3 = [
    shoulder[0] + Math.sin(swing) * 0.29 * k,
    shoulder[1] + side * 0.04,
    shoulder[2] - Math.cos(swing) * 0.29 * k,
  ];
  const wrist: Vec3 = [
    elbow[0] + Math.sin(swing + bend) * 0.25 * k,
    elbow[1] - side * 0.01,
    elbow[2] - Math.cos(swing + bend) * 0.25 * k,
  ];
  mesh.material = wear.top;
  tube(mesh, [shoulder, elbow, wrist], [0.056 * k, 0.045 * k, 0.036 * k], 7);
  mesh.material = wear.skin;
  ellipsoid(mesh, [wrist[0], wrist[1], wrist[2] - 0.06 * k], [0.04 * k, 0.025 * k, 0.075 * k], 6, 4);
}

/** Adds neck, head and hair. */
export function head(mesh: Mesh, random: Random, wear: Clothes, at: Vec3, k: number): void {
  mesh.material = wear.skin;
  tube(
    mesh,
    [
      [at[0] - 0.02, at[1], at[2] - 0.2 * k],
      [at[0], at[1], at[2] - 0.05],
    ],
    [0.055 * k, 0.05 * k],
    7,
    false,
  );
  ellipsoid(mesh, at, [0.098 * k, 0.078 * k, 0.12 * k], 10, 8);
  mesh.material = wear.hair;
  const long = random.chance(0.4) ? 0.05 : 0;
  ellipsoid(
    mesh,
    [at[0] - 0.022, at[1], at[2] + 0.028 - long / 2],
    [0.1 * k, 0.088 * k, 0.108 * k + long],
    10,
    6,
  );
}

/** Adds a shoe under an ankle. */
export function shoe(mesh: Mesh, material: number, ankle: Vec3, k: number): void {
  mesh.material = material;
  ellipsoid(
    mesh,
    [ankle[0] + 0.06 * k, ankle[1], ankle[2] - 0.035 * k],
    [0.135 * k, 0.048 * k, 0.05 * k],
    8,
    5,
  );
}
