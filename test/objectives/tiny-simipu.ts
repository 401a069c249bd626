import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from '../../src/datasets/frame.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import {
  formatKittiCalibration,
  type KittiCalibration,
  rectFromLidar,
} from '../../src/geometry/kitti-calibration.ts';
import { rigidTransform } from '../../src/geometry/rigid-transform.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import type { Simipu } from '../../src/objectives/simipu.ts';
import type { SimipuConfig } from '../../src/objectives/simipu-config.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { presetOf } from '../../src/training/presets.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';

/** The preset `simipu-smoke` made still smaller, so that tfjs's own backend can follow. */
export function tinyRun(changes: Partial<RunConfig> = {}): RunConfig {
  const smoke = presetOf('simipu-smoke')!;
  return {
    ...smoke,
    simipu: {
      ...smoke.simipu,
      points: { ...smoke.simipu.points, count: 96 },
      image: { ...smoke.simipu.image, width: 96, height: 64 },
      imageEncoder: { ...smoke.simipu.imageEncoder, width: 4 },
      pointEncoder: {
        ...smoke.simipu.pointEncoder,
        levels: [
          { points: 32, radii: [1, 4], neighbors: [4, 6], widths: [[6], [4, 8]], out: 12 },
          { points: 12, radii: [4, 12], neighbors: [4, 4], widths: [[8], [12]], out: 16 },
        ],
      },
      heads: { intraPoints: [16, 8], crossImage: [12, 8], crossPoints: [16, 8] },
    },
    batchSize: 2,
    steps: 4,
    ...changes,
  };
}

export function tinySimipu(changes: Partial<SimipuConfig> = {}): SimipuConfig {
  return { ...tinyRun().simipu, ...changes };
}

/** KITTI's camera and mounting, its focal length scaled to an image of this size. */
export function kittiLikeCalibration(width: number, height: number): KittiCalibration {
  const focal = (721.5377 * width) / 1242;
  const p2 = Float64Array.of(
    ...[focal, 0, 0.49 * width, 0.0362 * width],
    ...[0, focal, 0.46 * height, 0.000174 * width],
    ...[0, 0, 1, 0.002745884],
  );
  return {
    p0: p2,
    p1: p2,
    p2,
    p3: p2,
    rectFromCamera: rigidTransform([1, 0, 0, 0, 1, 0, 0, 0, 1]),
    cameraFromLidar: rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [-0.004, -0.0763, -0.2718]),
  };
}

/** A random picture, and points scattered before the camera and behind it. */
export function syntheticFrame(
  seed: number | string,
  { points = 400, width = 120, height = 60 }: { points?: number; width?: number; height?: number } = {},
): Frame {
  const random = Random.fromSeed(seed);
  const calibration = kittiLikeCalibration(width, height);
  const rows = new Float32Array(points * 4);
  for (let i = 0; i < points; i++) {
    const x = random.uniform(-5, 40);
    const row = [x, random.uniform(-0.6, 0.6) * Math.abs(x), random.uniform(-1.8, 0.9), random.uniform()];
    rows.set(row, 4 * i);
  }
  return {
    id: String(seed),
    points: rows,
    cameras: [
      {
        name: 'image_2',
        image: smoothPicture(random.fork('picture'), width, height),
        pixelFromCamera: calibration.p2,
        cameraFromLidar: rectFromLidar(calibration),
      },
    ],
    labels: undefined,
  };
}

/** Colours that change slowly over the picture, so that a resized one has them at the same places. */
export function smoothPicture(random: Random, width: number, height: number): RgbImage {
  const waves = Array.from({ length: 3 }, () => ({
    across: random.uniform(0.02, 0.06),
    down: random.uniform(0.02, 0.06),
    phase: random.uniform(0, 6),
  }));
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const { across, down, phase } of waves) {
        data[at++] = Math.round(127.5 + 120 * Math.sin(across * x + down * y + phase));
      }
    }
  }
  return { width, height, data };
}

/** A batch of synthetic frames. */
export function syntheticBatch(objective: Simipu, config: SimipuConfig, seed = 0): Tree<HostTensor> {
  const samples = Array.from({ length: objective.batchSize }, (_, b) =>
    drawPointPair(syntheticFrame(`${seed}/${b}`), Random.fromSeed(`sample ${seed}/${b}`), config),
  );
  return objective.collate(samples);
}

/** Writes synthetic frames as a data set in KITTI's layout, with a list of all of them and one of the last few. */
export async function writeSyntheticKitti(
  root: string,
  frames: number,
  options: { readonly heldOut?: number; readonly points?: number } = {},
): Promise<string[]> {
  const folder = (name: string) => join(root, 'training', name);
  for (const name of ['image_2', 'velodyne', 'calib']) await mkdir(folder(name), { recursive: true });
  await mkdir(join(root, 'ImageSets'), { recursive: true });
  const ids = Array.from({ length: frames }, (_, i) => String(i).padStart(6, '0'));
  for (const id of ids) {
    const frame = syntheticFrame(id, { points: options.points });
    const { image } = frame.cameras[0];
    await writeFile(join(folder('image_2'), `${id}.png`), await encodePng(image));
    await writeFile(join(folder('velodyne'), `${id}.bin`), writeKittiBin(frame.points));
    const calibration = kittiLikeCalibration(image.width, image.height);
    await writeFile(join(folder('calib'), `${id}.txt`), formatKittiCalibration(calibration));
  }
  const cut = frames - (options.heldOut ?? 0);
  await writeFile(join(root, 'ImageSets', 'train.txt'), `${ids.slice(0, cut).join('\n')}\n`);
  await writeFile(join(root, 'ImageSets', 'val.txt'), `${ids.slice(cut).join('\n')}\n`);
  return ids;
}
