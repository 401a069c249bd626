import { describe, expect, test } from 'vitest';
import { cutoutAt } from '../../../src/datasets/scenes/cutouts.ts';
import { Cutout, MaterialTable, plain } from '../../../src/datasets/scenes/materials.ts';
import { Mesh } from '../../../src/datasets/scenes/mesh.ts';
import {
  createVisibilityBuffer,
  drawPerspective,
  projectPerspective,
} from '../../../src/datasets/scenes/rasteriser.ts';
import { RayCaster } from '../../../src/datasets/scenes/ray-caster.ts';
import { SunShadows } from '../../../src/datasets/scenes/sun-shadows.ts';
import { Random } from '../../../src/engine/random.ts';

/** Triangles before, beside and behind the origin; every third with holes. */
function soup(random: Random, count: number): { mesh: Mesh; materials: Float32Array } {
  const table = new MaterialTable();
  const solid = table.add(plain([0.5, 0.5, 0.5]));
  const holes = table.add({ ...plain([0.4, 0.5, 0.2]), cutout: Cutout.leaves });
  const mesh = new Mesh();
  for (let i = 0; i < count; i++) {
    mesh.material = i % 3 === 0 ? holes : solid;
    const at = [random.uniform(-4, 14), random.uniform(-6, 6), random.uniform(-3, 3)];
    const corner = (u: number, v: number): number =>
      mesh.vertex(
        at[0] + random.normal(0, 2),
        at[1] + random.normal(0, 2),
        at[2] + random.normal(0, 2),
        0,
        0,
        1,
        u,
        v,
      );
    mesh.triangle(corner(0.02, 0.02), corner(0.98, 0.05), corner(0.1, 0.95));
  }
  return { mesh, materials: table.pack() };
}

/** The nearest triangle by trying all, with the plane equation and areas instead of Moeller and Trumbore. */
function nearest(mesh: Mesh, d: readonly number[]): { distance: number; triangle: number; margin: number } {
  let best = { distance: Infinity, triangle: -1, margin: 1 };
  const sub = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]);
  const cross = (a: readonly number[], b: readonly number[]) => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
  ];
  const dot = (a: readonly number[], b: readonly number[]) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  for (let t = 0; t < mesh.indexCount / 3; t++) {
    const v = [0, 1, 2].map((k) => mesh.indices[3 * t + k]);
    const [a, b, c] = v.map((i) => Array.from(mesh.positions.subarray(3 * i, 3 * i + 3)));
    const normal = cross(sub(b, a), sub(c, a));
    const distance = dot(normal, a) / dot(normal, d);
    if (!(distance > 0) || distance >= best.distance) continue;
    const p = d.map((x) => x * distance);
    const whole = dot(normal, normal);
    const weights = [
      dot(cross(sub(c, b), sub(p, b)), normal),
      dot(cross(sub(a, c), sub(p, c)), normal),
      dot(cross(sub(b, a), sub(p, a)), normal),
    ].map((w) => w / whole);
    if (weights.some((w) => w < 0)) continue;
    if (t % 3 === 0) {
      const uv = [0, 1].map((k) => v.reduce((sum, i, n) => sum + weights[n] * mesh.uvs[2 * i + k], 0));
      if (cutoutAt(Cutout.leaves, uv[0], uv[1]) === 0) continue;
    }
    best = { distance, triangle: t, margin: Math.min(...weights) };
  }
  return best;
}

