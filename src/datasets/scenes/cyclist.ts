import type { Random } from '../../engine/random.ts';
import { ellipsoid, tube } from './loft.ts';
import { type MaterialTable, plain } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { clothes, head, shoe, tops, torso } from './people.ts';

/** Adds a rider on a bicycle, looking along +x, wheels on z = 0, its middle about the origin; the cranks at an angle, radians, or at random. */
export function cyclist(mesh: Mesh, random: Random, materials: MaterialTable, crankAngle?: number): void {
  const wear = clothes(random, materials);
  bicycle(mesh, random, materials);
  const k = random.uniform(0.94, 1.05);
  const saddle: Vec3 = [-0.22, 0, 0.98];
  const lean = random.uniform(0.12, 0.38);
  const shoulder: Vec3 = [
    saddle[0] + 0.5 * k * Math.sin(lean) + 0.06,
    0,
    saddle[2] + 0.5 * k * Math.cos(lean) + 0.04,
  ];
  torso(mesh, wear.top, [saddle[0], 0, saddle[2] + 0.02], shoulder, 1, k);
  const drawnCrank = random.uniform(0, 2 * Math.PI);
  const crank = crankAngle ?? drawnCrank;
  for (const side of [-1, 1]) {
    const angle = crank + (side > 0 ? Math.PI : 0);
    const pedal: Vec3 = [0.03 + 0.17 * Math.cos(angle), side * 0.1, 0.37 + 0.17 * Math.sin(angle)];
    const hip: Vec3 = [saddle[0], side * 0.08, saddle[2] + 0.02];
    mesh.material = wear.legs;
    tube(mesh, [hip, joint(hip, pedal, 0.45 * k, 0.45 * k), pedal], [0.09, 0.06, 0.045], 8);
    shoe(mesh, wear.shoes, [pedal[0], pedal[1], pedal[2] + 0.06], k);
    const grip: Vec3 = [0.36, side * 0.24, 1.08];
    const from: Vec3 = [shoulder[0], side * 0.18, shoulder[2] - 0.03];
    mesh.material = wear.top;
    const elbow: Vec3 = [(from[0] + grip[0]) / 2 - 0.05, side * 0.29, (from[2] + grip[2]) / 2 - 0.09];
    tube(mesh, [from, elbow], [0.05, 0.04], 7);
    mesh.material = wear.skin;
    tube(mesh, [elbow, grip], [0.036, 0.03], 7);
  }
  head(mesh, random, wear, [shoulder[0] + 0.06, 0, shoulder[2] + 0.2 * k], k);
}

/** Adds a bicycle standing on z = 0 along x. */
export function bicycle(mesh: Mesh, random: Random, materials: MaterialTable): void {
  const frame = materials.add(plain(random.pick(tops), 0.35, 0.3));
  const black = materials.add(plain([0.05, 0.05, 0.05], 0.15));
  const steel = materials.add(plain([0.5, 0.5, 0.52], 0.4, 0.4));
  for (const x of [-0.52, 0.53]) {
    const ring = Array.from(
      { length: 21 },
      (_, i): Vec3 => [
        x + 0.325 * Math.cos((2 * Math.PI * i) / 20),
        0,
        0.345 + 0.325 * Math.sin((2 * Math.PI * i) / 20),
      ],
    );
    mesh.material = black;
    tube(
      mesh,
      ring,
      ring.map(() => 0.021),
      5,
      false,
    );
    mesh.material = steel;
    for (let i = 0; i < 10; i += 1) tube(mesh, [ring[i], ring[i + 10]], [0.004, 0.004], 3, false);
  }
  mesh.material = frame;
  const bottom: Vec3 = [0.0, 0, 0.36];
  const seat: Vec3 = [-0.17, 0, 0.82];
  const headTube: Vec3 = [0.36, 0, 0.86];
  for (const [a, b] of [
    [bottom, seat],
    [bottom, headTube],
    [[-0.14, 0, 0.74] as Vec3, headTube],
    [[-0.52, 0, 0.345] as Vec3, bottom],
    [[-0.52, 0, 0.345] as Vec3, seat],
    [[0.53, 0, 0.345] as Vec3, headTube],
  ])
    tube(mesh, [a, b], [0.02, 0.02], 6, false);
  mesh.material = steel;
  tube(mesh, [headTube, [0.33, 0, 1.05]], [0.016, 0.016], 6, false);
  tube(
    mesh,
    [
      [0.36, -0.28, 1.07],
      [0.34, 0, 1.05],
      [0.36, 0.28, 1.07],
    ],
    [0.014, 0.014, 0.014],
    6,
  );
  mesh.material = black;
  ellipsoid(mesh, [-0.2, 0, 0.92], [0.14, 0.075, 0.035], 8, 4);
  tube(mesh, [seat, [-0.2, 0, 0.91]], [0.014, 0.014], 5, false);
}

/** Where two limbs of given lengths meet, bent forward (two-bone inverse kinematics in the x-z plane). */
function joint(from: Vec3, to: Vec3, upper: number, lower: number): Vec3 {
  const dx = to[0] - from[0];
  const dz = to[2] - from[2];
  const reach = Math.min(upper + lower - 0.01, Math.hypot(dx, dz));
  const bend = Math.acos((upper * upper + reach * reach - lower * lower) / (2 * upper * reach));
  const angle = Math.atan2(dz, dx) + bend;
  return [from[0] + upper * Math.cos(angle), (from[1] + to[1]) / 2, from[2] + upper * Math.sin(angle)];
}
