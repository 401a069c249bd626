import { InputError } from '../../engine/input-error.ts';
import { decodeImage } from '../../image/decode-image.ts';
import type { DataSelection } from '../data-selection.ts';
import { type IncompleteFrame, requireComplete } from '../incomplete-frame.ts';
import type { Frames, Need } from '../open-frames.ts';
import { frameOf } from '../open-sequence.ts';
import type { FramePart } from '../sequence.ts';
import { Stopwatch } from '../stopwatch.ts';
import { openPrepared, type PreparedSequence } from './prepared-sequence.ts';

/**
 * The frames of prepared shards to learn from, sequence by sequence; named by their sequences where there are several. An image
 * set is one that the source had. Throws InputError where none has what is needed.
 */
export async function openPreparedFrames(
  { root, imageSet, strict }: DataSelection,
  needs: readonly Need[],
): Promise<Frames> {
  const sequences = await openPrepared(root);
  const parts: readonly FramePart[] = needs.includes('points')
    ? ['picture', 'sweep', 'calibration']
    : ['picture'];
  const complete: Array<{ sequence: PreparedSequence; place: number; id: string }> = [];
  const incomplete: IncompleteFrame[] = [];
  const known = new Set<string>();
  for (const sequence of sequences) {
    for (const [place, { id: own, files, sets = [] }] of sequence.moments.entries()) {
      for (const set of sets) known.add(set);
      if (imageSet !== undefined && !sets.includes(imageSet)) continue;
      const id = sequences.length === 1 ? own : `${sequence.name}/${own}`;
      const missing = parts.filter((part) => files[part] === undefined);
      if (missing.length > 0) incomplete.push({ id, missing: missing.join(', ') });
      else complete.push({ sequence, place, id });
    }
  }
  if (imageSet !== undefined && !known.has(imageSet)) {
    const expected = known.size === 0 ? 'data with image sets' : `an image set of ${[...known].join(', ')}`;
    throw new InputError({ file: root, expected, found: imageSet });
  }
  requireComplete(root, { complete: complete.length, incomplete, strict });
  const itemAt = (index: number) => {
    const item = complete[index];
    if (item === undefined) throw new RangeError(`frame ${index} of ${complete.length}`);
    return item;
  };
  const frames: Frames = {
    ...{ kind: 'prepared shards', length: complete.length, ids: complete.map(({ id }) => id), incomplete },
    notes: [],
    picture: async (index, stopwatch = new Stopwatch()) => {
      const { sequence, place } = itemAt(index);
      const { bytes, file } = await sequence.picture(place);
      stopwatch.lap('read');
      const image = await decodeImage(bytes, { file });
      stopwatch.lap('decode');
      return image;
    },
  };
  if (!needs.includes('points')) return frames;
  return {
    ...frames,
    frame: async (index, stopwatch) => {
      const { sequence, place, id } = itemAt(index);
      return { ...(await frameOf(sequence, place, stopwatch)), id };
    },
  };
}
