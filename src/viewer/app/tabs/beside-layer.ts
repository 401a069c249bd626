import type { Matrix44 } from '../../../geometry/matrix.ts';
import { translation } from '../../../geometry/rigid-transform.ts';
import type { FrameInfo, SequenceInfo } from '../../protocol.ts';
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { type Paint, SweepLayer } from '../sweep/sweep-layer.ts';
import { Sweeps } from '../sweep/sweeps.ts';
import { byId } from '../widgets/dom.ts';

/** The same frame of what was opened second, on the right half of the stage, looked at with the same eye. */
export class BesideLayer {
  private readonly context: Context;
  private readonly sequence: SequenceInfo;
  private readonly title: string;
  private readonly paint: Paint;
  private readonly sweeps = new Sweeps({ beside: 'yes' });
  private readonly layer: SweepLayer;
  private loading = new AbortController();
  private visible = false;

  constructor(context: Context, beside: { title: string; sequence: SequenceInfo }, paint: Paint) {
    this.context = context;
    this.title = beside.title;
    this.sequence = beside.sequence;
    this.paint = paint;
    this.layer = new SweepLayer(context.stage, { side: 'right' });
  }

  /** Splits the stage while the scene is shown. */
  show(visible: boolean): void {
    this.visible = visible;
    this.layer.visible = visible;
    this.context.stage.setSplit(visible);
    byId('stage-sides').hidden = !visible;
    if (visible) byId('stage-left').textContent = this.context.session.title;
    if (!visible) this.loading.abort();
  }

  /** Shows the frame that goes with the present one, laid to where that one's places are counted from. */
  async follow(origin: readonly number[]): Promise<void> {
    const { frame } = this.context;
    this.loading.abort();
    const loading = new AbortController();
    this.loading = loading;
    const index = frameBeside(this.sequence.frames, frame.info, frame.index);
    const name = index === undefined ? undefined : this.sequence.frames[index].id;
    const caption = byId('stage-right');
    caption.textContent = name === undefined || name === this.title ? this.title : `${this.title}: ${name}`;
    if (index === undefined) {
      this.layer.clear();
      caption.textContent = `${this.title} has no frame ${frame.info.id}`;
      return;
    }
    const onPass = (sweep: Sweep) => {
      if (this.visible && !loading.signal.aborted)
        this.layer.show(sweep, this.paint, betweenOrigins(sweep, origin));
    };
    try {
      await this.sweeps.load(index, { onPass, signal: loading.signal });
      performance.mark('pointpair:beside', { detail: index });
    } catch (error) {
      const message = messageOf(error);
      if (message === undefined || loading.signal.aborted) return;
      this.layer.clear();
      caption.textContent = message;
    }
  }

  /** Paints it anew. */
  repaint(): void {
    this.layer.repaint(this.paint);
  }
}

/** The number of the frame with the same name, or else in the same place; undefined where there is none with a sweep. */
export function frameBeside(
  frames: ReadonlyArray<Pick<FrameInfo, 'id' | 'parts'>>,
  { id }: Pick<FrameInfo, 'id'>,
  index: number,
): number | undefined {
  const named = frames.findIndex((each) => each.id === id);
  const found = named >= 0 ? named : index;
  return frames[found]?.parts.includes('sweep') ? found : undefined;
}

/** What moves a sweep whose places are counted from one origin to where those of another are; undefined where that is the same one. */
export function betweenOrigins({ origin }: Sweep, other: readonly number[]): Matrix44 | undefined {
  const [x, y, z] = origin.map((value, axis) => value - other[axis]);
  return x === 0 && y === 0 && z === 0 ? undefined : translation(x, y, z);
}
