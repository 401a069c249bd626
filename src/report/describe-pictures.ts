import type { Frames } from '../datasets/open-frames.ts';
import { InputError } from '../engine/input-error.ts';
import { alignedTable } from './aligned-table.ts';

/** So many damaged pictures are named. */
const NAMED = 10;

/**
 * Pictures in words: how many, of which classes and sizes, which are damaged, what was left aside. Reads at most `most` of them,
 * spread evenly.
 */
export async function describePictures(
  frames: Frames,
  { most = Number.POSITIVE_INFINITY }: { readonly most?: number } = {},
): Promise<string> {
  const { kind, length, ids, classes, notes, incomplete } = frames;
  const looked = Math.min(most, length);
  const sizes: Array<readonly [width: number, height: number]> = [];
  const damaged: string[] = [];
  for (let i = 0; i < looked; i++) {
    try {
      const { width, height } = await frames.picture(Math.floor((i * length) / looked));
      sizes.push([width, height]);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      damaged.push(error.message);
    }
  }
  const sorted = classes === undefined ? '' : ` in ${count(classes.names.length, 'class', 'classes')}`;
  return [
    `${kind}: ${count(length, 'picture', 'pictures')}${sorted}, ${ids[0]} to ${ids[length - 1]}`,
    ...(classes === undefined ? [] : [classTable(classes)]),
    ...(looked < length ? [`read ${looked} of them, spread evenly (--all reads every one)`] : []),
    ...(sizes.length === 0 ? [] : [`width x height: ${describeSizes(sizes)}`]),
    `damaged: ${damaged.length}`,
    ...damaged.slice(0, NAMED).map((message) => `  ${message}`),
    ...(damaged.length > NAMED ? [`  and ${damaged.length - NAMED} more`] : []),
    ...incomplete.map(({ id, missing }) => `${id} lacks ${missing}`),
    ...notes,
  ].join('\n');
}

function classTable({ names, of }: NonNullable<Frames['classes']>): string {
  const counts = new Int32Array(names.length);
  for (const place of of) counts[place]++;
  const rows = names.map((name, i) => [name, String(counts[i])]);
  return alignedTable(['class', 'pictures'], rows);
}

/** One size, or the smallest, the middle and the largest by the number of pixels. */
function describeSizes(sizes: ReadonlyArray<readonly [width: number, height: number]>): string {
  const words = new Set(sizes.map((size) => size.join(' x ')));
  const [only] = words;
  if (words.size === 1) return only;
  const byArea = [...sizes].sort(([a, b], [c, d]) => a * b - c * d);
  const at = (share: number) => byArea[Math.floor(share * (byArea.length - 1))].join(' x ');
  return `${words.size} sizes, from ${at(0)} to ${at(1)}, half of them up to ${at(0.5)}`;
}

function count(number: number, one: string, more: string): string {
  return `${number} ${number === 1 ? one : more}`;
}
