import type { Random } from '../../engine/random.ts';
import type { BuildingLook, BuildingPlan } from './building-look.ts';
import { type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh } from './mesh.ts';

/** The roof over a rectangle; returns the height of its top. */
export function roof(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  style: BuildingLook,
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

function dormer(mesh: Mesh, style: BuildingLook, x: number, y: number, z: number, steep: number): void {
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
