import type { Context } from '../context.ts';
import type { LineSet } from '../scene/line-set.ts';
import type { Cloud } from '../scene/point-cloud.ts';
import type { Triple } from '../scene/pose.ts';
import { SegmentList } from '../scene/segments.ts';
import { bytesOf } from '../scene/themes.ts';
import { lengthUnitOf } from '../sweep/fit-sweep.ts';
import { byId, element } from '../widgets/dom.ts';
import { differencesText, distanceText } from './distance.ts';

const colour = '#ffd166';

/** Measures the distance of two points that are clicked: a line between them, with its length. */
export class MeasureTool {
  private readonly context: Context;
  private readonly lines: LineSet;
  private readonly toggle: HTMLButtonElement;
  private readonly told = element('div', { class: 'measured', role: 'status', hidden: true });
  private dots: Cloud | undefined;
  private ends: readonly Triple[] = [];
  private hovered: Triple | undefined;
  private visible = false;

  constructor(context: Context) {
    const { store, stage, frame } = context;
    this.context = context;
    this.lines = stage.addLines({ widthPx: 2.5, hiddenOpacity: 0.6 });
    this.toggle = element(
      'button',
      {
        type: 'button',
        class: 'tool',
        title: 'Measure a distance: click two points; Escape ends it (m)',
        click: () => store.set({ measure: !store.state.measure }),
      },
      'Measure',
    );
    byId('stage-corner').append(this.toggle, this.told);
    store.on(['measure'], () => this.begin());
    // Another frame has another place for its sensor.
    frame.on(['frame'], () => this.begin());
  }

  /** Whether points that are clicked are ends of a line. */
  get active(): boolean {
    return this.visible && this.context.store.state.measure;
  }

  /** Only where the scene is shown, something is measured. */
  show(visible: boolean): void {
    this.visible = visible;
    this.toggle.hidden = !visible;
    this.begin();
  }

  /** The pointer is over a point, or over none. */
  hover(place: Triple | undefined): void {
    this.hovered = place;
    this.context.stage.setHighlight(place, colour);
    if (this.ends.length === 1) this.draw();
  }

  /** A point was clicked: the first one, the second one, or the first of another line. */
  click(place: Triple | undefined): void {
    if (place === undefined) return;
    this.ends = this.ends.length === 1 ? [this.ends[0], place] : [place];
    this.draw();
  }

  private begin(): void {
    this.ends = [];
    this.hovered = undefined;
    this.context.stage.setHighlight(undefined);
    this.toggle.setAttribute('aria-pressed', String(this.active));
    byId('stage').classList.toggle('measuring', this.active);
    this.draw();
  }

  private draw(): void {
    const { stage, frame } = this.context;
    const unit = lengthUnitOf(frame.sequence);
    const [from] = this.ends;
    const to = this.ends[1] ?? (from === undefined ? undefined : this.hovered);
    const list = new SegmentList();
    // Where the pointer has not left the first point yet, there is no second one.
    const hasLine = this.active && from !== undefined && to !== undefined && to.join() !== from.join();
    if (hasLine) list.add(from, to, bytesOf(colour));
    const { segments, colours } = list.finish();
    this.lines.set(segments, colours);
    stage.setNotes(
      hasLine ? [{ text: distanceText(from, to, unit), at: middle(from, to), look: 'chip', colour }] : [],
    );
    this.drawEnds();
    this.told.hidden = !this.active;
    this.told.textContent = hasLine
      ? `${distanceText(from, to, unit)} (${differencesText(from, to)})`
      : from === undefined
        ? 'Click a point'
        : 'Click a second point';
  }

  private drawEnds(): void {
    this.dots?.dispose();
    this.dots = undefined;
    if (!this.active || this.ends.length === 0) return;
    const { ends } = this;
    this.dots = this.context.stage.addCloud({ capacity: ends.length, pickable: false, sizeFactor: 4 });
    this.dots.append(
      Float32Array.from(ends.flat()),
      Uint8Array.from(ends.flatMap(() => [...bytesOf(colour)])),
    );
  }
}

function middle(from: Triple, to: Triple): Triple {
  return [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2];
}
