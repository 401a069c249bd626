import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { dataKindOf } from '../data-kind.ts';
import { findKittiRawDrives } from '../kitti-raw-layout.ts';
import { type SourceReference, sourceBeside } from '../loader-source.ts';
import { openSequence, type SequenceReference } from '../open-sequence.ts';
import type { Sequence } from '../sequence.ts';
import type { NamedSequence } from './named-sequence.ts';
import type { Recipe } from './prepared-index.ts';

/** How threads open what a reference names, and how `prepared.json` describes it. */
export function sourceOf(reference: SequenceReference): {
  readonly source: SourceReference;
  readonly described: Recipe['source'];
} {
  const { path, tracks, columns } = reference;
  const options = {
    ...(tracks !== undefined && { tracks: resolve(tracks) }),
    ...(columns !== undefined && { columns }),
  };
  return {
    source: sourceBeside(import.meta.url, {
      name: 'prepare-source',
      export: 'openNamedSequences',
      options: reference,
    }),
    described: { path: resolve(path), options },
  };
}

/** All sequences at a path: every drive of a date or of several, or the one that is there. Throws InputError as `openSequence` does. */
export async function openNamedSequences(reference: SequenceReference): Promise<readonly NamedSequence[]> {
  const { path, tracks } = reference;
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (tracks === undefined && there && (await dataKindOf(path)) === 'KITTI raw drive') {
    const { synced } = await findKittiRawDrives(path);
    if (synced.length > 1) {
      const open = async (folder: string) =>
        withName(await openSequence({ ...reference, path: join(path, folder) }), folder);
      return Promise.all(synced.map(open));
    }
  }
  return [withName(await openSequence(reference), basename(resolve(path)))];
}

/** The sequence itself under a name: what it does goes on with its own fields. */
function withName(sequence: Sequence, name: string): NamedSequence {
  return Object.assign(sequence, { name });
}
