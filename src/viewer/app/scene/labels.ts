import { placeLabels } from './label-placement.ts';
import type { Triple } from './pose.ts';
import { type Side, shows } from './side.ts';
import type { Theme } from './themes.ts';
import { projectOn, type View } from './views.ts';

/** A text that stands at a place in the world. */
export interface Label {
  readonly text: string;
  readonly at: Triple;
  /** Places that it must not cover: it stands above the highest of them on the screen. */
  readonly above?: readonly Triple[];
  /** A chip has its own background and a coloured edge; plain text is written on the scene. */
  readonly look: 'chip' | 'plain';
  /** The chip's edge, or the text; the theme's colour for texts without one. */
  readonly colour?: string;
  /** The half of a split stage that shows it; both by default. */
  readonly side?: Side;
}

/** A label with its place on the layer, the middle of its lower edge. */
export interface PlacedLabel {
  readonly label: Label;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Height of a label, and what is left free beside its text. */
const HEIGHT_PX = 17;
const PADDING_PX = 5;
const RISE_PX = 5;
const RADIUS_PX = 2;
const EDGE_PX = 2;
/** What is nearer has no place to stand at. */
const NEAREST_W = 0.1;
const FONT = '500 11px ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif';

/** Labels in the document over the canvas. Groups that were set earlier come first where two want the same place. */
export class LabelLayer {
  private readonly layer: HTMLElement;
  private readonly groups = new Map<string, readonly Label[]>();
  private readonly pool: HTMLElement[] = [];
  private readonly widths = new Map<string, number>();
  private readonly ruler: CanvasRenderingContext2D | null;
  private placed: readonly PlacedLabel[] = [];

  constructor(layer: HTMLElement) {
    this.layer = layer;
    layer.style.pointerEvents = 'none';
    layer.style.overflow = 'hidden';
    this.ruler = document.createElement('canvas').getContext('2d');
    if (this.ruler) this.ruler.font = FONT;
  }

  /** Replaces the labels of a group. */
  set(group: string, labels: readonly Label[]): void {
    this.groups.set(group, labels);
  }

  /** Puts all labels where they belong now. */
  update(views: readonly View[], theme: Theme): void {
    const labels = [...this.groups.values()].flatMap((group, rank) =>
      group.map((label) => ({ label, rank })),
    );
    this.placed = views.flatMap((view) => this.placedIn(view, labels));
    this.placed.forEach((placed, k) => {
      this.pool[k] ??= this.create();
      show(this.pool[k], placed, theme);
    });
    for (const unused of this.pool.slice(this.placed.length)) unused.style.display = 'none';
  }

  /** Draws the labels as they stand on a picture of the stage. */
  drawOn(context: CanvasRenderingContext2D, theme: Theme): void {
    context.font = FONT;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const { label, width, ...at } of this.placed) {
      const x = Math.round(at.x - width / 2) + width / 2;
      const top = Math.round(at.y - HEIGHT_PX);
      context.fillStyle = label.look === 'chip' ? theme.chip : theme.plate;
      context.beginPath();
      context.roundRect(x - width / 2, top, width, HEIGHT_PX, RADIUS_PX);
      context.fill();
      if (label.look === 'chip') {
        context.fillStyle = label.colour ?? theme.text;
        context.fillRect(x - width / 2, top, EDGE_PX, HEIGHT_PX);
      }
      context.fillStyle = label.look === 'chip' ? theme.chipText : (label.colour ?? theme.text);
      context.fillText(label.text, x, top + HEIGHT_PX / 2 + 0.5);
    }
  }

  /** Takes the labels out of the document. */
  dispose(): void {
    for (const element of this.pool) element.remove();
    this.pool.length = 0;
    this.groups.clear();
  }

  private placedIn(view: View, labels: readonly { label: Label; rank: number }[]): PlacedLabel[] {
    const inView = labels.flatMap(({ label, rank }) => {
      if (!shows(view.half, label.side ?? 'both')) return [];
      const [at, ...above] = [label.at, ...(label.above ?? [])].map((place) => projectOn(view, place));
      if (at.w <= NEAREST_W) return [];
      const tops = above.filter(({ w }) => w > NEAREST_W).map(({ y }) => y);
      const y = Math.min(at.y, ...tops) - RISE_PX;
      return [
        { label, x: at.x, y, width: this.widthOf(label), height: HEIGHT_PX, rank: rank * 4 + at.depth },
      ];
    });
    const area = { left: view.left, right: view.left + view.width, top: 0, bottom: view.height };
    return placeLabels(inView, area).map((k) => inView[k]);
  }

  private widthOf({ text }: Label): number {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 5000) this.widths.clear();
      width = Math.ceil(this.ruler?.measureText(text).width ?? text.length * 7) + 2 * PADDING_PX;
      this.widths.set(text, width);
    }
    return width;
  }

  private create(): HTMLElement {
    const element = document.createElement('div');
    element.className = 'stage-label';
    Object.assign(element.style, {
      position: 'absolute',
      left: '0',
      top: '0',
      boxSizing: 'border-box',
      height: `${HEIGHT_PX}px`,
      font: FONT,
      lineHeight: `${HEIGHT_PX}px`,
      textAlign: 'center',
      whiteSpace: 'nowrap',
      borderRadius: `${RADIUS_PX}px`,
      willChange: 'transform',
    });
    this.layer.append(element);
    return element;
  }
}

function show(element: HTMLElement, { label, x, y, width }: PlacedLabel, theme: Theme): void {
  if (element.textContent !== label.text) element.textContent = label.text;
  const chip = label.look === 'chip';
  const { style } = element;
  style.display = 'block';
  style.width = `${width}px`;
  const edge = label.colour ?? theme.text;
  style.background = chip
    ? `linear-gradient(90deg, ${edge} ${EDGE_PX}px, ${theme.chip} ${EDGE_PX}px)`
    : theme.plate;
  style.color = chip ? theme.chipText : (label.colour ?? theme.text);
  style.transform = `translate(${Math.round(x - width / 2)}px, ${Math.round(y - HEIGHT_PX)}px)`;
}
