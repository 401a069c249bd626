import type { Random } from '../../engine/random.ts';
import { foliage, sprig } from './foliage.ts';
import { tube } from './loft.ts';
import { type Color, Cutout, type MaterialTable, Surface, shade } from './materials.ts';
import { Mesh, type Vec3 } from './mesh.ts';

/** A tree to be planted many times, and the number of its leaves' material, for planting it in another green. */
export interface TreeShape {
  readonly mesh: Mesh;
  /** The same with fewer and larger sprigs, for the distance. */
  readonly far: Mesh;
  readonly leaves: number;
  readonly heightM: number;
}

const greens: readonly Color[] = [
  [0.33, 0.42, 0.16],
  [0.27, 0.37, 0.15],
  [0.38, 0.43, 0.17],
  [0.24, 0.34, 0.17],
  [0.42, 0.4, 0.16],
];

/** A leaf material of a random green, or of autumn. */
export function leafMaterial(
  materials: MaterialTable,
  random: Random,
  autumn: number,
  needles = false,
): number {
  const turned = random.chance(autumn);
  const base: Color = turned
    ? random.pick<Color>([
        [0.56, 0.36, 0.13],
        [0.5, 0.42, 0.14],
      ])
    : random.pick(greens);
  return materials.add({
    kind: Surface.leaf,
    color: shade(base, random.uniform(0.85, 1.15)),
    second: shade([base[0] * 1.25, base[1] * 1.15, base[2] * 0.8], 1),
    reflectance: random.uniform(0.32, 0.5),
    dropout: 0.06,
    cutout: needles ? Cutout.needles : Cutout.leaves,
  });
}

/** A broad-leaved tree: trunk, boughs, and a crown of leaf sprigs on several irregular balls. */
export function broadleaf(random: Random, materials: MaterialTable, autumn: number): TreeShape {
  const mesh = new Mesh();
  const far = new Mesh();
  const heightM = random.uniform(6, 13);
  const crownBase = heightM * random.uniform(0.22, 0.36);
  const width = heightM * random.uniform(0.24, 0.38);
  mesh.material = materials.add({
    kind: Surface.bark,
    color: random.pick<Color>([
      [0.3, 0.26, 0.21],
      [0.36, 0.33, 0.29],
      [0.25, 0.21, 0.17],
    ]),
    reflectance: 0.3,
  });
  const radius = heightM * random.uniform(0.014, 0.024);
  const bend = (k: number): number => random.normal(0, 0.012 * heightM * k);
  const fork: Vec3 = [bend(1), bend(1), crownBase * 1.15];
  tube(
    mesh,
    [[0, 0, -0.1], [0, 0, 0.25], [bend(0.5), bend(0.5), crownBase * 0.6], fork],
    [radius * 1.7, radius * 1.1, radius, radius * 0.85],
    7,
    false,
  );
  const leaves = leafMaterial(materials, random, autumn);
  const balls: { center: Vec3; radius: Vec3 }[] = [];
  const count = 6 + random.integer(5);
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * i) / count + random.normal(0, 0.4);
    const level = (i + random.uniform()) / count;
    const reach =
      width * (0.35 + 0.45 * Math.sin(Math.PI * Math.min(1, 0.2 + level * 0.8))) * random.uniform(0.6, 1.1);
    const center: Vec3 = [
      reach * Math.cos(angle),
      reach * Math.sin(angle),
      crownBase + (heightM - crownBase) * (0.2 + 0.62 * level),
    ];
    const size = width * random.uniform(0.38, 0.62);
    balls.push({ center, radius: [size, size, size * random.uniform(0.7, 0.95)] });
    mesh.exposure = 0.6;
    tube(
      mesh,
      [fork, [center[0] * 0.55, center[1] * 0.55, (fork[2] + center[2]) / 2 + 0.1], center],
      [radius * 0.5, radius * 0.35, radius * 0.12],
      5,
      false,
    );
  }
  balls.push({ center: [0, 0, heightM - width * 0.5], radius: [width * 0.5, width * 0.5, width * 0.5] });
  far.append(mesh);
  mesh.material = leaves;
  far.material = leaves;
  const spriteM = 0.55 + heightM * 0.045;
  for (const ball of balls) {
    const count = 29 * (ball.radius[0] / spriteM) ** 2 + 12;
    foliage(mesh, random, ball.center, ball.radius, spriteM, Math.round(count));
    foliage(far, random, ball.center, ball.radius, spriteM * 1.7, Math.round(count / 3.4));
  }
  mesh.exposure = 1;
  return { mesh, far, leaves, heightM };
}

/** A conifer: a straight trunk with drooping whorls of needle sprigs. */
export function conifer(random: Random, materials: MaterialTable): TreeShape {
  const mesh = new Mesh();
  const heightM = random.uniform(8, 17);
  mesh.material = materials.add({ kind: Surface.bark, color: [0.28, 0.21, 0.16], reflectance: 0.28 });
  tube(
    mesh,
    [
      [0, 0, -0.1],
      [0, 0, heightM * 0.95],
    ],
    [0.2, 0.03],
    6,
    false,
  );
  const leaves = leafMaterial(materials, random, 0, true);
  mesh.material = leaves;
  const width = heightM * random.uniform(0.15, 0.22);
  for (let z = heightM * 0.1; z < heightM; z += heightM * 0.034) {
    const reach = width * (1 - z / heightM) ** 0.8 + 0.15;
    const arms = Math.max(5, Math.round(reach * 7.5));
    for (let k = 0; k < arms; k++) {
      const angle = (2 * Math.PI * (k + random.uniform())) / arms;
      const out = reach * random.uniform(0.45, 1);
      const c: Vec3 = [Math.cos(angle) * out * 0.6, Math.sin(angle) * out * 0.6, z - out * 0.18];
      mesh.exposure = 0.35 + 0.6 * (out / (reach + 1e-6));
      sprig(mesh, c, out * 0.95 + 0.5, angle, -0.35 + random.normal(0, 0.25), random.normal(0, 0.3), [
        c[0],
        c[1],
        0.5 * reach,
      ]);
    }
  }
  mesh.exposure = 1;
  return { mesh, far: mesh, leaves, heightM };
}

/** A shrub about 1 m high. */
export function bush(random: Random, materials: MaterialTable): TreeShape {
  const mesh = new Mesh();
  const leaves = leafMaterial(materials, random, 0.15);
  mesh.material = leaves;
  const balls = 2 + random.integer(3);
  for (let i = 0; i < balls; i++) {
    const size = random.uniform(0.4, 0.75);
    foliage(
      mesh,
      random,
      [random.normal(0, 0.45), random.normal(0, 0.45), size * 0.75],
      [size, size, size * 0.85],
      0.55,
      34,
    );
  }
  return { mesh, far: mesh, leaves, heightM: 1.3 };
}
