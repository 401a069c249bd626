import type { Random } from '../../engine/random.ts';
import type { Mesh, Vec3 } from './mesh.ts';

/** Leaf sprigs over a ball, more outside than in, darker within and below. */
export function foliage(
  mesh: Mesh,
  random: Random,
  center: Vec3,
  radii: Vec3,
  sizeM: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const angle = random.uniform(0, 2 * Math.PI);
    const z = random.uniform(-1, 1);
    const flat = Math.sqrt(1 - z * z);
    const depth = 1 - 0.65 * random.uniform() ** 2;
    const n: Vec3 = [flat * Math.cos(angle), flat * Math.sin(angle), z];
    const p: Vec3 = [
      center[0] + radii[0] * n[0] * depth,
      center[1] + radii[1] * n[1] * depth,
      center[2] + radii[2] * n[2] * depth,
    ];
    mesh.exposure = (0.25 + 0.75 * depth ** 3) * (0.72 + 0.28 * z);
    sprig(
      mesh,
      p,
      sizeM * random.uniform(0.75, 1.3),
      random.uniform(0, 2 * Math.PI),
      random.normal(0, 0.6),
      random.normal(0, 0.9),
      n,
    );
  }
}

/** A clipped hedge between two points of the ground, leaves outside and a dark body inside. */
export function hedge(
  mesh: Mesh,
  random: Random,
  from: Vec3,
  to: Vec3,
  heightM: number,
  widthM: number,
  leaves: number,
  core: number,
): void {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const yaw = Math.atan2(to[1] - from[1], to[0] - from[0]);
  mesh.place({ x: from[0], y: from[1], z: from[2], yaw });
  const half = widthM / 2;
  mesh.material = core;
  mesh.exposure = 0.8;
  mesh.box(0, -half * 0.8, 0, length, half * 0.8, heightM * 0.88);
  mesh.material = leaves;
  const count = Math.round(length * (2 * heightM + widthM) * 8);
  for (let i = 0; i < count; i++) {
    const around = random.uniform(0, 2 * heightM + widthM);
    const x = random.uniform(0, length);
    const top = around < widthM;
    const side = around < widthM + heightM ? 1 : -1;
    const z = top ? heightM : random.uniform(0.05, heightM);
    const y = top ? random.uniform(-half, half) : side * half;
    const normal: Vec3 = [random.normal(0, 0.3), top ? 0 : side, top ? 1 : 0.35];
    mesh.exposure = 0.45 + 0.5 * (z / heightM);
    const tilt = top ? random.normal(0, 0.5) : Math.PI / 2 + random.normal(0, 0.45);
    sprig(
      mesh,
      [x, y + random.normal(0, 0.05), z + random.normal(0, 0.05)],
      0.62,
      random.normal(0, 0.6),
      random.uniform(-0.5, 0.5),
      tilt,
      normal,
      2,
    );
  }
  mesh.exposure = 1;
  mesh.unplace();
}

/** A tuft of grass: two crossed sprigs of blades standing at a point. */
export function tuft(mesh: Mesh, random: Random, at: Vec3, heightM: number): void {
  for (let k = 0; k < 2; k++) {
    const angle = random.uniform(0, Math.PI);
    const c = Math.cos(angle) * heightM * 0.8;
    const s = Math.sin(angle) * heightM * 0.8;
    const i = mesh.vertex(at[0] - c, at[1] - s, at[2] - 0.02, 0, 0, 1, 0.03, 0.01);
    mesh.vertex(at[0] + c, at[1] + s, at[2] - 0.02, 0, 0, 1, 0.97, 0.01);
    mesh.vertex(at[0] + c, at[1] + s, at[2] + heightM, 0, 0, 1, 0.97, 0.9);
    mesh.vertex(at[0] - c, at[1] - s, at[2] + heightM, 0, 0, 1, 0.03, 0.9);
    mesh.triangle(i, i + 1, i + 2);
    mesh.triangle(i, i + 2, i + 3);
  }
}

/** A square of leaves, turned by three angles, lit as if it faced `normal`; `repeats` makes the leaves smaller. */
export function sprig(
  mesh: Mesh,
  c: Vec3,
  sizeM: number,
  yaw: number,
  pitch: number,
  roll: number,
  normal: Vec3,
  repeats = 1,
): void {
  const end = repeats - 0.01;
  const h = sizeM / 2;
  const cy = Math.cos(yaw);
  const sy = Math.sin(yaw);
  const cp = Math.cos(pitch);
  const sp = Math.sin(pitch);
  const cr = Math.cos(roll);
  const sr = Math.sin(roll);
  const ux = cy * cp * h;
  const uy = sy * cp * h;
  const uz = sp * h;
  const vx = (-sy * cr - cy * sp * sr) * h;
  const vy = (cy * cr - sy * sp * sr) * h;
  const vz = cp * sr * h;
  const length = Math.hypot(normal[0], normal[1], normal[2]) || 1;
  const nx = normal[0] / length;
  const ny = normal[1] / length;
  const nz = normal[2] / length;
  const i = mesh.vertex(c[0] - ux - vx, c[1] - uy - vy, c[2] - uz - vz, nx, ny, nz, 0.01, 0.01);
  mesh.vertex(c[0] + ux - vx, c[1] + uy - vy, c[2] + uz - vz, nx, ny, nz, end, 0.01);
  mesh.vertex(c[0] + ux + vx, c[1] + uy + vy, c[2] + uz + vz, nx, ny, nz, end, end);
  mesh.vertex(c[0] - ux + vx, c[1] - uy + vy, c[2] - uz + vz, nx, ny, nz, 0.01, end);
  mesh.triangle(i, i + 1, i + 2);
  mesh.triangle(i, i + 2, i + 3);
}
