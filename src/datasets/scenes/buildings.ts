import type { Random } from '../../engine/random.ts';
import { type Color, type Material, type MaterialTable, plain, Surface, shade } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';

export interface BuildingPlan {
  /** Along the street and away from it. */
  readonly widthM: number;
  readonly depthM: number;
  readonly floors: number;
  readonly roof: 'gable' | 'hip' | 'flat' | 'mansard';
  readonly shops: boolean;
}

interface Look {
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

function look(random: Random, materials: MaterialTable): Look {
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

/** Adds a house: its street front lies along x at y = 0 looking to -y, its ground is z = 0. Returns its height. */
export function building(mesh: Mesh, random: Random, materials: MaterialTable, plan: BuildingPlan): number {
  const style = look(random, materials);
  const { widthM: w, depthM: d } = plan;
  const floorM = random.uniform(2.75, 3.4);
  const wallTop = 0.35 + plan.floors * floorM;
  const x0 = -w / 2;
  const x1 = w / 2;
  facade(mesh, random, materials, style, [x0, 0, 0], [x1, 0, 0], plan, floorM, true);
  facade(mesh, random, materials, style, [x1, 0, 0], [x1, d, 0], plan, floorM, false);
  facade(mesh, random, materials, style, [x0, d, 0], [x0, 0, 0], plan, floorM, false);
  mesh.material = style.wall;
  mesh.quad([x1, d, 0], [x0, d, 0], [x0, d, wallTop], [x1, d, wallTop]);
  const top = roof(mesh, random, materials, style, plan, wallTop);
  mesh.exposure = 1;
  return top;
}

function facade(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  style: Look,
  from: Vec3,
  to: Vec3,
  plan: BuildingPlan,
  floorM: number,
  street: boolean,
): void {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const ux = (to[0] - from[0]) / length;
  const uy = (to[1] - from[1]) / length;
  const at = (x: number, out: number, z: number): Vec3 => [
    from[0] + ux * x + uy * out,
    from[1] + uy * x - ux * out,
    z,
  ];
  const rect = (material: number, a: number, b: number, z0: number, z1: number, out = 0): void => {
    if (b - a < 1e-3 || z1 - z0 < 1e-3) return;
    mesh.material = material;
    mesh.quad(at(a, out, z0), at(b, out, z0), at(b, out, z1), at(a, out, z1), [a, z0, b, z1]);
  };
  const bays = Math.max(1, Math.floor(length / (street ? style.bayM : style.bayM * 1.9)));
  const bay = length / bays;
  const doorBay = street ? random.integer(bays) : -1;
  const balconies = street && plan.floors > 2 && random.chance(0.35);
  const z0 = 0.35;
  mesh.exposure = 0.9;
  rect(style.plinth, 0, length, 0, z0, 0.03);
  for (let floor = 0; floor < plan.floors; floor++) {
    const base = z0 + floor * floorM;
    if (street && (floor === 0 ? plan.floors > 1 : plan.shops) && floor < 2) {
      mesh.material = style.trim;
      slab(mesh, at, 0, length, base + floorM - 0.14, base + floorM + 0.02, 0.09);
    }
    for (let k = 0; k < bays; k++) {
      const left = k * bay;
      const blind = !street && random.chance(0.35);
      if (blind) {
        rect(style.wall, left, left + bay, base, base + floorM);
        continue;
      }
      const shop = plan.shops && floor === 0 && street;
      const isDoor = floor === 0 && k === doorBay;
      const width = isDoor ? 1.15 : shop ? bay * 0.82 : Math.min(style.windowWidthM, bay * 0.7);
      const sill = base + (isDoor ? -0.02 : shop ? 0.25 : 0.85);
      const head = Math.min(
        base + floorM - 0.25,
        isDoor ? base + 2.2 : shop ? base + floorM * 0.82 : sill + style.windowHeightM,
      );
      const a = left + (bay - width) / 2;
      const b = a + width;
      mesh.exposure = 0.95;
      rect(style.wall, left, a, base, base + floorM);
      rect(style.wall, b, left + bay, base, base + floorM);
      rect(style.wall, a, b, base, sill);
      rect(style.wall, a, b, head, base + floorM);
      const inset = -0.14;
      mesh.exposure = 0.55;
      mesh.material = style.trim;
      mesh.quad(at(a, 0, sill), at(a, inset, sill), at(a, inset, head), at(a, 0, head));
      mesh.quad(at(b, inset, sill), at(b, 0, sill), at(b, 0, head), at(b, inset, head));
      mesh.quad(at(a, 0, head), at(a, inset, head), at(b, inset, head), at(b, 0, head));
      mesh.exposure = 0.9;
      rect(isDoor ? style.door : style.glass, a, b, sill, head, inset);
      if (!isDoor) {
        const f = 0.07;
        rect(style.frame, a, a + f, sill, head, inset + 0.03);
        rect(style.frame, b - f, b, sill, head, inset + 0.03);
        rect(style.frame, a, b, head - f, head, inset + 0.031);
        rect(style.frame, a, b, sill, sill + f, inset + 0.031);
        rect(style.frame, (a + b) / 2 - f / 2, (a + b) / 2 + f / 2, sill, head, inset + 0.032);
        if (style.crossbar) rect(style.frame, a, b, head - 0.48, head - 0.42, inset + 0.03);
        mesh.material = style.trim;
        slab(mesh, at, a - 0.06, b + 0.06, sill - 0.07, sill, 0.08);
      }
      if (shop && !isDoor) {
        mesh.material = materials.add({
          kind: Surface.sign,
          color: random.pick(shopColors),
          reflectance: 0.4,
          parameters: [9, random.integer(50)],
        });
        slab(mesh, at, left + 0.12, left + bay - 0.12, head + 0.05, head + 0.5, 0.12);
      } else if (style.shutter !== undefined && !isDoor && street) {
        rect(style.shutter, a - width * 0.46, a - 0.03, sill, head, 0.05);
        rect(style.shutter, b + 0.03, b + width * 0.46, sill, head, 0.05);
      }
      if (balconies && floor > 0 && k % 2 === doorBay % 2)
        balcony(mesh, at, style, left + bay * 0.08, left + bay * 0.92, base);
    }
  }
}

const shopColors: readonly Color[] = [
  [0.62, 0.1, 0.1],
  [0.12, 0.22, 0.45],
  [0.15, 0.36, 0.2],
  [0.75, 0.6, 0.15],
  [0.25, 0.25, 0.27],
  [0.85, 0.84, 0.8],
];

function slab(
  mesh: Mesh,
  at: (x: number, out: number, z: number) => Vec3,
  a: number,
  b: number,
  z0: number,
  z1: number,
  out: number,
): void {
  mesh.quad(at(a, out, z0), at(b, out, z0), at(b, out, z1), at(a, out, z1));
  mesh.quad(at(a, out, z1), at(b, out, z1), at(b, 0, z1), at(a, 0, z1));
  mesh.quad(at(a, 0, z0), at(b, 0, z0), at(b, out, z0), at(a, out, z0));
  mesh.quad(at(a, 0, z0), at(a, out, z0), at(a, out, z1), at(a, 0, z1));
  mesh.quad(at(b, out, z0), at(b, 0, z0), at(b, 0, z1), at(b, out, z1));
}

function balcony(
  mesh: Mesh,
  at: (x: number, out: number, z: number) => Vec3,
  style: Look,
  a: number,
  b: number,
  z: number,
): void {
  mesh.material = style.trim;
  mesh.exposure = 0.8;
  slab(mesh, at, a, b, z - 0.12, z + 0.03, 1.1);
  slab(mesh, at, a, b, z + 0.95, z + 1.0, 1.1);
  mesh.material = style.shutter ?? style.plinth;
  mesh.quad(at(a, 1.08, z), at(b, 1.08, z), at(b, 1.08, z + 0.95), at(a, 1.08, z + 0.95));
  for (const x of [a, b]) mesh.quad(at(x, 0, z), at(x, 1.08, z), at(x, 1.08, z + 0.95), at(x, 0, z + 0.95));
  mesh.exposure = 1;
}

/** The roof over a rectangle; returns the height of its top. */
function roof(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  style: Look,
  plan: BuildingPlan,
  z: number,
): number {
  const over = 0.45;
  const x0 = -plan.widthM / 2;
  const x1 = plan.widthM / 2;
  const d = plan.depthM;
  mesh.exposure = 1;
  if (plan.roof === 'flat') {
    mesh.material = style.trim;
    mesh.box(x0 - 0.12, -0.12, z - 0.05, x1 + 0.12, d + 0.12, z + 0.45);
    mesh.material = materials.add(plain([0.4, 0.4, 0.4], 0.3));
    if (random.chance(0.6)) mesh.box(x0 * 0.3, d * 0.3, z + 0.4, x1 * 0.2, d * 0.7, z + 2);
    return z + 0.45;
  }
  const steep = plan.roof === 'mansard' ? 0.5 : random.uniform(0.55, 0.95);
  const rise = (d / 2) * steep;
  const ridge = z + rise;
  const hip = plan.roof === 'gable' ? 0 : Math.min(plan.widthM * 0.4, d * 0.42);
  const eaves = z - over * steep;
  const rx0 = x0 + hip - (hip === 0 ? 0.25 : 0);
  const rx1 = x1 - hip + (hip === 0 ? 0.25 : 0);
  const ex0 = x0 - (hip === 0 ? 0.25 : over);
  const ex1 = x1 + (hip === 0 ? 0.25 : over);
  mesh.material = style.roof;
  mesh.quad([ex0, -over, eaves], [ex1, -over, eaves], [rx1, d / 2, ridge], [rx0, d / 2, ridge]);
  mesh.quad([ex1, d + over, eaves], [ex0, d + over, eaves], [rx0, d / 2, ridge], [rx1, d / 2, ridge]);
  if (hip > 0) {
    mesh.quad(
      [ex0, d + over, eaves],
      [ex0, -over, eaves],
      [rx0, d / 2 - 0.01, ridge],
      [rx0, d / 2 + 0.01, ridge],
    );
    mesh.quad(
      [ex1, -over, eaves],
      [ex1, d + over, eaves],
      [rx1, d / 2 + 0.01, ridge],
      [rx1, d / 2 - 0.01, ridge],
    );
  } else {
    mesh.material = style.wall;
    mesh.quad([x0, d, z], [x0, 0, z], [x0, d / 2 - 0.01, ridge - 0.05], [x0, d / 2 + 0.01, ridge - 0.05]);
    mesh.quad([x1, 0, z], [x1, d, z], [x1, d / 2 + 0.01, ridge - 0.05], [x1, d / 2 - 0.01, ridge - 0.05]);
  }
  mesh.material = style.trim;
  mesh.exposure = 0.5;
  mesh.quad(
    [ex0, -over, eaves - 0.03],
    [ex1, -over, eaves - 0.03],
    [ex1, 0, eaves - 0.03],
    [ex0, 0, eaves - 0.03],
  );
  mesh.exposure = 1;
  mesh.box(ex0, -over - 0.1, eaves - 0.03, ex1, -over + 0.02, eaves + 0.08);
  const dormers = random.chance(0.5) ? Math.floor(plan.widthM / 4.5) : 0;
  for (let i = 0; i < dormers; i++)
    dormer(mesh, style, x0 + ((i + 0.5) * plan.widthM) / dormers, d * 0.16, z + d * 0.16 * steep, steep);
  mesh.material = materials.add({
    kind: Surface.brick,
    color: [0.45, 0.28, 0.22],
    second: [0.6, 0.58, 0.54],
    reflectance: 0.3,
  });
  const cx = random.uniform(x0 * 0.6, x1 * 0.6);
  mesh.box(cx - 0.35, d * 0.55, ridge - rise * 0.3, cx + 0.35, d * 0.55 + 0.6, ridge + 0.9);
  return ridge;
}

function dormer(mesh: Mesh, style: Look, x: number, y: number, z: number, steep: number): void {
  const h = 1.35;
  const back = y + h / steep;
  mesh.material = style.wall;
  mesh.quad([x - 0.75, y, z], [x + 0.75, y, z], [x + 0.75, y, z + h], [x - 0.75, y, z + h]);
  for (const side of [-0.75, 0.75])
    mesh.quad([x + side, y, z], [x + side, back, z + h], [x + side, back, z + h], [x + side, y, z + h]);
  for (const side of [-0.75, 0.75]) {
    const i = mesh.vertex(x + side, y, z, Math.sign(side), 0, 0);
    mesh.vertex(x + side, back, z + h, Math.sign(side), 0, 0);
    mesh.vertex(x + side, y, z + h, Math.sign(side), 0, 0);
    mesh.triangle(i, i + 1, i + 2);
  }
  mesh.material = style.roof;
  mesh.quad(
    [x - 0.95, y - 0.2, z + h - 0.02],
    [x + 0.95, y - 0.2, z + h - 0.02],
    [x + 0.95, back + 0.3, z + h + 0.25],
    [x - 0.95, back + 0.3, z + h + 0.25],
  );
  mesh.material = style.glass;
  mesh.quad(
    [x - 0.5, y - 0.03, z + 0.2],
    [x + 0.5, y - 0.03, z + 0.2],
    [x + 0.5, y - 0.03, z + h - 0.15],
    [x - 0.5, y - 0.03, z + h - 0.15],
    [x, z, x + 1, z + 1],
  );
  mesh.material = style.frame;
  mesh.quad(
    [x - 0.035, y - 0.05, z + 0.2],
    [x + 0.035, y - 0.05, z + 0.2],
    [x + 0.035, y - 0.05, z + h - 0.15],
    [x - 0.035, y - 0.05, z + h - 0.15],
  );
}
