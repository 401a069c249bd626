import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectLabel, PointFrame } from '../datasets/frame.ts';
import { parseKittiLabels } from '../datasets/kitti-labels.ts';
import { InputError, reasonOf } from '../engine/input-error.ts';
import type { Matrix44 } from '../geometry/matrix.ts';

/** The labels of a frame from a folder of label or result files, `<frame>.txt`. Throws an InputError where there is none. */
export async function readGivenLabels(
  folder: string,
  id: string,
  rectFromLidar: Matrix44,
): Promise<readonly ObjectLabel[]> {
  const file = join(folder, `${id}.txt`);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file, expected: `the labels of frame ${id}`, found: reasonOf(error) });
  });
  return parseKittiLabels(text, { file, rectFromLidar });
}

/** A frame with the labels that the folder has of it. */
export async function withGivenLabels<Kind extends PointFrame>(frame: Kind, folder: string): Promise<Kind> {
  const labels = await readGivenLabels(folder, frame.id, frame.cameras[0].cameraFromLidar);
  return { ...frame, labels };
}
