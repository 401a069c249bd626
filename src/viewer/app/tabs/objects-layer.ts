import { api, messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import type { PictureCells, Pixel } from '../picture/picture-pane.ts';
import type { Cloud } from '../scene/point-cloud.ts';
import type { Triple } from '../scene/pose.ts';
import { cssGradient } from '../sweep/colour-maps.ts';
import { section, select, showFacts } from '../widgets/controls.ts';
import { element, shown } from '../widgets/dom.ts';
import {
  cellAt,
  cellFacts,
  certainties,
  type ObjectColours,
  type Objects,
  objectColours,
  objectMap,
  objectsOf,
  placeOfCell,
  scoredObjects,
} from './object-colours.ts';

/** How much of the picture shows through cells without a doubt. */
const cellAlpha = 0.86;
/** What takes longer than this, milliseconds, is said to be loaded. */
const sayAfterMs = 300;
/** Predicted places are drawn larger than the sweep's points. */
const sizeFactor = 1.4;

/** The maps behind a frame's detected objects: cells on the picture, and in space the places that they see. */
export class ObjectsLayer {
  /** The controls. */
  readonly root: HTMLElement;
  private readonly context: Context;
  private readonly onChange: () => void;
  private readonly scale = element('div', { class: 'scale', hidden: true });
  private readonly meaning = element('p', {});
  private readonly facts = element('dl', { class: 'facts' });
  private loading = new AbortController();
  private frame = -1;
  private objects: Objects | undefined;
  private painted: ObjectColours | undefined;
  private cloud: Cloud | undefined;

  /** `onChange` hears when the picture is to be drawn anew. */
  constructor(context: Context, onChange: () => void) {
    const { store } = context;
    this.context = context;
    this.onChange = onChange;
    this.root = section(
      'Maps of objects',
      select(store, 'objects', 'Show', [
        ['off', 'Off'],
        ['coordinates', 'Coordinates'],
        ['uncertainty', 'Uncertainty'],
        ['error', 'Reprojection error'],
      ]),
      this.scale,
      this.meaning,
      this.facts,
    );
  }

  /** Shows the maps of the present frame that the state wants. */
  async show(): Promise<void> {
    const { store, frame, session } = this.context;
    if (!session.hasObjects || store.state.objects === 'off') {
      this.clear();
      return;
    }
    const { index } = frame;
    if (this.frame === index && this.objects !== undefined) {
      this.paint();
      return;
    }
    this.clear();
    const { signal } = this.loading;
    this.frame = index;
    const saying = setTimeout(() => this.say('Loading the maps of objects'), sayAfterMs);
    try {
      const objects = objectsOf(await api.objects(index, signal));
      clearTimeout(saying);
      if (signal.aborted) return;
      this.objects = objects;
      this.paint();
    } catch (error) {
      const message = messageOf(error);
      if (message !== undefined && !signal.aborted) this.say(message, 'bad');
    } finally {
      clearTimeout(saying);
    }
  }

  /** Takes everything away. */
  clear(): void {
    this.loading.abort();
    this.loading = new AbortController();
    this.cloud?.dispose();
    this.cloud = undefined;
    this.frame = -1;
    this.objects = undefined;
    this.painted = undefined;
    this.scale.hidden = true;
    this.say('');
    showFacts(this.facts, []);
    this.onChange();
  }

  /** The cells of the objects on the picture. */
  cells(): PictureCells[] {
    const { objects, painted } = this;
    if (objects === undefined || painted === undefined) return [];
    const { cells } = objects.info;
    return [...painted.colours].map(([object, own]) => {
      const [left, top, right, bottom] = objects.info.objects[object].box;
      const [stepU, stepV] = [(right - left) / cells, (bottom - top) / cells];
      const colours = own.slice();
      for (let at = 3; at < colours.length; at += 4) colours[at] *= cellAlpha;
      return {
        columns: cells,
        rows: cells,
        colours,
        first: [left + stepU / 2, top + stepV / 2],
        last: [right - stepU / 2, bottom - stepV / 2],
        crisp: true,
      };
    });
  }

  /** Tells of the cell at a pixel, and gives its place in space; undefined where there is none. */
  hover(pixel: Pixel | undefined): Triple | undefined {
    const { objects, painted } = this;
    if (objects === undefined || painted === undefined) return undefined;
    const cell = pixel && cellAt(objects, [...painted.colours.keys()], pixel);
    showFacts(this.facts, cell === undefined ? [] : cellFacts(objects, cell));
    return cell && placeOfCell(objects, cell);
  }

  private paint(): void {
    const { objects } = this;
    const { state } = this.context.store;
    if (objects === undefined || state.objects === 'off') return;
    const seen = state.detections ? scoredObjects(objects, state.score) : [];
    this.painted = objectColours(objects, seen, state.objects);
    this.place(objects, this.painted);
    const { range } = this.painted;
    this.scale.hidden = range === undefined;
    if (range !== undefined) {
      const bar = element('div', { class: 'bar' });
      bar.style.background = cssGradient(objectMap);
      const end = (value: number) => element('span', {}, `${shown(value)} px`);
      this.scale.replaceChildren(
        bar,
        element(
          'div',
          { class: 'ends' },
          end(range.low),
          end(Math.sqrt(range.low * range.high)),
          end(range.high),
        ),
      );
    }
    if (seen.length === 0) this.say('No maps of objects here, or none with enough of a score.');
    else if (state.objects === 'coordinates')
      this.say('Red grows to the front, green to the top, blue to the left; cells that are unsure fade.');
    else this.say('Equal steps of colour are equal factors. Point at a cell for its numbers.');
    this.onChange();
  }

  /** Puts the places of cells that are sure enough on the stage. */
  private place(objects: Objects, { colours }: ObjectColours): void {
    this.cloud?.dispose();
    this.cloud = undefined;
    const cells = objects.info.cells ** 2;
    if (colours.size === 0) return;
    this.cloud = this.context.stage.addCloud({ capacity: colours.size * cells, pickable: false, sizeFactor });
    for (const [object, own] of colours) {
      const rows = Uint8Array.from(own);
      certainties(objects, object).forEach((certainty, k) => {
        rows[4 * k + 3] = 255 * certainty;
      });
      this.cloud.append(objects.places.subarray(3 * object * cells, 3 * (object + 1) * cells), rows);
    }
  }

  private say(words: string, kind = ''): void {
    this.meaning.textContent = words;
    this.meaning.className = kind;
    this.meaning.hidden = words === '';
  }
}
