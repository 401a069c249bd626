import type { Random } from '../../engine/random.ts';
import { type CarShape, carShapes, profileAt, vehiclePaints } from './car-shapes.ts';
import { ellipsoid, loft } from './loft.ts';
import type { MaterialTable } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import {
  frontPlate,
  type VehicleBody,
  type VehicleMaterials,
  vehicleMaterials,
  wheel,
} from './vehicle-parts.ts';

/** Adds a car or van of a random shape, size and paint to the mesh at its current placement; `fine` if it will be seen from near. */
export function car(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  { van = false, fine = true }: { readonly van?: boolean; readonly fine?: boolean } = {},
): VehicleBody {
  const names = van
    ? ['minivan', 'transporter', 'transporter']
    : ['hatch', 'hatch', 'hatch', 'sedan', 'sedan', 'estate', 'estate', 'suv'];
  const shape = carShapes[random.pick(names)];
  const lengthM = random.uniform(...shape.lengthM);
  const widthM = random.uniform(...shape.widthM);
  const heightM = random.uniform(...shape.heightM);
  const paint = van && random.chance(0.55) ? ([0.85, 0.85, 0.84] as const) : random.pick(vehiclePaints);
  const parts = vehicleMaterials(materials, random, paint, lengthM, shape.windows);
  body(mesh, shape, lengthM, widthM, heightM, parts, fine);
  const radius = shape.clearanceM * 0.5 + 0.215;
  for (const axle of shape.axles)
    for (const side of [-1, 1])
      wheel(mesh, (axle - 0.5) * lengthM, side * (widthM / 2 - 0.13), radius, side, parts, {
        sides: fine ? 18 : 9,
      });
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
  fine: boolean,
): void {
  const arch = shape.clearanceM * 0.5 + 0.215 + 0.06;
  const archSteps = fine ? 5 : 2;
  const stations = new Set<number>([
    0, 0.006, 0.02, 0.045, 0.08, 0.12, 0.3, 0.36, 0.5, 0.58, 0.64, 0.7, 0.76, 0.88, 0.92, 0.955, 0.98, 0.994,
    1,
  ]);
  for (const [x] of shape.profile) stations.add(x);
  for (const x of shape.windows) stations.add(x - 0.008).add(x + 0.008);
  for (const axle of shape.axles)
    for (let k = -archSteps; k <= archSteps; k++)
      stations.add(axle + (arch * Math.sin((k * Math.PI) / (2 * archSteps))) / lengthM);
  const xs = [...stations]
    .filter((x) => x >= 0 && x <= 1)
    .sort((a, b) => a - b)
    .filter((x, i, all) => i === 0 || x - all[i - 1] > (fine ? 0.004 : 0.008) || x === 1);
  const floor = shape.clearanceM;
  const sections = xs.map((x): Vec3[] => {
    const top = heightM * profileAt(shape.profile, x);
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
      : ((profileAt(shape.profile, next) - profileAt(shape.profile, x)) * heightM) / ((next - x) * lengthM);
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
      if (band === 0) return undefined;
      if (band < 2) return parts.under;
      const window =
        x > shape.windows[0] && x < shape.windows[3] && !shape.windows.some((w) => Math.abs(w - x) < 0.009);
      if (band === 7 && window && profileAt(shape.profile, x) - shape.belt > 0.12) return parts.glass;
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
  const faceZ = heightM * (profileAt(shape.profile, 0.98) - 0.06);
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
