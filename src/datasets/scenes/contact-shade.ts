import type { Box3 } from '../../geometry/box.ts';

const cellM = 0.2;
const minX = -8;
const minY = -36;
const columns = 450;
const rows = 360;

/** Where the viewer stands, and where it looks. */
export interface Viewpoint {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
}

/** How much of the sky the ground sees around and under vehicles and people: a grid over the ground ahead of the viewer. */
export class ContactShade {
  private readonly x0: number;
  private readonly y0: number;
  private readonly cos: number;
  private readonly sin: number;
  private readonly yaw: number;
  private readonly open = new Float32Array(columns * rows).fill(1);

  constructor(boxes: readonly Box3[], { x, y, yaw }: Viewpoint = { x: 0, y: 0, yaw: 0 }) {
    this.x0 = x;
    this.y0 = y;
    this.yaw = yaw;
    this.cos = Math.cos(yaw);
    this.sin = Math.sin(yaw);
    for (const box of boxes) this.stamp(box);
  }

  /** The share of skylight at a place on the ground, 0..1. */
  at(x: number, y: number): number {
    const dx = x - this.x0;
    const dy = y - this.y0;
    const u = (this.cos * dx + this.sin * dy - minX) / cellM - 0.5;
    const v = (this.cos * dy - this.sin * dx - minY) / cellM - 0.5;
    const i = Math.floor(u);
    const j = Math.floor(v);
    if (i < 0 || j < 0 || i + 1 >= columns || j + 1 >= rows) return 1;
    const k = j * columns + i;
    const fu = u - i;
    const fv = v - j;
    const a = this.open[k] + (this.open[k + 1] - this.open[k]) * fu;
    const b = this.open[k + columns] + (this.open[k + columns + 1] - this.open[k + columns]) * fu;
    return a + (b - a) * fv;
  }

  private stamp(box: Box3): void {
    const cx = this.cos * (box.center[0] - this.x0) + this.sin * (box.center[1] - this.y0);
    const cy = this.cos * (box.center[1] - this.y0) - this.sin * (box.center[0] - this.x0);
    const yaw = box.yaw - this.yaw;
    const [length, width, height] = box.sizeM;
    const fall = 0.28 * Math.min(1.5, height);
    const reach = length / 2 + 3 * fall;
    const cos = Math.cos(yaw);
    const sin = Math.sin(yaw);
    const depth = 0.88 * Math.min(1, Math.min(length, width) / 1.2);
    const i0 = Math.max(0, Math.floor((cx - reach - minX) / cellM));
    const i1 = Math.min(columns - 1, Math.ceil((cx + reach - minX) / cellM));
    const j0 = Math.max(0, Math.floor((cy - reach - minY) / cellM));
    const j1 = Math.min(rows - 1, Math.ceil((cy + reach - minY) / cellM));
    for (let j = j0; j <= j1; j++)
      for (let i = i0; i <= i1; i++) {
        const dx = minX + (i + 0.5) * cellM - cx;
        const dy = minY + (j + 0.5) * cellM - cy;
        const ox = Math.max(0, Math.abs(cos * dx + sin * dy) - length / 2 + 0.1);
        const oy = Math.max(0, Math.abs(cos * dy - sin * dx) - width / 2 + 0.1);
        const far = Math.hypot(ox, oy);
        this.open[j * columns + i] *= 1 - depth * Math.exp(-far / fall);
      }
  }
}
