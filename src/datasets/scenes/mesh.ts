/** A point or direction, metres. */
export type Vec3 = readonly [x: number, y: number, z: number];

/** Where something stands: moved to (x, y, z), turned about +z, scaled. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  readonly scale?: number;
  /** Stretch of the height alone, on top of `scale`. */
  readonly stretchZ?: number;
}

const here: Placement = { x: 0, y: 0, z: 0, yaw: 0 };

/** Room for the vertices of most streets with all that stands on them. */
export const streetCapacity = 1 << 19;

/**
 * A triangle mesh that grows: per vertex a position (metres), normal, texture coordinate, exposure to the sky (0..1),
 * material and object. `material`, `exposure`, `object` and the placement are those of the vertices to come.
 */
export class Mesh {
  positions: Float32Array<ArrayBuffer>;
  normals: Float32Array<ArrayBuffer>;
  uvs: Float32Array<ArrayBuffer>;
  exposures: Float32Array<ArrayBuffer>;
  materials: Uint16Array<ArrayBuffer>;
  objects: Uint16Array<ArrayBuffer>;
  indices: Uint32Array<ArrayBuffer>;
  vertexCount = 0;
  indexCount = 0;
  material = 0;
  object = 0;
  exposure = 1;
  private placement = here;
  private cos = 1;
  private sin = 0;

  /** With room for so many vertices before it has to grow; memory that is not written to costs next to nothing. */
  constructor(capacity = 1 << 12) {
    this.positions = new Float32Array(3 * capacity);
    this.normals = new Float32Array(3 * capacity);
    this.uvs = new Float32Array(2 * capacity);
    this.exposures = new Float32Array(capacity);
    this.materials = new Uint16Array(capacity);
    this.objects = new Uint16Array(capacity);
    this.indices = new Uint32Array(3 * capacity);
  }

  /** What follows is given in the frame of this placement. */
  place(placement: Placement): void {
    this.placement = placement;
    this.cos = Math.cos(placement.yaw);
    this.sin = Math.sin(placement.yaw);
  }

  /** What follows is given in the mesh's own frame again. */
  unplace(): void {
    this.place(here);
  }

  vertex(x: number, y: number, z: number, nx: number, ny: number, nz: number, u = 0, v = 0): number {
    const i = this.vertexCount++;
    if (i >= this.exposures.length) this.growVertices();
    const { placement, cos, sin } = this;
    const scale = placement.scale ?? 1;
    const px = x * scale;
    const py = y * scale;
    this.positions[3 * i] = placement.x + cos * px - sin * py;
    this.positions[3 * i + 1] = placement.y + sin * px + cos * py;
    this.positions[3 * i + 2] = placement.z + z * scale * (placement.stretchZ ?? 1);
    this.normals[3 * i] = cos * nx - sin * ny;
    this.normals[3 * i + 1] = sin * nx + cos * ny;
    this.normals[3 * i + 2] = nz;
    this.uvs[2 * i] = u;
    this.uvs[2 * i + 1] = v;
    this.exposures[i] = this.exposure;
    this.materials[i] = this.material;
    this.objects[i] = this.object;
    return i;
  }

  triangle(a: number, b: number, c: number): void {
    const i = this.indexCount;
    this.indexCount += 3;
    if (this.indexCount > this.indices.length) this.indices = grown(this.indices);
    this.indices[i] = a;
    this.indices[i + 1] = b;
    this.indices[i + 2] = c;
  }

  /** A flat quadrilateral a, b, c, d in order round it; texture coordinates are metres along ab and ad unless given. */
  quad(a: Vec3, b: Vec3, c: Vec3, d: Vec3, uv?: readonly [number, number, number, number]): void {
    const ux = c[0] - a[0];
    const uy = c[1] - a[1];
    const uz = c[2] - a[2];
    const vx = d[0] - b[0];
    const vy = d[1] - b[1];
    const vz = d[2] - b[2];
    let nx = uy * vz - uz * vy;
    let ny = uz * vx - ux * vz;
    let nz = ux * vy - uy * vx;
    const length = Math.hypot(nx, ny, nz);
    if (length < 1e-9) return;
    nx /= length;
    ny /= length;
    nz /= length;
    const [u0, v0, u1, v1] = uv ?? [
      0,
      0,
      Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]),
      Math.hypot(d[0] - a[0], d[1] - a[1], d[2] - a[2]),
    ];
    const i = this.vertex(a[0], a[1], a[2], nx, ny, nz, u0, v0);
    this.vertex(b[0], b[1], b[2], nx, ny, nz, u1, v0);
    this.vertex(c[0], c[1], c[2], nx, ny, nz, u1, v1);
    this.vertex(d[0], d[1], d[2], nx, ny, nz, u0, v1);
    this.triangle(i, i + 1, i + 2);
    this.triangle(i, i + 2, i + 3);
  }

  /** A box between two corners, without its floor. */
  box(x0: number, y0: number, z0: number, x1: number, y1: number, z1: number): void {
    this.quad([x0, y0, z0], [x1, y0, z0], [x1, y0, z1], [x0, y0, z1]);
    this.quad([x1, y0, z0], [x1, y1, z0], [x1, y1, z1], [x1, y0, z1]);
    this.quad([x1, y1, z0], [x0, y1, z0], [x0, y1, z1], [x1, y1, z1]);
    this.quad([x0, y1, z0], [x0, y0, z0], [x0, y0, z1], [x0, y1, z1]);
    this.quad([x0, y0, z1], [x1, y0, z1], [x1, y1, z1], [x0, y1, z1]);
  }

  /** Copies another mesh into the current placement; `remap` changes its materials. */
  append(other: Mesh, remap?: ReadonlyMap<number, number>): void {
    const base = this.vertexCount;
    const { material, exposure } = this;
    for (let i = 0; i < other.vertexCount; i++) {
      const own = other.materials[i];
      this.material = remap?.get(own) ?? own;
      this.exposure = other.exposures[i];
      this.vertex(
        other.positions[3 * i],
        other.positions[3 * i + 1],
        other.positions[3 * i + 2],
        other.normals[3 * i],
        other.normals[3 * i + 1],
        other.normals[3 * i + 2],
        other.uvs[2 * i],
        other.uvs[2 * i + 1],
      );
    }
    for (let i = 0; i < other.indexCount; i += 3)
      this.triangle(base + other.indices[i], base + other.indices[i + 1], base + other.indices[i + 2]);
    this.material = material;
    this.exposure = exposure;
  }

  private growVertices(): void {
    this.positions = grown(this.positions);
    this.normals = grown(this.normals);
    this.uvs = grown(this.uvs);
    this.exposures = grown(this.exposures);
    this.materials = grown(this.materials);
    this.objects = grown(this.objects);
  }
}

type Growable = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

function grown<A extends Growable>(array: A): A {
  const larger = new (array.constructor as new (length: number) => A)(array.length * 2);
  larger.set(array);
  return larger;
}
