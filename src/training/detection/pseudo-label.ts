import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { formatKittiLabels } from '../../datasets/kitti-labels.ts';
import { openObjectFrames } from '../../detection/detection-frames.ts';
import { detectionOf } from '../../detection/detection-label.ts';
import { multiply34by44 } from '../../geometry/matrix.ts';
import { takePlannedFolder } from '../planned-folder.ts';
import { makeFolder, writeFileAtomically } from '../run/atomic-file.ts';
import { ProgressLine, type ProgressStream } from '../run/progress.ts';
import { areFollowed, unlabelledBoxes } from './unlabelled-boxes.ts';

/** Which frames get labels, and where the files go. */
export interface PseudoLabelOptions {
  readonly data: DataSelection;
  /** The folder of the files, `<frame>.txt` (of several drives `<drive>/<frame>.txt`); files that are there are kept. */
  readonly out: string;
  /** The lowest score that is written (0.3: some eleven points of a single frame or of what moves, sixteen of what stands in a drive). */
  readonly scoreThreshold?: number;
  /** Each frame of a drive by itself: nothing is followed from one to the next. */
  readonly single?: boolean;
  readonly signal?: AbortSignal;
  /** Where the progress line goes; stderr. */
  readonly stream?: ProgressStream;
}

/** What became of the frames. */
export interface PseudoLabelResult {
  readonly frames: number;
  /** Of them, those that had a file before. */
  readonly before: number;
  /** Boxes of the files that were written now, by class. */
  readonly boxes: Readonly<Record<string, number>>;
  readonly damaged: readonly string[];
  readonly interrupted: boolean;
}

/**
 * Writes boxes of what stands on the road without a network and without labels, those that the camera sees, as result files of KITTI's
 * benchmark: of drives whose times and poses are known by what is seen over time (`trackBoxes`), of other frames each by itself (`clusterBoxes`). A detector can be trained on them (`labels` of a `DataSelection`), and evaluated beside them. Rerun it and it resumes.
 * Throws an InputError where the data is none, where the folder has labels that were made in another way, and with `strict` for a damaged frame.
 *
 * @example
 * const { frames } = await pseudoLabel({ data: { root: 'data/kitti' }, out: 'data/kitti-pseudo' });
 * frames; // 6
 */
export async function pseudoLabel(options: PseudoLabelOptions): Promise<PseudoLabelResult> {
  const { data, out, scoreThreshold = 0.3, single = false, signal } = options;
  const frames = await openObjectFrames(data, { withLabels: false, withPictures: false });
  const fileOf = (index: number) => join(out, `${frames.ids[index]}.txt`);
  const there = new Set(frames.ids.flatMap((_, index) => (existsSync(fileOf(index)) ? [index] : [])));
  const before = there.size;
  const plan = { tracks: !single && areFollowed(frames), leastScore: scoreThreshold };
  const note = { name: 'pseudo-label.json', what: 'labels' };
  // Labels without a note are of a time when nothing was followed.
  await takePlannedFolder(out, plan, before > 0 ? { ...note, unnoted: { ...plan, tracks: false } } : note);
  const boxes: { [type: string]: number } = {};
  const damaged: string[] = [];
  const progress = new ProgressLine({
    ...{ total: frames.length, done: before, unit: 'frame', stream: options.stream },
  });
  const wanted = (index: number) => !there.has(index);
  let written = 0;
  try {
    for await (const found of unlabelledBoxes(frames, { wanted, single, signal })) {
      if ('error' in found) {
        if (data.strict) throw found.error;
        damaged.push(found.error.message);
        progress.print(`left out: ${found.error.message}`);
      } else {
        const { pixelFromCamera, cameraFromLidar, image } = found.frame.cameras[0];
        const pixelFromLidar = multiply34by44(pixelFromCamera, cameraFromLidar);
        const labels = found.boxes.flatMap(({ type, box3, score }) => {
          if (score < scoreThreshold) return [];
          return detectionOf(box3, { type, score, pixelFromLidar, cameraFromLidar, image }) ?? [];
        });
        for (const { type } of labels) boxes[type] = (boxes[type] ?? 0) + 1;
        const file = fileOf(found.index);
        await makeFolder(dirname(file));
        const text = formatKittiLabels(labels, { rectFromLidar: cameraFromLidar, withScore: true });
        await writeFileAtomically(file, text);
        written++;
      }
      progress.update({ step: before + written + damaged.length });
    }
  } finally {
    progress.end();
  }
  const all = before + written;
  return { frames: all, before, boxes, damaged, interrupted: all + damaged.length < frames.length };
}
