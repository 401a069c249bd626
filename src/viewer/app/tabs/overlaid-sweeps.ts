import { neighboursOf } from '../../neighbours.ts';
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import type { Side } from '../scene/side.ts';
import { type Paint, SweepLayer } from '../sweep/sweep-layer.ts';
import { betweenOrigins } from './beside-layer.ts';
import type { ScenePanel } from './scene-panel.ts';

/** How often the loading is told, milliseconds. */
const tellEveryMs = 400;

interface OverlaidOptions {
  readonly side: Side;
  /** The paint of a sweep that was taken so many seconds later. */
  readonly paintAfter: (afterS: number) => Paint;
  /** Receives how many seconds after the frame the sweeps were taken that will be shown. */
  readonly onTimes: (afterS: readonly number[]) => void;
  readonly tell: ScenePanel['tellNeighbours'];
  /** Is called when all that could be loaded are shown; not where others were asked for in the meantime. */
  readonly onShown: () => void;
}

/** Sweeps before and after a frame, laid over it. */
export class OverlaidSweeps {
  private readonly context: Context;
  private readonly options: OverlaidOptions;
  private readonly hasPoses: boolean;
  private shown: Array<{ readonly layer: SweepLayer; readonly afterS: number }> = [];
  private turn = 0;

  constructor(context: Context, options: OverlaidOptions) {
    this.context = context;
    this.options = options;
    const { frames } = context.frame.sequence;
    this.hasPoses = frames.some(({ worldFromLidar }) => worldFromLidar !== undefined);
  }

  /** Loads and shows those that the state asks for, in place of what was shown. */
  async load(): Promise<void> {
    const turn = ++this.turn;
    const { frame, store, stage } = this.context;
    const { side, paintAfter, onTimes, tell, onShown } = this.options;
    const { neighbours: reach } = store.state;
    // Without poses there is no motion to be undone.
    const steady = store.state.steady && this.hasPoses;
    const { neighbours, unplaced } = neighboursOf(frame.sequence.frames, frame.index, { reach, steady });
    onTimes(neighbours.map(({ afterS }) => afterS));
    tell({ shown: neighbours.length, unplaced });
    const layers: typeof this.shown = [];
    let done = 0;
    const telling = setInterval(() => {
      if (turn === this.turn) tell({ shown: layers.length, unplaced, loading: [done, neighbours.length] });
    }, tellEveryMs);
    let problem: string | undefined;
    for (const { index, afterS, matrix } of neighbours) {
      try {
        const sweep = await frame.sweep(index);
        if (turn !== this.turn) break;
        const layer = new SweepLayer(stage, { pickable: false, side });
        const moved = matrix ?? (frame.parts.sweep && betweenOrigins(sweep, frame.parts.sweep.origin));
        layer.show(sweep, paintAfter(afterS), moved);
        layers.push({ layer, afterS });
      } catch (error) {
        problem = messageOf(error) ?? problem;
      }
      done++;
    }
    clearInterval(telling);
    if (turn !== this.turn) {
      for (const { layer } of layers) layer.clear();
      return;
    }
    tell({ shown: layers.length, unplaced, problem });
    this.remove();
    this.shown = layers;
    onShown();
  }

  /** Paints them anew. */
  repaint(): void {
    for (const { layer, afterS } of this.shown) layer.repaint(this.options.paintAfter(afterS));
  }

  /** Takes them off the stage, and gives up those that are being loaded. */
  clear(): void {
    this.turn++;
    this.remove();
  }

  private remove(): void {
    for (const { layer } of this.shown) layer.clear();
    this.shown = [];
  }
}
