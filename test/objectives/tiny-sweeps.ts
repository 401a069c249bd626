import { join } from 'node:path';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { multiply44, transformPoints } from '../../src/geometry/matrix.ts';
import { inverseRigid, rotationZ, translation } from '../../src/geometry/rigid-transform.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { parseRunConfig, type RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetOf } from '../../src/training/presets.ts';
import { drawPointClip, type PointClipView, type PosedSweep } from '../../src/views/point-clip.ts';
import { ODOMETRY_CALIBRATION, write } from '../datasets/tiny-sequences.ts';

/**
 * Sweeps of a world that stands, seen by a car that drives on and turns: things on a plane, the same points in every sweep but
 * for their order and the frame that they are given in.
 */
export function sweepsOfDrive(
  seed: number,
  {
    frames,
    gapS,
    points = 400,
  }: { readonly frames: number; readonly gapS: number; readonly points?: number },
): PosedSweep[] {
  const random = Random.fromSeed(`drive ${seed}`);
  const world = new Float32Array(points * 4);
  const things = 8;
  const centers = Array.from({ length: things }, (_, k) => [
    3 + 3.5 * k,
    (k % 2 === 0 ? 1 : -1) * random.uniform(2, 10),
  ]);
  for (let i = 0; i < points; i++) {
    // Of ten points four are ground, and the others a thing's.
    const [x, y] = centers[i % things];
    const near = (middle: number) => middle + random.uniform(-0.4, 0.4);
    const ground = [random.uniform(0, 34), random.uniform(-12, 12), -1.7];
    const place = i % 10 < 4 ? ground : [near(x), near(y), random.uniform(-1, 0.2)];
    world.set([...place, random.uniform()], 4 * i);
  }
  return Array.from({ length: frames }, (_, moment) => {
    const timeS = moment * gapS;
    const worldFromLidar = multiply44(translation(3 * timeS, 0.2 * timeS, 0), rotationZ(0.1 * timeS));
    const seen = transformPoints(inverseRigid(worldFromLidar), world, 4);
    const order = random.permutation(points);
    const shuffled = Float32Array.from(seen, (_value, at) => seen[4 * order[at >> 2] + (at & 3)]);
    return { id: `${seed}/${moment}`, points: shuffled, timeS, worldFromLidar };
  });
}

/** Writes such sweeps, 0.1 s apart, as a sequence of KITTI's odometry benchmark without pictures. */
export function writeSweepDrive(root: string, frames: number): void {
  const folder = join(root, 'sequences', '00');
  const cameraFromLidar = Float64Array.of(0, -1, 0, 0, 0, 0, -1, -0.1, 1, 0, 0, -0.3, 0, 0, 0, 1);
  const sweeps = sweepsOfDrive(0, { frames, gapS: 0.1 });
  sweeps.forEach(({ points }, frame) => {
    write(join(folder, 'velodyne', `${String(frame).padStart(6, '0')}.bin`), writeKittiBin(points));
  });
  write(join(folder, 'calib.txt'), ODOMETRY_CALIBRATION);
  write(join(folder, 'times.txt'), sweeps.map(({ timeS }) => `${timeS}\n`).join(''));
  // Poses are those of the camera, in the frame of the first.
  const poses = sweeps.map(({ worldFromLidar }) =>
    multiply44(multiply44(cameraFromLidar, worldFromLidar), inverseRigid(cameraFromLidar)),
  );
  write(
    join(root, 'poses', '00.txt'),
    poses.map((pose) => `${Array.from(pose.slice(0, 12)).join(' ')}\n`).join(''),
  );
}

/** A preset on sweeps made so small that tfjs's own backend can follow; `options` change those of its one objective. */
export function tinySweepRun(
  preset: string,
  options: { readonly [option: string]: unknown } = {},
  changes: Partial<RunConfig> = {},
): RunConfig {
  const run = presetOf(preset)!;
  const [[name, own]] = Object.entries(run.objectives);
  const { points } = run.encoders;
  const levels = [
    { points: 32, radii: [1, 4], neighbors: [4, 6], widths: [[6], [4, 8]], out: 12 },
    { points: 12, radii: [4, 12], neighbors: [4, 4], widths: [[8], [12]], out: 16 },
  ];
  const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 0.01, weightDecay: 5e-4 };
  return parseRunConfig(
    {
      ...run,
      encoders: {
        points: {
          ...points,
          levels,
          batchNorm: { eps: 0.1, momentum: 0.1 },
          input: { ...points!.input, count: 96 },
        },
      },
      objectives: { [name]: { ...own, ...options } },
      batchSize: 2,
      steps: 4,
      schedule: { kind: 'constant' },
      optimizers: { points: sgd, heads: sgd },
      checkpoint: { everySteps: 100, keep: 2 },
      loader: { workers: 0, prefetch: 2 },
      ...changes,
    },
    { file: 'tiny run' },
  );
}

/** A batch of a run's clips of made-up drives, by their numbers. */
export function sweepBatch(config: RunConfig, indices: readonly number[], draw: number): Tree<HostTensor> {
  const pretraining = createPretraining(config, config.batchSize);
  const samples = indices.map((index) => {
    const random = Random.fromSeed(`draw ${draw}`).fork(index);
    const views = Object.entries(pretraining.views).map(([name, each]) => {
      const view = each as PointClipView;
      return [name, drawPointClip(sweepsOfDrive(index, view.clip), random.fork('view', name), view)];
    });
    return { id: `${index}`, index, views: Object.fromEntries(views) };
  });
  return pretraining.collate(samples);
}
