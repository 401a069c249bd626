import type { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';

/** Moves points from where the vehicle was when their pixel was measured to where it is at the moment. */
export class PixelMotion {
  /** The point that was moved last, metres. */
  x = 0;
  y = 0;
  z = 0;
  /** Points whose pixel has no pose: six zeros. */
  pointsWithoutPose = 0;

  private readonly poses: Float32Array;
  private readonly height: number;
  private readonly width: number;
  private readonly vehicleFromWorld: Matrix44;
  /** By column, the pose that was met last and its rotation: neighbours above each other often share one. */
  private readonly known: Float64Array;
  private readonly rotations: Float64Array;

  /** `poses` has roll, pitch, yaw (radians) and x, y, z (metres) of the vehicle in the world for every pixel. */
  constructor(
    poses: Float32Array,
    { height, width }: { readonly height: number; readonly width: number },
    vehicleFromWorld: Matrix44,
  ) {
    this.poses = poses;
    this.height = height;
    this.width = width;
    this.vehicleFromWorld = vehicleFromWorld;
    this.known = new Float64Array(3 * width).fill(Number.NaN);
    this.rotations = new Float64Array(9 * width);
  }

  /** Itself, for an image that has as many pixels as there are poses; otherwise throws what `fault` makes. */
  fits(
    { height, width }: { readonly height: number; readonly width: number },
    fault: (expected: string, found: string) => InputError,
  ): this {
    if (height === this.height && width === this.width) return this;
    throw fault(
      `a range image of the size of its poses, ${this.height} x ${this.width}`,
      `${height} x ${width}`,
    );
  }

  /** Moves a point of a pixel; false for a pixel without a pose, whose point stays where it is. */
  move(pixel: number, x: number, y: number, z: number): boolean {
    const { poses } = this;
    const at = 6 * pixel;
    const roll = poses[at];
    const pitch = poses[at + 1];
    const yaw = poses[at + 2];
    const [tx, ty, tz] = [poses[at + 3], poses[at + 4], poses[at + 5]];
    if (roll === 0 && pitch === 0 && yaw === 0 && tx === 0 && ty === 0 && tz === 0) {
      this.pointsWithoutPose++;
      return false;
    }
    const r = this.rotations;
    const o = this.rotationAt(pixel % this.width, roll, pitch, yaw);
    const wx = r[o] * x + r[o + 1] * y + r[o + 2] * z + tx;
    const wy = r[o + 3] * x + r[o + 4] * y + r[o + 5] * z + ty;
    const wz = r[o + 6] * x + r[o + 7] * y + r[o + 8] * z + tz;
    const m = this.vehicleFromWorld;
    this.x = m[0] * wx + m[1] * wy + m[2] * wz + m[3];
    this.y = m[4] * wx + m[5] * wy + m[6] * wz + m[7];
    this.z = m[8] * wx + m[9] * wy + m[10] * wz + m[11];
    return true;
  }

  /** Where the rotation Rz(yaw) · Ry(pitch) · Rx(roll) of a column lies in `rotations`. */
  private rotationAt(column: number, roll: number, pitch: number, yaw: number): number {
    const { known, rotations } = this;
    const k = 3 * column;
    const o = 9 * column;
    if (known[k] === roll && known[k + 1] === pitch && known[k + 2] === yaw) return o;
    known[k] = roll;
    known[k + 1] = pitch;
    known[k + 2] = yaw;
    const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
    const [cp, sp] = [Math.cos(pitch), Math.sin(pitch)];
    const [cy, sy] = [Math.cos(yaw), Math.sin(yaw)];
    rotations[o] = cy * cp;
    rotations[o + 1] = cy * sp * sr - sy * cr;
    rotations[o + 2] = cy * sp * cr + sy * sr;
    rotations[o + 3] = sy * cp;
    rotations[o + 4] = sy * sp * sr + cy * cr;
    rotations[o + 5] = sy * sp * cr - cy * sr;
    rotations[o + 6] = -sp;
    rotations[o + 7] = cp * sr;
    rotations[o + 8] = cp * cr;
    return o;
  }
}
