import type { ColumnHeader } from '../../point-stream.ts';
import { coloursFromPicture } from '../picture/point-picture.ts';
import type { ProjectedPoints } from '../picture/projected-points.ts';
import type { ViewState } from '../view-state.ts';
import type { Choices } from '../widgets/controls.ts';
import { type Category, categoriesOf, colourCategories, isCategorical } from './categories.ts';
import { colourValues, heights, noValue, rangeOf, ranges, type ValueRange } from './colouring.ts';
import type { Sweep } from './sweep.ts';

/** What colours may come from beside the points themselves. */
export interface ColourSource {
  /** Seconds after the frame that is looked at. */
  readonly afterS: number;
  readonly seen?: ProjectedPoints;
  readonly picture?: ImageBitmap;
}

/** What the ends of the scale are called; without a unit it is that of the file. */
export interface ColourScale {
  readonly name: string;
  readonly unit: string;
  readonly range: ValueRange;
}

/** What the points of a sweep can be coloured by. */
export function colourChoices(sweep: Sweep, hasPicture: boolean, hasTime: boolean): Choices {
  const fields = [...sweep.fields.keys()];
  const isColour = (name: string) => ['red', 'green', 'blue'].includes(name);
  return [
    ['height', 'Height'],
    ...(sweep.isAboutSensor ? [['range', 'Distance'] as const] : []),
    ...fields
      .filter((name) => !(isColour(name) && hasOwnColours(sweep)))
      .map((name) => [`field:${name}`, capital(name)] as const),
    ...(hasOwnColours(sweep) ? [['file', 'Colours of the file'] as const] : []),
    ...(hasPicture ? [['picture', 'Colours of the picture'] as const] : []),
    ...(hasTime ? [['time', 'Time'] as const] : []),
  ];
}

/**
 * The colours of sweeps. The ends of the scale are taken from the first sweep that is shown and then kept, so that colours
 * do not flicker from frame to frame.
 */
export class SweepColours {
  private readonly kept = new Map<string, ValueRange>();
  private readonly hasClock: boolean;
  private readonly lengthUnit: string;

  /** Without a clock, time counts frames; `lengthUnit` is that of places, empty where no one knows it. */
  constructor(options: { readonly hasClock: boolean; readonly lengthUnit?: string }) {
    this.hasClock = options.hasClock;
    this.lengthUnit = options.lengthUnit ?? 'm';
  }

  /** Forgets the ends of scales: the next sweep sets them anew. */
  refit(): void {
    this.kept.clear();
  }

  /** Rows of red, green, blue, alpha for the rows of a sweep from `from` on. */
  colours(sweep: Sweep, state: ViewState, source: ColourSource, from = 0): Uint8Array {
    const rows = sweep.filled - from;
    const into = new Uint8Array(4 * rows);
    if (state.colour === 'file' && hasOwnColours(sweep)) copyOwnColours(sweep, from, into);
    else if (state.colour === 'picture') {
      const all = new Uint8Array(4 * sweep.filled);
      for (let i = 0; i < all.length; i += 4) all.set([...noValue, 255], i);
      if (source.seen !== undefined && source.picture !== undefined)
        coloursFromPicture(source.seen, source.picture, all);
      into.set(all.subarray(4 * from));
    } else if (this.hasCategories(sweep, state)) {
      const { name, origin } = columnOf(sweep, state.colour)!;
      colourCategories(sweep.fields.get(name)!.subarray(from, sweep.filled), origin, into);
    } else {
      const scale = this.scale(sweep, state)!;
      colourValues(valuesOf(sweep, state.colour, source, from), scale.range, { map: state.map, into });
    }
    hide(sweep, from, into);
    return into;
  }

  /** Whether colours are those of kinds. */
  hasCategories(sweep: Sweep, { colour, categories }: ViewState): boolean {
    const column = columnOf(sweep, colour);
    return categories && column !== undefined && isCategorical(column);
  }

  /** The kinds that the colours stand for, with what they are called; undefined where they stand for something else. */
  categories(
    sweep: Sweep,
    state: ViewState,
  ): { readonly name: string; readonly categories: Category[] } | undefined {
    if (!this.hasCategories(sweep, state)) return undefined;
    const { name, origin } = columnOf(sweep, state.colour)!;
    const values = sweep.fields.get(name)!.subarray(0, sweep.filled);
    return { name: capital(name), categories: categoriesOf(values, origin) };
  }

