import { InputError } from '../engine/input-error.ts';
import type { DataSelection } from './data-selection.ts';
import type { Sequence } from './sequence.ts';

/** The cameras that are asked for by name, or all, with one of them first; undefined for each sequence's own first one. */
export type WantedCameras = readonly string[] | { readonly all: true; readonly first: string | undefined };

/** The cameras of a selection. Throws InputError for one that no sequence has, with the names there are, and for a first one that is not in the list. */
export function knownCameras(
  root: string,
  sequences: readonly Sequence[],
  { camera, cameras }: Pick<DataSelection, 'camera' | 'cameras'>,
): WantedCameras | undefined {
  const there = [...new Set(sequences.flatMap((sequence) => sequence.cameras))];
  const named = [...(camera === undefined ? [] : [camera]), ...(cameras === 'all' ? [] : (cameras ?? []))];
  for (const name of named) {
    if (there.includes(name)) continue;
    const expected = `one of ${there.join(', ')}`;
    throw new InputError({ file: root, place: `camera ${name}`, expected, found: 'none of that name' });
  }
  if (cameras === 'all') return { all: true, first: camera };
  return named.length === 0 ? undefined : [...new Set(named)];
}

/** The cameras that frames of a sequence are seen by, the first one first; one that the sequence lacks is among them where it is named. */
export function camerasOf({ cameras }: Sequence, wanted: WantedCameras | undefined): readonly string[] {
  if (wanted === undefined) return cameras.slice(0, 1);
  if (!('all' in wanted)) return wanted;
  const { first } = wanted;
  return first === undefined ? cameras : [first, ...cameras.filter((name) => name !== first)];
}
