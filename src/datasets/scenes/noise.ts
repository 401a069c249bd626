import type { Random } from '../../engine/random.ts';

const size = 256;
const mask = size - 1;

/** Smooth value noise in the plane that repeats every 256 units, in 0..1. */
export class Noise {
  private readonly lattice: Float32Array;

  constructor(random: Random) {
    this.lattice = new Float32Array(size * size);
    for (let i = 0; i < this.lattice.length; i++) this.lattice[i] = random.uint32() / 4294967296;
  }

  /** The lattice value of a cell: white noise. */
  cell(x: number, y: number): number {
    return this.lattice[((Math.floor(y) & mask) << 8) | (Math.floor(x) & mask)];
  }

  at(x: number, y: number): number {
    const lattice = this.lattice;
    const xi = Math.floor(x);
    const yi = Math.floor(y);
    let fx = x - xi;
    let fy = y - yi;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    const x0 = xi & mask;
    const x1 = (xi + 1) & mask;
    const row0 = (yi & mask) << 8;
    const row1 = ((yi + 1) & mask) << 8;
    const a = lattice[row0 | x0];
    const b = lattice[row1 | x0];
    const top = a + (lattice[row0 | x1] - a) * fx;
    const bottom = b + (lattice[row1 | x1] - b) * fx;
    return top + (bottom - top) * fy;
  }

  /** Three octaves, in 0..1. */
  fractal(x: number, y: number): number {
    return (
      (this.at(x, y) * 4 +
        this.at(x * 2.03 + 17.1, y * 2.03 + 5.3) * 2 +
        this.at(x * 4.11 + 3.7, y * 4.11 + 29.9)) /
      7
    );
  }
}
