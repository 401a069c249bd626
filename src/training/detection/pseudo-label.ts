import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { formatKittiLabels } from '../../datasets/kitti-labels.ts';
import { openObjectFrames } from '../../detection/detection-frames.ts';
import { detectionOf } from '../../detection/detection-label.ts';
import { InputError } from '../../engine/input-error.ts';
import { multiply34by44 } from '../../geometry/matrix.ts';
import { clusterBoxes } from '../../pointcloud/segments/cluster-boxes.ts';
import { makeFolder, writeFileAtomically } from '../run/atomic-file.ts';
import { ProgressLine, type ProgressStream } from '../run/progress.ts';

/** Which frames get labels, and where the files go. */
export interface PseudoLabelOptions {
  readonly data: DataSelection;
  /** The folder of the files, `<frame>.txt` (of several drives `<drive>/<frame>.txt`); files that are there are kept. */
  readonly out: string;
  /** The lowest score that is written (0.3: some eleven points). */
  readonly scoreThreshold?: number;
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
 * Writes boxes of what stands on the road without a network and without labels (`clusterBoxes`), those that the camera sees, as result files of KITTI's
 * benchmark: a detector can be trained on them (`labels` of a `DataSelection`), and evaluated beside them. Rerun it and it resumes.
 * Throws an InputError where the data is none, and with `strict` for a damaged frame.
 *
 * @example
 * const { frames } = await pseudoLabel({ data: { root: 'data/kitti' }, out: 'data/kitti-pseudo' });
 * frames; // 6
 */
export async function pseudoLabel(options: PseudoLabelOptions): Promise<PseudoLabelResult> {
  const { data, out, scoreThreshold = 0.3, signal } = options;
  const frames = await openObjectFrames(data, { withLabels: false, withPictures: false });
  const left = frames.ids.flatMap((id, index) => (existsSync(join(out, `${id}.txt`)) ? [] : [index]));
  const before = frames.length - left.length;
  const boxes: { [type: string]: number } = {};
  const damaged: string[] = [];
  const progress = new ProgressLine({
    ...{ total: frames.length, done: before, unit: 'frame', stream: options.stream },
  });
  let written = 0;
  try {
    for (const index of left) {
      if (signal?.aborted) break;
      const id = frames.ids[index];
      try {
        const { points, cameras } = await frames.pointFrame(index);
        const { pixelFromCamera, cameraFromLidar, image } = cameras[0];
        const pixelFromLidar = multiply34by44(pixelFromCamera, cameraFromLidar);
        const labels = clusterBoxes(points).flatMap(({ type, box3, score }) => {
          if (score < scoreThreshold) return [];
          return detectionOf(box3, { type, score, pixelFromLidar, cameraFromLidar, image }) ?? [];
        });
        for (const { type } of labels) boxes[type] = (boxes[type] ?? 0) + 1;
        await makeFolder(join(out, dirname(id)));
        const text = formatKittiLabels(labels, { rectFromLidar: cameraFromLidar, withScore: true });
        await writeFileAtomically(join(out, `${id}.txt`), text);
        written++;
      } catch (error) {
        if (data.strict || !(error instanceof InputError)) throw error;
        damaged.push(error.message);
        progress.print(`left out: ${error.message}`);
      }
      progress.update({ step: before + written + damaged.length });
    }
  } finally {
    progress.end();
  }
  const all = before + written;
  return { frames: all, before, boxes, damaged, interrupted: all + damaged.length < frames.length };
}
