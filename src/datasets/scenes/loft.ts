import type { Mesh, Vec3 } from './mesh.ts';

export interface LoftOptions {
  /** Whether the last point of a section joins the first. */
  readonly closed?: boolean;
  /** Edges sharper than this stay sharp, radians. */
  readonly crease?: number;
  /** The material of the face between sections i, i+1 and points j, j+1; undefined leaves it out. */
  readonly materialOf?: (i: number, j: number, center: Vec3) => number | undefined;
  /** Texture coordinates of point j of section i. */
  readonly uvOf?: (i: number, j: number, point: Vec3) => readonly [number, number];
}

/** Spans a skin over sections of equally many points, with smooth normals inside the crease angle. */
export function loft(mesh: Mesh, sections: ReadonlyArray<readonly Vec3[]>, options: LoftOptions = {}): void {
  const rows = sections.length - 1;
  const points = sections[0].length;
  const columns = options.closed ? points : points - 1;
  const cosCrease = Math.cos(options.crease ?? 0.7);
  const face = new Float64Array(rows * columns * 3);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const k = (j + 1) % points;
      faceNormal(
        sections[i][j],
        sections[i + 1][j],
        sections[i + 1][k],
        sections[i][k],
        face,
        3 * (i * columns + j),
      );
    }
  const normal = [0, 0, 0];
  const cornerNormal = (i: number, j: number, ci: number, cj: number): void => {
    const own = 3 * (i * columns + j);
    normal[0] = normal[1] = normal[2] = 0;
    for (let di = ci - 1; di <= ci; di++) {
      if (di < 0 || di >= rows) continue;
      for (let dj = cj - 1; dj <= cj; dj++) {
        if (!options.closed && (dj < 0 || dj >= columns)) continue;
        const other = 3 * (di * columns + ((dj + columns) % columns));
        const dot =
          face[own] * face[other] + face[own + 1] * face[other + 1] + face[own + 2] * face[other + 2];
        if (dot < cosCrease) continue;
        for (let a = 0; a < 3; a++) normal[a] += face[other + a];
      }
    }
    const length = Math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) || 1;
    for (let a = 0; a < 3; a++) normal[a] /= length;
  };
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const own = 3 * (i * columns + j);
      if (face[own] === 0 && face[own + 1] === 0 && face[own + 2] === 0) continue;
      const k = (j + 1) % points;
      const corners = [sections[i][j], sections[i + 1][j], sections[i + 1][k], sections[i][k]];
      if (options.materialOf !== undefined) {
        const material = options.materialOf(i, j, middle(corners));
        if (material === undefined) continue;
        mesh.material = material;
      }
      const first = mesh.vertexCount;
      for (let c = 0; c < 4; c++) {
        const ci = c === 1 || c === 2 ? i + 1 : i;
        const cj = c >= 2 ? j + 1 : j;
        cornerNormal(i, j, ci, cj);
        const p = corners[c];
        const uv = options.uvOf?.(ci, cj, p);
        mesh.vertex(p[0], p[1], p[2], normal[0], normal[1], normal[2], uv?.[0], uv?.[1]);
      }
      mesh.triangle(first, first + 1, first + 2);
      mesh.triangle(first, first + 2, first + 3);
    }
}

/** A tube through points with a radius at each, closed by rounded ends; texture coordinates run round and along it. */
export function tube(
  mesh: Mesh,
  path: readonly Vec3[],
  radii: readonly number[],
  sides = 8,
  rounded = true,
): void {
  const sections: Vec3[][] = [];
  const ring = (center: Vec3, along: Vec3, radius: number): void => {
    const [a, b] = across(along);
    sections.push(
      Array.from({ length: sides }, (_, j) => {
        const angle = (2 * Math.PI * j) / sides;
        const c = radius * Math.cos(angle);
        const s = radius * Math.sin(angle);
        return [
          center[0] + c * a[0] + s * b[0],
          center[1] + c * a[1] + s * b[1],
          center[2] + c * a[2] + s * b[2],
        ];
      }),
    );
  };
  const last = path.length - 1;
  for (let i = 0; i <= last; i++) {
    const along = direction(path[Math.max(0, i - 1)], path[Math.min(last, i + 1)]);
    if (i === 0 && rounded) {
      const r = radii[0];
      ring(shifted(path[0], along, -r * 0.95), along, r * 0.15);
      ring(shifted(path[0], along, -r * 0.65), along, r * 0.76);
    }
    ring(path[i], along, radii[i]);
    if (i === last && rounded) {
      const r = radii[last];
      ring(shifted(path[last], along, r * 0.65), along, r * 0.76);
      ring(shifted(path[last], along, r * 0.95), along, r * 0.15);
    }
  }
  loft(mesh, sections, { closed: true, crease: 1.4, uvOf: (i, j, p) => [j / sides, p[2] + i * 0.01] });
}

/** An ellipsoid with its three radii along the axes. */
export function ellipsoid(mesh: Mesh, center: Vec3, radii: Vec3, sides = 10, rings = 6): void {
  const sections = Array.from({ length: rings + 1 }, (_, i) => {
    const polar = Math.PI * (0.02 + (0.96 * i) / rings);
    return Array.from({ length: sides }, (_, j): Vec3 => {
      const angle = (2 * Math.PI * j) / sides;
      return [
        center[0] + radii[0] * Math.sin(polar) * Math.cos(angle),
        center[1] + radii[1] * Math.sin(polar) * Math.sin(angle),
        center[2] + radii[2] * Math.cos(polar),
      ];
    });
  });
  loft(mesh, sections, { closed: true, crease: 1.5 });
}

/** The unit vector from one point to another. */
export function direction(from: Vec3, to: Vec3): Vec3 {
  const d = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
  const length = Math.hypot(d[0], d[1], d[2]) || 1;
  return [d[0] / length, d[1] / length, d[2] / length];
}

function shifted(p: Vec3, along: Vec3, by: number): Vec3 {
  return [p[0] + along[0] * by, p[1] + along[1] * by, p[2] + along[2] * by];
}

function across(n: Vec3): [Vec3, Vec3] {
  const a: Vec3 =
    Math.abs(n[0]) > 0.9 ? direction([0, 0, 0], [-n[2], 0, n[0]]) : direction([0, 0, 0], [0, n[2], -n[1]]);
  return [a, [n[1] * a[2] - n[2] * a[1], n[2] * a[0] - n[0] * a[2], n[0] * a[1] - n[1] * a[0]]];
}

function middle(corners: readonly Vec3[]): Vec3 {
  const sum = [0, 0, 0];
  for (const p of corners) for (let a = 0; a < 3; a++) sum[a] += p[a] / corners.length;
  return [sum[0], sum[1], sum[2]];
}

function faceNormal(a: Vec3, b: Vec3, c: Vec3, d: Vec3, out: Float64Array, at: number): void {
  const ux = c[0] - a[0];
  const uy = c[1] - a[1];
  const uz = c[2] - a[2];
  const vx = d[0] - b[0];
  const vy = d[1] - b[1];
  const vz = d[2] - b[2];
  const x = uy * vz - uz * vy;
  const y = uz * vx - ux * vz;
  const z = ux * vy - uy * vx;
  const length = Math.sqrt(x * x + y * y + z * z);
  if (length < 1e-9) return;
  out[at] = x / length;
  out[at + 1] = y / length;
  out[at + 2] = z / length;
}
