import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Stopwatch } from '../../src/datasets/stopwatch.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { viewSource } from '../../src/views/draw-views.ts';
import { stepsOn } from './tiny-image-run.ts';
import { smoothPicture } from './tiny-simipu.ts';

/** How a drive is written. */
interface TinyDrive {
  /** The times of its frames, seconds since it began. */
  readonly timesS: readonly number[];
  /** The picture of a frame; without it a window of 64 x 24 pixels that moves 3 pixels a frame over one that is larger. */
  readonly picture?: (frame: number) => RgbImage;
}

/** Writes drives of pictures alone, as KITTI raw has them, one after the other, under `root`. */
export async function writePictureDrives(root: string, drives: readonly TinyDrive[]): Promise<void> {
  for (const [number, { timesS, picture = movingPicture(number) }] of drives.entries()) {
    const folder = join(
      root,
      `2011_09_26/2011_09_26_drive_${String(number + 1).padStart(4, '0')}_sync/image_02`,
    );
    await mkdir(join(folder, 'data'), { recursive: true });
    for (const frame of timesS.keys())
      await writeFile(
        join(folder, `data/${String(frame).padStart(10, '0')}.png`),
        await encodePng(picture(frame)),
      );
    const lines = timesS.map((timeS) => `2011-09-26 13:04:${(10 + timeS).toFixed(9).padStart(12, '0')}\n`);
    await writeFile(join(folder, 'timestamps.txt'), lines.join(''));
  }
}

function movingPicture(drive: number): (frame: number) => RgbImage {
  const whole = smoothPicture(Random.fromSeed(`drive ${drive}`), 160, 24);
  return (frame) => {
    const data = new Uint8Array(64 * 24 * 3);
    for (let row = 0; row < 24; row++)
      data.set(
        whole.data.subarray(3 * (160 * row + 3 * frame), 3 * (160 * row + 3 * frame + 64)),
        3 * 64 * row,
      );
    return { width: 64, height: 24, data };
  };
}

/** Frames of drives, and what the real source draws of them for a run, as a batch of those with these numbers. */
export async function drawnDrives(config: RunConfig, root: string) {
  const { views } = createPretraining(config, config.batchSize);
  const source = await viewSource({ data: { root }, views });
  return {
    frames: source.length,
    batch: async (indices: readonly number[], draw: number): Promise<Tree<HostTensor>> => {
      const random = Random.fromSeed(`draw ${draw}`);
      const samples = [];
      for (const index of indices)
        samples.push(await source.sample(index, random.fork(index), 0, new Stopwatch()));
      return createPretraining(config, indices.length).collate(samples);
    },
  };
}

/** What the first steps of a run on drives need, with a batch for each list of frames: the real source draws them. */
export async function driveSteps(
  config: RunConfig,
  { root, frames }: { readonly root: string; readonly frames: ReadonlyArray<readonly number[]> },
) {
  const drawn = await drawnDrives(config, root);
  const data: Array<Tree<HostTensor>> = [];
  for (const [step, indices] of frames.entries()) data.push(await drawn.batch(indices, step));
  return stepsOn(config, { frames: drawn.frames, data });
}
