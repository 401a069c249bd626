import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { createLoader } from '../../datasets/loader.ts';
import { openFrames } from '../../datasets/open-frames.ts';
import type { Device } from '../../engine/device.ts';
import { InputError } from '../../engine/input-error.ts';
import { featureKey } from '../probe/feature-cache.ts';
import { writeFileAtomically } from '../run/atomic-file.ts';
import type { TrainedRun } from '../run/model-state.ts';
import { assembled, type BoxedPictures, joinedPieces } from './assemble.ts';
import { frozenPictures } from './box-encoder.ts';
import {
  type CorrespondenceFile,
  decodeCorrespondences,
  encodeCorrespondences,
  type MatchingOptions,
  readCorrespondences,
} from './correspondence-file.ts';
import { findBoxes } from './find-boxes.ts';
import type { MatchedPictures } from './match-boxes.ts';
import { matchSourceReference } from './match-source.ts';
import { openPieces, PIECE, type Pieces } from './pieces.ts';

/** What is matched, by what, and where to. */
export interface CorrespondOptions {
  /** The run whose encoder compares pictures and boxes, and its folder. */
  readonly run: TrainedRun;
  readonly folder: string;
  readonly data: DataSelection;
  /** The file. */
  readonly out: string;
  readonly matching: MatchingOptions;
  /** Threads that read pictures and match them; 0 works in this one. The bytes do not depend on it. */
  readonly workers: number;
  readonly device?: Device;
  /** Threads of the encoder. */
  readonly threads?: number;
  readonly overwrite?: boolean;
  readonly onProgress?: (progress: CorrespondProgress) => void;
  readonly say?: (line: string) => void;
  /** Gives up after the picture in work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far a pass is: pictures whose boxes are found and encoded, or that are matched. */
export interface CorrespondProgress {
  readonly pass: 'boxes' | 'matches';
  readonly done: number;
  readonly count: number;
}

/** What came of it. */
export interface CorrespondResult extends CorrespondenceFile {
  /** Whether the file was there already, from the same run, pictures and options. */
  readonly kept: boolean;
  readonly damaged: number;
}

/**
 * The second stage of Xie et al. 2021 (Unsupervised Object-Level Representation Learning from Scene Images): finds boxes in the
 * pictures of a data set, each picture's nearest neighbours by the frozen encoder of a run (its projector's rows where it has one),
 * and the boxes of a picture and a neighbour that are most alike, and writes them to a file. It works in pieces that lie beside the
 * file until it is complete, so that work that was killed goes on where it was; the bytes are the same, whatever was interrupted and
 * on however many threads. Throws an InputError for a run without an image encoder, for fewer than two pictures that can be read,
 * and for a file of other work.
 */
export async function correspond(options: CorrespondOptions): Promise<CorrespondResult> {
  const { run, folder, data, out, matching, overwrite = false } = options;
  const frozen = frozenPictures(run, folder);
  const { ids, length } = await openFrames(data, ['image']);
  const names = createHash('sha256').update(ids.join('\n')).digest('hex');
  const key = featureKey(frozen.state, frozen.encoder, names, matching, frozen.projection?.layers ?? 0);
  const before = await fileOf(out, key, overwrite);
  if (before !== undefined) return { ...before, kept: true, damaged: damagedIn(before) };
  const pieces = await openPieces(out, key, { overwrite });
  await findBoxes(options, { frozen, pieces, length });
  const boxed = await joinedPieces(pieces, length);
  if (boxed.indices.length < 2) {
    const found = `${boxed.indices.length} of ${length}`;
    throw new InputError({ file: data.root, expected: 'two pictures that can be read', found });
  }
  const matched = await matchAll(options, boxed, pieces);
  const about = { key, run: folder, step: run.step, data: data.root, options: matching, names: [...ids] };
  const bytes = encodeCorrespondences(assembled(boxed, matched, length), about);
  await writeFileAtomically(out, bytes);
  await pieces.remove();
  const file = decodeCorrespondences(bytes, out);
  return { ...file, kept: false, damaged: damagedIn(file) };
}

/** The file that is there, where it is of the same work. Throws an InputError for another one that may not be replaced. */
async function fileOf(out: string, key: string, overwrite: boolean): Promise<CorrespondenceFile | undefined> {
  const there = await stat(out).catch(() => undefined);
  if (there === undefined) return undefined;
  const file = await readCorrespondences(out).catch((error: unknown) => {
    if (overwrite) return undefined;
    throw error;
  });
  if (file?.about.key === key) return file;
  if (overwrite) return undefined;
  const expected = 'no file, boxes of the same run, pictures and options, or --overwrite';
  throw new InputError({ file: out, expected, found: 'boxes of other work' });
}

function damagedIn({ correspondences: { boxesFrom } }: CorrespondenceFile): number {
  return boxesFrom.subarray(1).filter((to, picture) => to === boxesFrom[picture]).length;
}

/** The second pass: the neighbours of all pictures that could be read, and the pairs of boxes, in blocks. */
async function matchAll(
  { matching, workers, onProgress, signal }: CorrespondOptions,
  boxed: BoxedPictures,
  pieces: Pieces,
): Promise<MatchedPictures[]> {
  const { neighbours, keep } = matching;
  const count = boxed.indices.length;
  const blocks = Array.from({ length: Math.ceil(count / PIECE) }, (_, number) => {
    const first = number * PIECE;
    return { number, first, count: Math.min(PIECE, count - first) };
  });
  const missing = blocks.filter(({ number }) => !pieces.there.matches.has(number));
  let done = count - missing.reduce((sum, block) => sum + block.count, 0);
  const tell = () => onProgress?.({ pass: 'matches', done, count });
  tell();
  if (missing.length > 0) {
    const source = matchSourceReference({ compared: boxed.compared, neighbours, keep, blocks: missing });
    const loader = createLoader<MatchedPictures>({
      ...{ length: missing.length, batchSize: 1, seed: 'matches', source, workers, shuffle: false },
      ...{ prefetch: 2 * Math.max(1, workers), strict: true },
    });
    try {
      for await (const { batch, indices } of loader.pass()) {
        signal?.throwIfAborted();
        const block = missing[indices[0]];
        await pieces.writeMatches(block.number, batch[0]);
        done += block.count;
        tell();
      }
    } finally {
      await loader.close();
    }
  }
  const all: MatchedPictures[] = [];
  for (const { number } of blocks) all.push(await pieces.readMatches(number));
  return all;
}
