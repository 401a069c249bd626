import { type Clip, type ClipState, clipKeys, clipOf, countInside, unclipped } from '../../clip.ts';
import type { Context } from '../context.ts';
import type { LineSet } from '../scene/line-set.ts';
import type { Triple } from '../scene/pose.ts';
import { clipSegments } from '../scene/segments.ts';
import { lengthUnitOf } from '../sweep/fit-sweep.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { extentOf } from '../sweep/sweep-extent.ts';
import { button } from '../widgets/controls.ts';
import { element, shown } from '../widgets/dom.ts';
import { folded } from '../widgets/folded.ts';
import { savePoints } from './save-points.ts';

/** The range filter and the clip box: their fields, the outline of the box, and how many points are left. */
export class ClipTool {
  /** The controls. */
  readonly root: HTMLDetailsElement;
  private readonly context: Context;
  private readonly outline: LineSet;
  private readonly told = element('p', { class: 'clip-count', role: 'status' });
  private readonly range: HTMLElement;
  private readonly reset: HTMLButtonElement;
  private readonly inputs = new Map<string, HTMLInputElement>();
  private extent: { readonly sweep: Sweep; readonly low: Triple; readonly high: Triple } | undefined;
  private visible = false;

  /** `onChange` is called when other points are shown. */
  constructor(context: Context, onChange: () => void) {
    const { store, stage, frame } = context;
    const unit = lengthUnitOf(frame.sequence) === '' ? '' : ' (m)';
    this.context = context;
    this.outline = stage.addLines({ widthPx: 1.5, hiddenOpacity: 0.4 });
    const pair = (
      name: string,
      low: keyof ClipState,
      high: keyof ClipState,
      labels: readonly [string, string],
    ) =>
      element(
        'div',
        { class: 'bounds' },
        element('span', {}, name),
        this.field(low, labels[0]),
        this.field(high, labels[1]),
      );
    this.range = pair(`Range${unit}`, 'near', 'far', ['Range: near', 'Range: far']);
    this.reset = button('Reset', () => store.set(unclipped), { hint: 'Show all points again' });
    this.root = folded(
      'Range filter and clip box',
      element(
        'div',
        { class: 'bounds heads', 'aria-hidden': 'true' },
        element('span', {}),
        element('span', {}, 'Min'),
        element('span', {}, 'Max'),
      ),
      this.range,
      ...(['x', 'y', 'z'] as const).map((axis) =>
        pair(`${axis}${unit}`, `${axis}Min`, `${axis}Max`, [
          `Clip box: ${axis} min`,
          `Clip box: ${axis} max`,
        ]),
      ),
      element(
        'div',
        { class: 'buttons' },
        button('Fit box', () => this.fit(), {
          hint: 'Take the sides from where most points are',
        }),
        this.reset,
        button('Save as PCD', () => void savePoints(context), { hint: 'Save the points that are shown' }),
      ),
      this.told,
    );
    this.root.open = this.clip !== undefined;
    this.follow();
    store.on([...clipKeys], () => {
      this.follow();
      onChange();
    });
    store.on(['theme'], () => this.drawOutline());
  }

  /** What the state lets be seen of the present sweep; undefined for all of it. */
  get clip(): Clip | undefined {
    return clipOf(this.context.store.state, this.context.frame.parts.sweep?.origin);
  }

  /** Takes up another sweep, or another state. */
  follow(): void {
    const { state } = this.context.store;
    const { sweep } = this.context.frame.parts;
    for (const [key, input] of this.inputs) {
      // What somebody is writing is left alone.
      if (document.activeElement !== input) input.value = String(state[key as keyof ClipState] ?? '');
    }
    this.reset.disabled = clipKeys.every((key) => state[key] === undefined);
    this.range.hidden = sweep?.isAboutSensor === false;
    if (this.visible) this.context.stage.setClip(this.clip);
    this.drawOutline();
    this.count();
  }

  /** Only where the scene is shown, points are left out. */
  show(visible: boolean): void {
    this.visible = visible;
    this.outline.visible = visible;
    this.context.stage.setClip(visible ? this.clip : undefined);
  }

  /** Sets the box, in the coordinates of the stage, to a hundredth of a metre. */
  setBox(low: Triple, high: Triple): void {
    const { origin } = this.context.frame.parts.sweep ?? { origin: [0, 0, 0] };
    const down = (axis: number) => Math.floor(100 * (low[axis] + origin[axis])) / 100;
    const up = (axis: number) => Math.ceil(100 * (high[axis] + origin[axis])) / 100;
    this.root.open = true;
    this.context.store.set({
      ...{ xMin: down(0), yMin: down(1), zMin: down(2) },
      ...{ xMax: up(0), yMax: up(1), zMax: up(2) },
    });
  }

  private fit(): void {
    const extent = this.extentOfSweep();
    if (extent !== undefined) this.setBox(extent.low, extent.high);
  }

  private count(): void {
    const { sweep } = this.context.frame.parts;
    const { clip } = this;
    this.told.hidden = clip === undefined || sweep?.complete !== true;
    if (this.told.hidden || sweep === undefined) return;
    const inside = countInside(sweep.positions, sweep.filled, clip);
    const share = sweep.count === 0 ? '' : ` (${shown((100 * inside) / sweep.count, 2)} %)`;
    const wrong = this.wrongSides();
    this.told.textContent =
      wrong ?? `${inside.toLocaleString('en')} of ${sweep.count.toLocaleString('en')} points shown${share}`;
    this.told.classList.toggle('bad', wrong !== undefined);
  }

  /** What cannot be between two sides. */
  private wrongSides(): string | undefined {
    const { state } = this.context.store;
    const pairs = [
      ['range', 'near', 'far'],
      ['x', 'xMin', 'xMax'],
      ['y', 'yMin', 'yMax'],
      ['z', 'zMin', 'zMax'],
    ] as const;
    const found = pairs.find(([, low, high]) => (state[low] ?? -Infinity) > (state[high] ?? Infinity));
    return found && `No point is shown: min of ${found[0]} is greater than max`;
  }

  private extentOfSweep(): { readonly low: Triple; readonly high: Triple } | undefined {
    const { sweep } = this.context.frame.parts;
    if (sweep?.complete !== true) return undefined;
    if (this.extent?.sweep !== sweep) {
      const extent = extentOf(sweep);
      this.extent = extent && { sweep, low: extent.low, high: extent.high };
    }
    return this.extent;
  }

  private drawOutline(): void {
    const { clip } = this;
    const extent = clip && this.extentOfSweep();
    const colour = this.context.store.state.theme === 'dark' ? '#ffd166' : '#9a6200';
    const { segments, colours } = clipSegments(clip, extent, colour);
    this.outline.set(segments, colours);
  }

  private field(key: keyof ClipState, label: string): HTMLInputElement {
    const input = element('input', {
      type: 'number',
      step: 'any',
      name: key,
      'aria-label': label,
      placeholder: 'none',
      change: () => {
        const value = input.value === '' ? undefined : Number(input.value);
        this.context.store.set({ [key]: value });
      },
    });
    this.inputs.set(key, input);
    return input;
  }
}
