import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from '../../src/datasets/frame.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { drawSweep, type SweepView } from '../../src/views/sweep-view.ts';
import { road, seenSides } from '../detection/street.ts';
import { syntheticFrame, writeSyntheticKitti } from './tiny-simipu.ts';

/** The cars of a street, by its number. */
export function carsOf(seed: number): Box3[] {
  const random = Random.fromSeed(`street ${seed}`);
  return [11, 18, 26].map((x, i) => ({
    center: [x, (i - 1) * 6 + random.uniform(-0.5, 0.5), -0.95],
    sizeM: [4, 1.7, 1.5],
    yaw: random.uniform(-1.5, 1.5),
  }));
}

/** A frame of a road with three cars, of which the sides are seen that face the sensor. */
export function streetFrame(seed: number): Frame {
  const random = Random.fromSeed(`sides ${seed}`);
  const cars = carsOf(seed).flatMap((box) => seenSides(box, 150, random));
  return { ...syntheticFrame(seed, { points: 1 }), points: Float32Array.from([...road(-1.7), ...cars]) };
}

/** A batch of a run's views of such frames, by their numbers. */
export function streetBatch(config: RunConfig, numbers: readonly number[], draw: number): Tree<HostTensor> {
  const pretraining = createPretraining(config, config.batchSize);
  const samples = numbers.map((index) => {
    const random = Random.fromSeed(`draw ${draw}`).fork(index);
    const views = Object.entries(pretraining.views).map(([name, view]) => [
      name,
      drawSweep(streetFrame(index), random.fork('view', name), view as SweepView),
    ]);
    return { id: `${index}`, index, views: Object.fromEntries(views) };
  });
  return pretraining.collate(samples);
}

/** Writes such frames as a data set in KITTI's layout. */
export async function writeStreets(root: string, frames: number): Promise<void> {
  const ids = await writeSyntheticKitti(root, frames);
  for (const [i, id] of ids.entries())
    await writeFile(join(root, 'training', 'velodyne', `${id}.bin`), writeKittiBin(streetFrame(i).points));
}
