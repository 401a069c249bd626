import type { Random } from '../../engine/random.ts';
import { tube } from './loft.ts';
import { type Color, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh } from './mesh.ts';

/** What stands along a street, each in its own frame: z = 0 is the ground, -y looks towards the road, +x along it. */
export const furniture = { lamp, pole, sign, bin, trafficLight, bollard } as const;

const steel = (materials: MaterialTable): number =>
  materials.add({ kind: Surface.metal, color: [0.5, 0.52, 0.52], reflectance: 0.35, gloss: 0.25 });

function lamp(mesh: Mesh, random: Random, materials: MaterialTable): void {
  const height = random.uniform(6, 9);
  const reach = random.uniform(0.8, 2.2);
  mesh.material = steel(materials);
  tube(
    mesh,
    [
      [0, 0, 0],
      [0, 0, 1],
      [0, 0, height - 0.8],
      [0, -reach * 0.3, height - 0.1],
      [0, -reach, height],
    ],
    [0.1, 0.085, 0.06, 0.045, 0.04],
    8,
  );
  mesh.material = materials.add(plain([0.3, 0.31, 0.32], 0.3));
  mesh.box(-0.14, -reach - 0.62, height - 0.06, 0.14, -reach, height + 0.09);
  mesh.material = materials.add({ kind: Surface.light, color: [0.85, 0.84, 0.78], reflectance: 0.4 });
  mesh.quad(
    [-0.11, -reach - 0.55, height - 0.07],
    [0.11, -reach - 0.55, height - 0.07],
    [0.11, -reach - 0.05, height - 0.07],
    [-0.11, -reach - 0.05, height - 0.07],
  );
}

function pole(mesh: Mesh, random: Random, materials: MaterialTable): void {
  const height = random.uniform(7, 9.5);
  mesh.material = random.chance(0.5)
    ? materials.add({ kind: Surface.bark, color: [0.36, 0.29, 0.22], reflectance: 0.3 })
    : materials.add({ kind: Surface.concrete, color: [0.62, 0.61, 0.58], reflectance: 0.4 });
  tube(
    mesh,
    [
      [0, 0, 0],
      [0, 0, height],
    ],
    [0.15, 0.1],
    9,
  );
  tube(
    mesh,
    [
      [-0.05, -0.8, height - 0.5],
      [-0.05, 0.8, height - 0.5],
    ],
    [0.05, 0.05],
    5,
  );
}

/** A traffic sign that drivers coming along +x see (it looks to -x). */
function sign(mesh: Mesh, random: Random, materials: MaterialTable): void {
  const shape = random.pick([0, 0, 1, 1, 2, 3, 3, 4, 4]);
  const height = random.uniform(2, 2.4);
  mesh.material = steel(materials);
  tube(
    mesh,
    [
      [0, 0, 0],
      [0, 0, height + 0.75],
    ],
    [0.035, 0.035],
    7,
  );
  mesh.material = materials.add({
    kind: Surface.sign,
    color: [0.85, 0.84, 0.82],
    reflectance: 0.95,
    parameters: [shape, random.integer(50)],
  });
  const z = height + 0.38;
  const sides = shape === 1 ? 3 : shape === 2 ? 8 : shape >= 3 ? 4 : 20;
  const turn = shape >= 3 ? Math.PI / 4 : shape === 1 ? Math.PI / 2 : Math.PI / 8;
  const radius = shape === 4 ? 0.52 : 0.36;
  disc(mesh, -0.045, z, radius, sides, shape === 3 ? 0 : turn, -1);
  mesh.material = materials.add(plain([0.42, 0.43, 0.44], 0.35));
  disc(mesh, -0.038, z, radius, sides, shape === 3 ? 0 : turn, 1);
}

function disc(
  mesh: Mesh,
  x: number,
  z: number,
  radius: number,
  sides: number,
  turn: number,
  facing: number,
): void {
  const first = mesh.vertex(x, 0, z, facing, 0, 0, 0, 0);
  for (let k = 0; k <= sides; k++) {
    const angle = turn + (2 * Math.PI * k) / sides;
    mesh.vertex(
      x,
      radius * Math.cos(angle),
      z + radius * Math.sin(angle),
      facing,
      0,
      0,
      Math.cos(angle),
      Math.sin(angle),
    );
    if (k > 0) mesh.triangle(first, first + k, first + k + 1);
  }
}

function bin(mesh: Mesh, random: Random, materials: MaterialTable): void {
  mesh.material = materials.add(
    plain(
      random.pick<Color>([
        [0.16, 0.16, 0.17],
        [0.15, 0.3, 0.17],
        [0.16, 0.2, 0.4],
        [0.6, 0.5, 0.12],
        [0.3, 0.2, 0.14],
      ]),
      0.25,
      0.1,
    ),
  );
  const w = random.uniform(0.26, 0.34);
  mesh.box(-w, -w, 0.06, w, w, 1);
  mesh.box(-w - 0.03, -w - 0.03, 1, w + 0.03, w + 0.03, 1.07);
}

function trafficLight(mesh: Mesh, random: Random, materials: MaterialTable): void {
  mesh.material = steel(materials);
  tube(
    mesh,
    [
      [0, 0, 0],
      [0, 0, 3.4],
    ],
    [0.07, 0.06],
    8,
  );
  mesh.material = materials.add(plain([0.05, 0.05, 0.05], 0.15));
  mesh.box(-0.3, -0.16, 2.5, -0.08, 0.16, 3.4);
  const lit = random.integer(3);
  const colors: readonly Color[] = [
    [0.08, 0.8, 0.35],
    [0.9, 0.55, 0.05],
    [0.9, 0.08, 0.06],
  ];
  for (let k = 0; k < 3; k++) {
    const c = colors[k];
    const on = k === lit ? 1 : 0.2;
    mesh.material = materials.add({
      kind: Surface.light,
      color: [c[0] * on, c[1] * on, c[2] * on],
      reflectance: 0.3,
      parameters: [k === lit ? 2 : 0],
    });
    disc(mesh, -0.31, 2.66 + 0.29 * k, 0.1, 12, 0, -1);
  }
}

function bollard(mesh: Mesh, random: Random, materials: MaterialTable): void {
  mesh.material = materials.add(
    random.chance(0.5)
      ? plain([0.85, 0.85, 0.83], 0.6)
      : { kind: Surface.metal, color: [0.3, 0.3, 0.31], reflectance: 0.3, gloss: 0.2 },
  );
  tube(
    mesh,
    [
      [0, 0, 0],
      [0, 0, 0.9],
    ],
    [0.06, 0.05],
    8,
  );
  mesh.material = materials.add(plain([0.7, 0.1, 0.08], 0.8));
  tube(
    mesh,
    [
      [0, 0, 0.7],
      [0, 0, 0.78],
    ],
    [0.059, 0.058],
    8,
    false,
  );
}
