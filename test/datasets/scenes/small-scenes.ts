import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generateScenes } from '../../../src/datasets/scenes/generate-scenes.ts';
import { SHARED_FOLDER } from '../../shared-folder.ts';

/** The size of the pictures of these scenes. */
export const scenePicture = { width: 310, height: 94 } as const;

const settings = { seed: 3, workers: 0, imageSize: scenePicture, scanner: { beams: 32, steps: 600 } };
const most = 8;

/**
 * Writes generated scenes, few and coarse, with labels and the lists `train` and `val`. Their frames are made once for all test files
 * of a run: each caller has a copy, in which the generator adds the lists.
 */
export async function smallScenes(out: string, { count = most, heldOut = 2 } = {}): Promise<void> {
  if (count > most) throw new RangeError(`at most ${most} scenes, not ${count}`);
  const isWanted = (path: string) => {
    const frame = /^\d{6}/.exec(basename(path));
    return frame === null || Number(frame[0]) < count;
  };
  await cp(await madeOnce(), out, { recursive: true, filter: isWanted });
  await generateScenes({ ...settings, out, count, heldOut });
}

/** The folder with all frames, made by whichever process comes first while the others wait. */
async function madeOnce(): Promise<string> {
  const folder = join(process.env[SHARED_FOLDER]!, 'scenes');
  const making = `${folder}-in-the-making`;
  while (!existsSync(folder)) {
    const isFirst = await mkdir(making).then(
      () => true,
      () => false,
    );
    if (!isFirst) {
      await setTimeout(50);
      continue;
    }
    try {
      const out = join(making, 'scenes');
      await generateScenes({ ...settings, out, count: most, heldOut: 0 });
      await rename(out, folder);
    } finally {
      await rm(making, { recursive: true });
    }
  }
  return folder;
}
