import type { Cloud } from '../scene/point-cloud.ts';
import type { Side } from '../scene/side.ts';
import type { Stage } from '../scene/stage.ts';
import type { Sweep } from './sweep.ts';

/** Colours for the rows of a sweep from `from` on. */
export type Paint = (sweep: Sweep, from: number) => Uint8Array;

/** A sweep on the stage, which grows as the sweep arrives. */
export class SweepLayer {
  private readonly stage: Stage;
  private readonly side: Side | undefined;
  private readonly pickable: boolean;
  private shown = true;
  private sweep: Sweep | undefined;
  private made: Cloud | undefined;

  /** Layers that are not pickable are passed over by the pointer. */
  constructor(stage: Stage, options: { readonly side?: Side; readonly pickable?: boolean } = {}) {
    this.pickable = options.pickable ?? true;
    this.stage = stage;
    this.side = options.side;
  }

  /** Whether a picked point is one of these. */
  owns(cloud: Cloud): boolean {
    return cloud === this.made;
  }

  /** Whether it shows points of that sweep. */
  shows(sweep: Sweep): boolean {
    return sweep === this.sweep;
  }

  get visible(): boolean {
    return this.shown;
  }

  set visible(visible: boolean) {
    this.shown = visible;
    if (this.made !== undefined) this.made.visible = visible;
  }

  /** Shows what there is of a sweep; of the same one as before, only what is new is added. */
  show(sweep: Sweep, paint: Paint, matrix?: ArrayLike<number>): void {
    if (sweep !== this.sweep || this.made === undefined) {
      this.clear();
      this.sweep = sweep;
      this.made = this.stage.addCloud({
        capacity: sweep.count,
        side: this.side,
        pickable: this.pickable,
        matrix,
        tiles: sweep.tiles,
      });
      this.made.visible = this.shown;
    }
    const from = this.made.count;
    if (from === sweep.filled) return;
    const positions = sweep.positions.subarray(3 * from, 3 * sweep.filled);
    this.made.append(positions, paint(sweep, from));
  }

  /** Paints all points anew. */
  repaint(paint: Paint): void {
    if (this.sweep === undefined || this.made === undefined) return;
    const colours = paint(this.sweep, 0);
    this.made.setColours(colours.subarray(0, 4 * this.made.count));
  }

  clear(): void {
    this.made?.dispose();
    this.made = undefined;
    this.sweep = undefined;
  }
}
