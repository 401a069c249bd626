import type { Random } from '../../engine/random.ts';
import { type BuildingLook, type BuildingPlan, drawLook } from './building-look.ts';
import { type Color, type MaterialTable, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { roof } from './roofs.ts';

/** Adds a house: its street front lies along x at y = 0 looking to -y, its ground is z = 0. Returns its height. */
export function building(mesh: Mesh, random: Random, materials: MaterialTable, plan: BuildingPlan): number {
  const style = drawLook(random, materials);
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
  style: BuildingLook,
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
  style: BuildingLook,
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
