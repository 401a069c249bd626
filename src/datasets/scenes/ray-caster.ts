import { BufferAttribute, BufferGeometry } from 'three';
import { MeshBVH, SAH } from 'three-mesh-bvh';
import { cutoutAt } from './cutouts.ts';
import { Cutout, materialStride } from './materials.ts';
import type { Mesh } from './mesh.ts';

/** What the last ray hit: `distance` in ray lengths, the three vertices, and the weights of the second and third. */
export interface Hit {
  distance: number;
  a: number;
  b: number;
  c: number;
  weightB: number;
  weightC: number;
}

/** What rays from the origin are cast at most: the rest of the mesh is left out. */
export interface RayBounds {
  /** Triangles with no corner so near (along the ground) are left out. */
  readonly reachM?: number;
  /** Rays rise no steeper than this, in metres a metre along the ground. */
  readonly maxSlope?: number;
}

/**
 * Finds the first surface along a ray: a three-mesh-bvh tree over the mesh, walked over its own flat nodes
 * (32 bytes: six bounds; then for a leaf its first triangle and their number, otherwise the way to the second child
 * and the axis), because objects made for each ray would take most of the time. Holes of cutouts let rays through.
 */
export class RayCaster {
  readonly hit: Hit = { distance: 0, a: 0, b: 0, c: 0, weightB: 0, weightC: 0 };
  private readonly mesh: Mesh;
  private readonly materials: Float32Array;
  private readonly index: Uint32Array;
  private readonly corners: Float32Array;
  private readonly bounds: Float32Array;
  private readonly words: Uint32Array;
  private readonly halves: Uint16Array;
  private readonly stack = new Int32Array(256);
  private readonly stackNear = new Float64Array(256);

  constructor(mesh: Mesh, materials: Float32Array, bounds: RayBounds = {}) {
    this.mesh = mesh;
    this.materials = materials;
    const geometry = new BufferGeometry();
    geometry.setAttribute(
      'position',
      new BufferAttribute(mesh.positions.subarray(0, 3 * mesh.vertexCount), 3),
    );
    geometry.setIndex(new BufferAttribute(trianglesWithin(mesh, bounds), 1));
    const bvh = new MeshBVH(geometry, { strategy: SAH, targetLeafSize: 14, setBoundingBox: false });
    const { roots, index } = MeshBVH.serialize(bvh, { cloneBuffers: false });
    const root = roots[0] as ArrayBuffer;
    this.bounds = new Float32Array(root);
    this.words = new Uint32Array(root);
    this.halves = new Uint16Array(root);
    this.index = index as Uint32Array;
    this.corners = cornersInOrder(mesh.positions, this.index);
  }

  /** Whether the ray from o along d meets something between 0 and `far` (in lengths of d); sets `hit`. */
  cast(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, far: number): boolean {
    const { bounds, words, halves, stack, stackNear, hit } = this;
    const ix = 1 / dx;
    const iy = 1 / dy;
    const iz = 1 / dz;
    // Of a node's bounds: which of the two the ray meets first on each axis.
    const x0 = dx < 0 ? 3 : 0;
    const y0 = dy < 0 ? 4 : 1;
    const z0 = dz < 0 ? 5 : 2;
    hit.distance = far;
    let found = false;
    let depth = 0;
    stack[0] = 0;
    stackNear[0] = 0;
    depth = 1;
    while (depth > 0) {
      depth--;
      if (stackNear[depth] > hit.distance) continue;
      let node = stack[depth];
      for (;;) {
        if (halves[2 * node + 15] === 0xffff) {
          const first = words[node + 6];
          const last = first + halves[2 * node + 14];
          for (let t = first; t < last; t++) if (this.triangle(t, ox, oy, oz, dx, dy, dz)) found = true;
          break;
        }
        const left = node + 8;
        const right = node + 8 * words[node + 6];
        let nearLeft = (bounds[left + x0] - ox) * ix;
        let nearLeftOut = (bounds[left + 3 - x0] - ox) * ix;
        let nearLeftIn = (bounds[left + y0] - oy) * iy;
        let nearLeftEnd = (bounds[left + 5 - y0] - oy) * iy;
        if (nearLeftIn > nearLeft) nearLeft = nearLeftIn;
        if (nearLeftEnd < nearLeftOut) nearLeftOut = nearLeftEnd;
        nearLeftIn = (bounds[left + z0] - oz) * iz;
        nearLeftEnd = (bounds[left + 7 - z0] - oz) * iz;
        if (nearLeftIn > nearLeft) nearLeft = nearLeftIn;
        if (nearLeftEnd < nearLeftOut) nearLeftOut = nearLeftEnd;
        if (nearLeft < 0) nearLeft = 0;
        if (nearLeftOut < nearLeft || nearLeft > hit.distance) nearLeft = -1;
        let nearRight = (bounds[right + x0] - ox) * ix;
        let nearRightOut = (bounds[right + 3 - x0] - ox) * ix;
        let nearRightIn = (bounds[right + y0] - oy) * iy;
        let nearRightEnd = (bounds[right + 5 - y0] - oy) * iy;
        if (nearRightIn > nearRight) nearRight = nearRightIn;
        if (nearRightEnd < nearRightOut) nearRightOut = nearRightEnd;
        nearRightIn = (bounds[right + z0] - oz) * iz;
        nearRightEnd = (bounds[right + 7 - z0] - oz) * iz;
        if (nearRightIn > nearRight) nearRight = nearRightIn;
        if (nearRightEnd < nearRightOut) nearRightOut = nearRightEnd;
        if (nearRight < 0) nearRight = 0;
        if (nearRightOut < nearRight || nearRight > hit.distance) nearRight = -1;
        if (nearLeft < 0) {
          if (nearRight < 0) break;
          node = right;
        } else if (nearRight < 0) node = left;
        else if (nearLeft <= nearRight) {
          stack[depth] = right;
          stackNear[depth++] = nearRight;
          node = left;
        } else {
          stack[depth] = left;
          stackNear[depth++] = nearLeft;
          node = right;
        }
      }
    }
    return found;
  }