describe('rays and pictures of a triangle soup', () => {
  const { mesh, materials } = soup(Random.fromSeed('soup'), 150);

  test('a ray meets what trying every triangle finds', () => {
    const caster = new RayCaster(mesh, materials);
    const random = Random.fromSeed('rays');
    let hits = 0;
    for (let i = 0; i < 700; i++) {
      const d = [random.normal(), random.normal(), random.normal()];
      const expected = nearest(mesh, d);
      const found = caster.cast(0, 0, 0, d[0], d[1], d[2], 100);
      if (expected.margin < 1e-4 || expected.distance > 99) continue;
      expect(found).toBe(true);
      expect(caster.hit.distance).toBeCloseTo(expected.distance, 3);
      expect(caster.hit.a).toBe(mesh.indices[3 * expected.triangle]);
      hits++;
    }
    expect(hits).toBeGreaterThan(100);
  });

  test('a ray ends at its far limit, and triangles out of reach are left out', () => {
    const flat = new Mesh();
    flat.quad([5, -1, -1], [5, 1, -1], [5, 1, 1], [5, -1, 1]);
    const material = new Float32Array(16);
    const caster = new RayCaster(flat, material);
    expect(caster.cast(0, 0, 0, 1, 0.1, 0.05, 4.9)).toBe(false);
    expect(caster.cast(0, 0, 0, 1, 0.1, 0.05, 5.1)).toBe(true);
    expect(caster.cast(0, 0, 0, -1, 0.1, 0.05, 100)).toBe(false);
    flat.quad([3, -1, -1], [3, 1, -1], [3, 1, 1], [3, -1, 1]);
    expect(new RayCaster(flat, material, { reachM: 4 }).cast(0, 0, 0, 1, 0.1, 0.05, 100)).toBe(true);
  });

  test('rays below a slope meet the same when what lies above it is left out', () => {
    const whole = new RayCaster(mesh, materials);
    const part = new RayCaster(mesh, materials, { maxSlope: 0.1 });
    const random = Random.fromSeed('slopes');
    for (let i = 0; i < 2000; i++) {
      const angle = random.uniform(0, 7);
      const slope = random.uniform(-1, 0.1);
      const cast = (caster: RayCaster) =>
        caster.cast(0, 0, 0, Math.cos(angle), Math.sin(angle), slope, 100) ? caster.hit.distance : Infinity;
      expect(cast(part)).toBe(cast(whole));
    }
  });

  test('a picture shows at every sample what the ray through it meets', () => {
    const width = 64;
    const height = 32;
    const focal = 32;
    // Columns to the right (-y), rows down (-z), depth ahead (+x).
    const matrix = [width / 2, -focal, 0, 0, height / 2, 0, -focal, 0, 1, 0, 0, 0];
    const target = createVisibilityBuffer(width, height);
    drawPerspective(target, mesh, projectPerspective(mesh, matrix), materials);
    let different = 0;
    let covered = 0;
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const d = [1, -(column + 0.5 - width / 2) / focal, -(row + 0.5 - height / 2) / focal];
        const expected = nearest(mesh, d);
        if (expected.margin < 1e-3 || expected.distance < 0.4) continue;
        const seen = target.triangle[row * width + column];
        if (seen >= 0) covered++;
        if (seen !== expected.triangle) different++;
      }
    expect(covered).toBeGreaterThan(500);
    // Holes are looked up in texels, whose borders rounding may cross, and 0.3 m before the eye the picture is cut.
    expect(different).toBeLessThan(0.01 * covered);
  });
});

test('the sun is kept off what lies behind a wall, and off nothing else', () => {
  const mesh = new Mesh();
  mesh.quad([5, -10, -2], [30, -10, -2], [30, 10, -2], [5, 10, -2]);
  mesh.quad([15, -5, -2], [15, 5, -2], [15, 5, 2], [15, -5, 2]);
  const angle = Math.PI / 4;
  const shadows = new SunShadows(mesh, new Float32Array(16), [-Math.cos(angle), 0, Math.sin(angle)], 512);
  const lit = (x: number, y: number) => shadows.lit(x, y, -2, 0, 0, 1, 0.02);
  expect(lit(17, 0)).toBe(0);
  expect(lit(18.7, 4.7)).toBe(0);
  expect(lit(19.4, 0)).toBe(1);
  expect(lit(13, 0)).toBe(1);
  expect(lit(17, 5.5)).toBe(1);
  expect(lit(500, 0)).toBe(1);
});
