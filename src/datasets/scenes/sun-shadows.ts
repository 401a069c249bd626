import type { Viewpoint } from './contact-shade.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { createVisibilityBuffer, drawParallel, type VisibilityBuffer } from './rasteriser.ts';

interface Cascade {
  readonly buffer: VisibilityBuffer;
  readonly texelM: number;
  /** Where the picture's corner is, along the two axes across the sun's rays. */
  readonly a0: number;
  readonly b0: number;
}

/** Nearness to the sun starts here, so that it is above 0 everywhere. */
const liftM = 1000;

/** What the sun sees: a fine picture of the surroundings and a coarse one of all that lies ahead. */
export class SunShadows {
  private readonly cascades: readonly Cascade[];
  private readonly sun: Vec3;
  private readonly a: Vec3;
  private readonly b: Vec3;

  /** For what lies about and ahead of a viewpoint; the origin, looking along x, by default. */
  constructor(
    mesh: Mesh,
    materials: Float32Array,
    sun: Vec3,
    sizePx: number,
    viewpoint?: Viewpoint & { readonly z: number },
  ) {
    this.sun = sun;
    const flat = Math.hypot(sun[0], sun[1]) || 1;
    this.a = [-sun[1] / flat, sun[0] / flat, 0];
    this.b = [-sun[2] * this.a[1], sun[2] * this.a[0], sun[0] * this.a[1] - sun[1] * this.a[0]];
    this.cascades = [
      this.draw(mesh, materials, ahead([14, 0, -1], viewpoint), 21, sizePx, viewpoint !== undefined),
      this.draw(
        mesh,
        materials,
        ahead([58, 0, 0], viewpoint),
        76,
        Math.round(sizePx * 0.7),
        viewpoint !== undefined,
      ),
    ];
  }

  /** How much of the sun reaches a point, 0..1, moved out of its surface by its normal (times a texel) and a bias. */
  lit(x: number, y: number, z: number, nx: number, ny: number, nz: number, biasM: number): number {
    const { sun, a, b } = this;
    for (const { buffer, texelM, a0, b0 } of this.cascades) {
      const push = texelM * 1.6;
      const px = x + nx * push;
      const py = y + ny * push;
      const pz = z + nz * push;
      const u = (px * a[0] + py * a[1] - a0) / texelM - 0.5;
      const v = (px * b[0] + py * b[1] + pz * b[2] - b0) / texelM - 0.5;
      const column = Math.floor(u);
      const row = Math.floor(v);
      if (column < 1 || row < 1 || column + 2 >= buffer.width || row + 2 >= buffer.height) continue;
      const own = px * sun[0] + py * sun[1] + pz * sun[2] + liftM + biasM + texelM;
      const at = row * buffer.width + column;
      const n = buffer.nearness;
      const fu = u - column;
      const fv = v - row;
      const top = (n[at] < own ? 1 - fu : 0) + (n[at + 1] < own ? fu : 0);
      const bottom = (n[at + buffer.width] < own ? 1 - fu : 0) + (n[at + buffer.width + 1] < own ? fu : 0);
      return top * (1 - fv) + bottom * fv;
    }
    return 1;
  }

  /** With `steady` the picture moves by whole texels only, so that the shadows of what stands still do. */
  private draw(
    mesh: Mesh,
    materials: Float32Array,
    middle: Vec3,
    halfM: number,
    sizePx: number,
    steady: boolean,
  ): Cascade {
    const { sun, a, b } = this;
    const texelM = (2 * halfM) / sizePx;
    const whole = (value: number): number => (steady ? Math.round(value / texelM) * texelM : value);
    const a0 = whole(middle[0] * a[0] + middle[1] * a[1] - halfM);
    const b0 = whole(middle[0] * b[0] + middle[1] * b[1] + middle[2] * b[2] - halfM);
    const p = mesh.positions;
    const seen = new Float32Array(3 * mesh.vertexCount);
    for (let i = 0; i < seen.length; i += 3) {
      seen[i] = (p[i] * a[0] + p[i + 1] * a[1] - a0) / texelM;
      seen[i + 1] = (p[i] * b[0] + p[i + 1] * b[1] + p[i + 2] * b[2] - b0) / texelM;
      seen[i + 2] = p[i] * sun[0] + p[i + 1] * sun[1] + p[i + 2] * sun[2] + liftM;
    }
    const buffer = createVisibilityBuffer(sizePx, sizePx);
    drawParallel(buffer, mesh, seen, materials);
    return { buffer, texelM, a0, b0 };
  }
}

/** A place before a viewpoint. */
function ahead(offset: Vec3, viewpoint?: Viewpoint & { readonly z: number }): Vec3 {
  if (viewpoint === undefined) return offset;
  const { x, y, z, yaw } = viewpoint;
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  return [x + cos * offset[0] - sin * offset[1], y + sin * offset[0] + cos * offset[1], z + offset[2]];
}
