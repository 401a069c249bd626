import { cutoutSize, cutouts } from './cutouts.ts';
import { Cutout, materialStride } from './materials.ts';
import type { Mesh } from './mesh.ts';

/** A picture of which triangle is nearest: `nearness` grows towards the eye (0 is nothing), `triangle` is -1 for none. */
export interface VisibilityBuffer {
  readonly width: number;
  readonly height: number;
  readonly nearness: Float32Array;
  readonly triangle: Int32Array;
}

export function createVisibilityBuffer(width: number, height: number): VisibilityBuffer {
  const samples = width * height;
  return { width, height, nearness: new Float32Array(samples), triangle: new Int32Array(samples).fill(-1) };
}

const nearDepth = 0.3;
const texelMask = cutoutSize - 1;
const texelBits = Math.log2(cutoutSize);

/**
 * Projects vertices by a 3x4 matrix (row-major, onto homogeneous samples) for a perspective.
 * A vertex nearer than 0.3 m keeps its homogeneous values with a nearness of -1 / depth or so, for clipping.
 */
export function projectPerspective(mesh: Mesh, matrix: ArrayLike<number>): Float32Array {
  const homogeneous = new Float32Array(3 * mesh.vertexCount);
  const p = mesh.positions;
  for (let i = 0; i < 3 * mesh.vertexCount; i += 3) {
    const x = p[i];
    const y = p[i + 1];
    const z = p[i + 2];
    homogeneous[i] = matrix[0] * x + matrix[1] * y + matrix[2] * z + matrix[3];
    homogeneous[i + 1] = matrix[4] * x + matrix[5] * y + matrix[6] * z + matrix[7];
    homogeneous[i + 2] = matrix[8] * x + matrix[9] * y + matrix[10] * z + matrix[11];
  }
  return homogeneous;
}

const corner = new Float64Array(12);
const attribute = new Float64Array(8);

/** Draws triangles first..last (indices of `mesh.indices`, exclusive) of a perspective whose vertices are homogeneous. */
export function drawPerspective(
  target: VisibilityBuffer,
  mesh: Mesh,
  homogeneous: Float32Array,
  materials: Float32Array,
  first = 0,
  last = mesh.indexCount,
): void {
  const { indices, uvs } = mesh;
  const w = [0, 0, 0];
  for (let i = first; i < last; i += 3) {
    const cutout = materials[mesh.materials[indices[i]] * materialStride + 10];
    let inFront = 0;
    for (let k = 0; k < 3; k++) {
      w[k] = homogeneous[3 * indices[i + k] + 2];
      if (w[k] > nearDepth) inFront++;
    }
    if (inFront === 0) continue;
    if (inFront === 3) {
      for (let k = 0; k < 3; k++) setCorner(homogeneous, uvs, indices[i + k], indices[i + k], 0, k);
      fill(target, i / 3, cutout, true);
      continue;
    }
    let count = 0;
    for (let k = 0; k < 3; k++) {
      const a = indices[i + k];
      const b = indices[i + ((k + 1) % 3)];
      const wa = w[k];
      const wb = w[(k + 1) % 3];
      if (wa > nearDepth) setCorner(homogeneous, uvs, a, a, 0, count++);
      if (wa > nearDepth !== wb > nearDepth)
        setCorner(homogeneous, uvs, a, b, (nearDepth - wa) / (wb - wa), count++);
    }
    fill(target, i / 3, cutout, true);
    if (count === 4) {
      copyCorner(2, 1);
      copyCorner(3, 2);
      fill(target, i / 3, cutout, true);
    }
  }
}

/** Draws a parallel projection whose vertices are x, y in samples and a nearness above 0. */
export function drawParallel(
  target: VisibilityBuffer,
  mesh: Mesh,
  xyn: Float32Array,
  materials: Float32Array,
): void {
  const { indices, uvs } = mesh;
  const { width, height } = target;
  for (let i = 0; i < mesh.indexCount; i += 3) {
    const ax = xyn[3 * indices[i]];
    const ay = xyn[3 * indices[i] + 1];
    const bx = xyn[3 * indices[i + 1]];
    const by = xyn[3 * indices[i + 1] + 1];
    const cx = xyn[3 * indices[i + 2]];
    const cy = xyn[3 * indices[i + 2] + 1];
    if ((ax < 0 && bx < 0 && cx < 0) || (ay < 0 && by < 0 && cy < 0)) continue;
    if ((ax > width && bx > width && cx > width) || (ay > height && by > height && cy > height)) continue;
    const cutout = materials[mesh.materials[indices[i]] * materialStride + 10];
    for (let k = 0; k < 3; k++) {
      const v = indices[i + k];
      corner[3 * k] = xyn[3 * v];
      corner[3 * k + 1] = xyn[3 * v + 1];
      corner[3 * k + 2] = xyn[3 * v + 2];
      attribute[2 * k] = uvs[2 * v];
      attribute[2 * k + 1] = uvs[2 * v + 1];
    }
    fill(target, i / 3, cutout, false);
  }
}

