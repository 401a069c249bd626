import type { ColumnHeader } from '../../point-stream.ts';
import { noValue } from './colouring.ts';

/** Names of columns whose whole numbers say of which kind a point is, not how much of something it has. */
const names =
  /label|class|categor|semantic|instance|cluster|segment|object|track|ring|beam|channel|laser|return|_id$|^id$|^line$/i;

/** Colours that are told apart, for the first whole numbers; those after them take hues that are far from each other. */
const first: ReadonlyArray<readonly [number, number, number]> = [
  [148, 156, 170],
  [90, 169, 255],
  [255, 180, 84],
  [98, 205, 138],
  [255, 127, 168],
  [177, 140, 255],
  [79, 211, 216],
  [224, 215, 90],
  [255, 111, 97],
  [168, 210, 80],
  [214, 134, 226],
  [196, 154, 108],
];
/** The golden angle, in turns: however many hues there are, the next one is far from all. */
const hueStep = 0.381966;

/** A whole number of a column, and how many points have it. */
export interface Category {
  readonly value: number;
  readonly count: number;
}

/** Whether a column is of kinds: its name is one of those, and all of its values are whole numbers. */
export function isCategorical({ name, step, min }: ColumnHeader): boolean {
  return step === 1 && Number.isInteger(min) && names.test(name);
}

/** The colour of a kind, the same one in every frame; red, green, blue. */
export function categoryColour(value: number): readonly [number, number, number] {
  if (!Number.isInteger(value) || value < 0) return noValue;
  if (value < first.length) return first[value];
  const hue = ((value * hueStep) % 1) * 360;
  const lightness = [0.62, 0.74, 0.52][value % 3];
  return rgbOf(hue, 0.72, lightness);
}

/** Writes the colours of kinds into rows of red, green, blue, alpha; `origin` is added to each value. */
export function colourCategories(values: ArrayLike<number>, origin: number, into: Uint8Array): void {
  const known = new Map<number, readonly [number, number, number]>();
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    let colour = known.get(values[i]);
    if (colour === undefined) {
      colour = categoryColour(values[i] + origin);
      known.set(values[i], colour);
    }
    into[at] = colour[0];
    into[at + 1] = colour[1];
    into[at + 2] = colour[2];
    into[at + 3] = 255;
  }
}

/** The kinds that there are, by their number. */
export function categoriesOf(values: ArrayLike<number>, origin: number): Category[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i])) counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
  }
  return [...counts]
    .map(([value, count]) => ({ value: value + origin, count }))
    .sort((a, b) => a.value - b.value);
}

function rgbOf(hue: number, saturation: number, lightness: number): readonly [number, number, number] {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