  /** What the colours mean; undefined for colours that are what they are, and for those of kinds. */
  scale(sweep: Sweep, state: ViewState): ColourScale | undefined {
    const { colour, low, high } = state;
    if (colour === 'picture' || (colour === 'file' && hasOwnColours(sweep))) return undefined;
    if (this.hasCategories(sweep, state)) return undefined;
    // What stands in for values that this sweep lacks says nothing of those that another one has.
    const shown =
      ['time', 'range'].includes(colour) || fieldOf(sweep, colour) !== undefined ? colour : 'height';
    // Numbers that are counted from elsewhere are other numbers.
    const origin = sweep.header.columns.find(({ name }) => `field:${name}` === shown)?.origin ?? 0;
    const key = `${shown} ${origin}`;
    let range = this.kept.get(key);
    if (range === undefined) {
      range =
        colour === 'time' ? { low: -0.5, high: 0.5 } : rangeOf(valuesOf(sweep, colour, { afterS: 0 }, 0));
      if (sweep.filled > 0) this.kept.set(key, range);
    }
    const chosen = { low: low ?? range.low, high: high ?? range.high };
    if (colour === 'time')
      return { name: 'Time after this frame', unit: this.hasClock ? 's' : 'frames', range: chosen };
    if (colour === 'range') return { name: 'Distance', unit: this.lengthUnit, range: chosen };
    const field = fieldOf(sweep, colour);
    return field === undefined
      ? { name: 'Height', unit: this.lengthUnit, range: chosen }
      : {
          name: capital(colour.slice(6)) + (origin === 0 ? '' : `, after ${origin}`),
          unit: '',
          range: chosen,
        };
  }

  /** Widens the scale of time to sweeps that are overlaid. */
  setTimes(secondsAfter: readonly number[]): void {
    const low = Math.min(0, ...secondsAfter);
    const high = Math.max(0, ...secondsAfter);
    this.kept.set('time 0', low < high ? { low, high } : { low: -0.5, high: 0.5 });
  }
}

/** The column that a colour names; undefined where the sweep does not have it. */
function columnOf({ header }: Sweep, colour: string): ColumnHeader | undefined {
  if (!colour.startsWith('field:')) return undefined;
  return header.columns.slice(3).find(({ name }) => name === colour.slice(6));
}

function fieldOf(sweep: Sweep, colour: string): Float32Array | undefined {
  return colour.startsWith('field:') ? sweep.fields.get(colour.slice(6)) : undefined;
}

/** Height where the state names what this sweep does not have. */
function valuesOf(sweep: Sweep, colour: string, { afterS }: ColourSource, from: number): Float32Array {
  const field = fieldOf(sweep, colour);
  if (field !== undefined) return field.subarray(from, sweep.filled);
  if (colour === 'time') return new Float32Array(sweep.filled - from).fill(afterS);
  const positions = sweep.positions.subarray(3 * from, 3 * sweep.filled);
  return colour === 'range' ? ranges(positions) : heights(positions);
}

function hasOwnColours(sweep: Sweep): boolean {
  return ['red', 'green', 'blue'].every((name) => sweep.fields.has(name));
}

function copyOwnColours(sweep: Sweep, from: number, into: Uint8Array): void {
  const names = ['red', 'green', 'blue'];
  const columns = sweep.header.columns.filter(({ name }) => names.includes(name));
  const most = Math.max(...columns.map(({ max }) => max));
  // Some files have them from 0 to 1, and some in 16 bits.
  const scale = most <= 1 ? 255 : most > 255 ? 255 / 65535 : 1;
  names.forEach((name, c) => {
    const values = sweep.fields.get(name)!;
    for (let row = from; row < sweep.filled; row++) into[4 * (row - from) + c] = scale * values[row];
  });
  for (let i = 3; i < into.length; i += 4) into[i] = 255;
}

/** Points without a place are not drawn. */
function hide(sweep: Sweep, from: number, into: Uint8Array): void {
  for (let row = from; row < sweep.filled; row++) {
    const sum = sweep.positions[3 * row] + sweep.positions[3 * row + 1] + sweep.positions[3 * row + 2];
    if (Number.isNaN(sum)) into[4 * (row - from) + 3] = 0;
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
