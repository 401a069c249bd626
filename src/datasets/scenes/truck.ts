import type { Random } from '../../engine/random.ts';
import { vehiclePaints } from './car-shapes.ts';
import { loft } from './loft.ts';
import { type Color, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { frontPlate, type VehicleBody, vehicleMaterials, wheel } from './vehicle-parts.ts';

/** Adds a lorry: a cab, a box or tarpaulin body, a chassis and its wheels. */
export function truck(mesh: Mesh, random: Random, materials: MaterialTable): VehicleBody {
  const lengthM = random.uniform(6.5, 11);
  const widthM = random.uniform(2.35, 2.55);
  const heightM = random.uniform(2.9, 3.8);
  const parts = vehicleMaterials(materials, random, random.pick(vehiclePaints), 2.2, [-1, -1, -1, -1]);
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
      wheel(mesh, (axle - 0.5) * lengthM, side * (half - 0.18), 0.48, side, parts, { widthM: 0.3 });
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