function setCorner(xyw: Float32Array, uvs: Float32Array, a: number, b: number, t: number, k: number): void {
  const w = xyw[3 * a + 2] + t * (xyw[3 * b + 2] - xyw[3 * a + 2]);
  corner[3 * k] = (xyw[3 * a] + t * (xyw[3 * b] - xyw[3 * a])) / w;
  corner[3 * k + 1] = (xyw[3 * a + 1] + t * (xyw[3 * b + 1] - xyw[3 * a + 1])) / w;
  corner[3 * k + 2] = 1 / w;
  attribute[2 * k] = uvs[2 * a] + t * (uvs[2 * b] - uvs[2 * a]);
  attribute[2 * k + 1] = uvs[2 * a + 1] + t * (uvs[2 * b + 1] - uvs[2 * a + 1]);
}

function copyCorner(from: number, to: number): void {
  for (let a = 0; a < 3; a++) corner[3 * to + a] = corner[3 * from + a];
  for (let a = 0; a < 2; a++) attribute[2 * to + a] = attribute[2 * from + a];
}

/** Fills the triangle of the first three corners: the span of every row between its edges, samples at pixel centres. */
function fill(target: VisibilityBuffer, id: number, cutout: number, perspective: boolean): void {
  const { width, height, nearness, triangle } = target;
  const x0 = corner[0];
  const y0 = corner[1];
  const x1 = corner[3];
  const y1 = corner[4];
  const x2 = corner[6];
  const y2 = corner[7];
  const top = Math.max(0, Math.ceil(Math.min(y0, y1, y2) - 0.5));
  const bottom = Math.min(height - 1, Math.floor(Math.max(y0, y1, y2) - 0.5));
  if (top > bottom) return;
  const leftmost = Math.max(0, Math.ceil(Math.min(x0, x1, x2) - 0.5));
  if (leftmost > Math.min(width - 1, Math.floor(Math.max(x0, x1, x2) - 0.5))) return;
  const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  if (Math.abs(area) < 1e-9) return;
  const n0 = corner[2];
  const dn1 = corner[5] - n0;
  const dn2 = corner[8] - n0;
  // Barycentric weights of corners 1 and 2, and the nearness, as planes over the picture.
  const b1x = (y2 - y0) / area;
  const b1y = (x0 - x2) / area;
  const b2x = (y0 - y1) / area;
  const b2y = (x1 - x0) / area;
  const nx = b1x * dn1 + b2x * dn2;
  const ny = b1y * dn1 + b2y * dn2;
  // Texture coordinates in texels, times the nearness in a perspective, are planes too.
  let u0 = 0;
  let v0 = 0;
  let ux = 0;
  let uy = 0;
  let vx = 0;
  let vy = 0;
  if (cutout !== Cutout.none) {
    const w0 = perspective ? cutoutSize * n0 : cutoutSize;
    const w1 = perspective ? cutoutSize * corner[5] : cutoutSize;
    const w2 = perspective ? cutoutSize * corner[8] : cutoutSize;
    u0 = attribute[0] * w0;
    v0 = attribute[1] * w0;
    const u1 = attribute[2] * w1 - u0;
    const u2 = attribute[4] * w2 - u0;
    const v1 = attribute[3] * w1 - v0;
    const v2 = attribute[5] * w2 - v0;
    ux = b1x * u1 + b2x * u2;
    uy = b1y * u1 + b2y * u2;
    vx = b1x * v1 + b2x * v2;
    vy = b1y * v1 + b2y * v2;
  }
  const slope01 = (x1 - x0) / (y1 - y0);
  const slope12 = (x2 - x1) / (y2 - y1);
  const slope20 = (x0 - x2) / (y0 - y2);
  const mask = cutout * cutoutSize * cutoutSize;
  for (let row = top; row <= bottom; row++) {
    const y = row + 0.5;
    let left = Infinity;
    let right = -Infinity;
    if (y0 > y !== y1 > y) {
      const x = x0 + (y - y0) * slope01;
      left = x;
      right = x;
    }
    if (y1 > y !== y2 > y) {
      const x = x1 + (y - y1) * slope12;
      if (x < left) left = x;
      if (x > right) right = x;
    }
    if (y2 > y !== y0 > y) {
      const x = x2 + (y - y2) * slope20;
      if (x < left) left = x;
      if (x > right) right = x;
    }
    const start = Math.max(0, Math.ceil(left - 0.5));
    const end = Math.min(width - 1, Math.ceil(right - 0.5) - 1);
    let n = n0 + nx * (start + 0.5 - x0) + ny * (y - y0);
    let at = row * width + start;
    if (cutout === Cutout.none)
      for (let column = start; column <= end; column++, at++, n += nx) {
        if (n <= nearness[at]) continue;
        nearness[at] = n;
        triangle[at] = id;
      }
    else {
      let u = u0 + ux * (start + 0.5 - x0) + uy * (y - y0);
      let v = v0 + vx * (start + 0.5 - x0) + vy * (y - y0);
      for (let column = start; column <= end; column++, at++, n += nx, u += ux, v += vx) {
        if (n <= nearness[at]) continue;
        const depth = perspective ? 1 / n : 1;
        const texel = (((v * depth) & texelMask) << texelBits) | ((u * depth) & texelMask);
        if (cutouts[mask + texel] === 0) continue;
        nearness[at] = n;
        triangle[at] = id;
      }
    }
  }
}