  /** Moeller and Trumbore's intersection, both sides; true when it is the nearest so far. */
  private triangle(
    t: number,
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
  ): boolean {
    const { corners, hit } = this;
    const at = 9 * t;
    const ux = corners[at + 3];
    const uy = corners[at + 4];
    const uz = corners[at + 5];
    const vx = corners[at + 6];
    const vy = corners[at + 7];
    const vz = corners[at + 8];
    const px = dy * vz - dz * vy;
    const py = dz * vx - dx * vz;
    const pz = dx * vy - dy * vx;
    const determinant = ux * px + uy * py + uz * pz;
    if (determinant > -1e-12 && determinant < 1e-12) return false;
    const inverse = 1 / determinant;
    const sx = ox - corners[at];
    const sy = oy - corners[at + 1];
    const sz = oz - corners[at + 2];
    const weightB = (sx * px + sy * py + sz * pz) * inverse;
    if (weightB < 0 || weightB > 1) return false;
    const qx = sy * uz - sz * uy;
    const qy = sz * ux - sx * uz;
    const qz = sx * uy - sy * ux;
    const weightC = (dx * qx + dy * qy + dz * qz) * inverse;
    if (weightC < 0 || weightB + weightC > 1) return false;
    const distance = (vx * qx + vy * qy + vz * qz) * inverse;
    if (distance <= 0 || distance >= hit.distance) return false;
    const { mesh, index } = this;
    const a = index[3 * t];
    const b = index[3 * t + 1];
    const c = index[3 * t + 2];
    const cutout = this.materials[mesh.materials[a] * materialStride + 10];
    if (cutout !== Cutout.none) {
      const uv = mesh.uvs;
      const weightA = 1 - weightB - weightC;
      const u = weightA * uv[2 * a] + weightB * uv[2 * b] + weightC * uv[2 * c];
      const v = weightA * uv[2 * a + 1] + weightB * uv[2 * b + 1] + weightC * uv[2 * c + 1];
      if (cutoutAt(cutout, u, v) === 0) return false;
    }
    hit.distance = distance;
    hit.a = a;
    hit.b = b;
    hit.c = c;
    hit.weightB = weightB;
    hit.weightC = weightC;
    return true;
  }
}

/** Triangles that some ray may meet: above the cone of `maxSlope` space is convex, so corners decide. */
function trianglesWithin(
  mesh: Mesh,
  { reachM = Infinity, maxSlope = Infinity }: RayBounds,
): Uint32Array<ArrayBuffer> {
  const { positions, indices } = mesh;
  const kept = new Uint32Array(mesh.indexCount);
  const limit = reachM * reachM;
  let count = 0;
  for (let i = 0; i < mesh.indexCount; i += 3) {
    let near = false;
    let below = false;
    for (let k = 0; k < 3; k++) {
      const v = 3 * indices[i + k];
      const square = positions[v] ** 2 + positions[v + 1] ** 2;
      if (square <= limit) near = true;
      if (positions[v + 2] <= maxSlope * Math.sqrt(square)) below = true;
    }
    if (!near || !below) continue;
    kept[count++] = indices[i];
    kept[count++] = indices[i + 1];
    kept[count++] = indices[i + 2];
  }
  return kept.slice(0, count);
}

/** Of each triangle the first corner and the two edges from it, together in memory and in the tree's order. */
function cornersInOrder(positions: Float32Array, index: Uint32Array): Float32Array {
  const corners = new Float32Array(3 * index.length);
  for (let i = 0; i < index.length; i += 3)
    for (let axis = 0; axis < 3; axis++) {
      const first = positions[3 * index[i] + axis];
      corners[3 * i + axis] = first;
      corners[3 * i + 3 + axis] = positions[3 * index[i + 1] + axis] - first;
      corners[3 * i + 6 + axis] = positions[3 * index[i + 2] + axis] - first;
    }
  return corners;
}
