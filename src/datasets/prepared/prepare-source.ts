import { resolve } from 'node:path';
import { type SourceReference, sourceBeside } from '../loader-source.ts';
import { openSequences, type SequenceReference } from '../open-sequences.ts';
import type { Sequence } from '../sequence.ts';
import type { Recipe } from './prepared-index.ts';

/** How threads open what a reference names, and how `prepared.json` describes it. */
export function sourceOf(reference: SequenceReference): {
  readonly source: SourceReference;
  readonly described: Recipe['source'];
} {
  const { path, sequence, camera, tracks, columns } = reference;
  const options = {
    ...(sequence !== undefined && { sequence }),
    ...(camera !== undefined && { camera }),
    ...(tracks !== undefined && { tracks: resolve(tracks) }),
    ...(columns !== undefined && { columns }),
  };
  return {
    source: sourceBeside(import.meta.url, {
      name: 'prepare-source',
      export: 'openSourceSequences',
      options: reference,
    }),
    described: { path: resolve(path), options },
  };
}

/** All sequences that a reference names, in the thread that asks. Throws InputError as `openSequences` does. */
export async function openSourceSequences(reference: SequenceReference): Promise<readonly Sequence[]> {
  return openSequences(reference);
}
