import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from '../../src/datasets/frame.ts';
import type { ResNetConfig } from '../../src/encoders/kinds/resnet.ts';
import type { Model, Tensors } from '../../src/encoders/trainable.ts';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import {
  formatKittiCalibration,
  type KittiCalibration,
  rectFromLidar,
} from '../../src/geometry/kitti-calibration.ts';
import { rigidTransform } from '../../src/geometry/rigid-transform.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { branchAt, type Mode } from '../../src/nn/layer.ts';
import { type Pretraining, seenBy } from '../../src/objectives/combine.ts';
import type { SimipuConfig, SimipuEncoders } from '../../src/objectives/simipu-config.ts';
import { embed, type SimipuEmbeddings } from '../../src/objectives/simipu-model.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetOf } from '../../src/training/presets.ts';
import { drawPointPair, type PointPair, type PointPairView } from '../../src/views/point-pair.ts';
import { uploadTree } from '../nn/tensors.ts';

/** The preset `simipu-smoke` made still smaller, so that tfjs's own backend can follow. */
export function tinyRun(changes: Partial<RunConfig> = {}): RunConfig {
  const smoke = presetOf('simipu-smoke')!;
  const { image, points } = bothEncoders(smoke);
  const levels = [
    { points: 32, radii: [1, 4], neighbors: [4, 6], widths: [[6], [4, 8]], out: 12 },
    { points: 12, radii: [4, 12], neighbors: [4, 4], widths: [[8], [12]], out: 16 },
  ];
  return {
    ...smoke,
    encoders: {
      image: { ...(image as ResNetConfig), width: 4, input: { ...image.input, width: 96, height: 64 } },
      points: { ...points, levels, input: { ...points.input, count: 96 } },
    },
    objectives: {
      simipu: {
        ...simipuOf(smoke),
        heads: { intraPoints: [16, 8], crossImage: [12, 8], crossPoints: [16, 8] },
      },
    },
    batchSize: 2,
    steps: 4,
    ...changes,
  };
}

/** What may be changed of a run's parts: SimIPU's options, and its encoders with what they look at. */
export interface PartChanges {
  readonly simipu?: Partial<SimipuConfig>;
  readonly image?: Partial<SimipuEncoders['image']>;
  readonly points?: Partial<SimipuEncoders['points']>;
  readonly canvas?: Partial<SimipuEncoders['image']['input']>;
  readonly input?: Partial<SimipuEncoders['points']['input']>;
}

/** A run with some of its parts changed. */
export function changed(run: RunConfig, { simipu, image, points, canvas, input }: PartChanges): RunConfig {
  const own = bothEncoders(run);
  return {
    ...run,
    encoders: {
      image: { ...own.image, ...image, input: { ...own.image.input, ...canvas } } as SimipuEncoders['image'],
      points: { ...own.points, ...points, input: { ...own.points.input, ...input } },
    },
    objectives: { ...run.objectives, simipu: { ...simipuOf(run), ...simipu } },
  };
}

/** The tiny run with some of its parts changed. */
export function tiny(changes: PartChanges = {}): RunConfig {
  return changed(tinyRun(), changes);
}

/** A run whose running statistics move by this much with every batch. */
export function withMomentum(run: RunConfig, momentum: number): RunConfig {
  const { image, points } = bothEncoders(run);
  return changed(run, {
    simipu: { headBatchNorm: { ...simipuOf(run).headBatchNorm, momentum } },
    image: { batchNorm: { ...image.batchNorm, momentum } },
    points: { batchNorm: { ...points.batchNorm, momentum } },
  });
}

/** SimIPU's own options in a run. */
export function simipuOf({ objectives }: Pick<RunConfig, 'objectives'>): SimipuConfig {
  const { weight: _, ...own } = objectives.simipu as SimipuConfig & { readonly weight?: number };
  return own;
}

/** The two encoders of a run that has both. */
export function bothEncoders({ encoders }: Pick<RunConfig, 'encoders'>): SimipuEncoders {
  return encoders as SimipuEncoders;
}

/** The pair of views that a run's SimIPU compares. */
export function pairView(run: RunConfig): PointPairView {
  return createPretraining(run, 1).parts[0].objective.views.pair as PointPairView;
}

/** A batch of pairs that were drawn, as training has it. */
export function batchOfPairs(pretraining: Pretraining, pairs: readonly PointPair[]): Tree<HostTensor> {
  return pretraining.collate(
    pairs.map((pair, index) => ({ id: pair.id, index, views: { 'simipu/pair': pair } })),
  );
}

/** The pair of views in a batch. */
export function pairIn<Leaf>(batch: Tree<Leaf>): Tree<Leaf> {
  return branchAt(branchAt(batch, 'simipu'), 'pair');
}

/** A batch with some tensors of its pair replaced. */
export function withPair<Leaf>(batch: Tree<Leaf>, changes: Tree<Leaf>): Tree<Leaf> {
  return { ...batch, simipu: { pair: { ...pairIn(batch), ...changes } } };
}

/** What SimIPU compares of a batch. */
export function embedded(
  run: RunConfig,
  { params, stats }: Pick<Model, 'params' | 'stats'>,
  batch: Tensors,
  mode: Mode,
): SimipuEmbeddings {
  const seen = seenBy('simipu', { params, stats, memory: {} });
  return embed(seen, pairIn(batch), { config: simipuOf(run), encoders: bothEncoders(run), ...mode });
}

/** A model whose running statistics are nearly those of a batch of other frames, so that its features differ from place to place. */
export function observedModel(run: RunConfig, random: Random): Model<HostTensor> {
  const observer = createPretraining(withMomentum(run, 0.9), 2);
  const model = observer.initialize(random, { frames: 2 });
  const batch = uploadTree(syntheticBatch(observer));
  const uploaded = { params: uploadTree(model.params), stats: uploadTree(model.stats), memory: {} };
  const { stats } = observer.loss(uploaded, batch, { training: true });
  return {
    ...model,
    stats: mapTree(stats, (leaf) => float32(leaf.dataSync() as Float32Array, leaf.shape)),
  };
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
export function syntheticBatch(pretraining: Pretraining, seed = 0): Tree<HostTensor> {
  const view = pretraining.views['simipu/pair'] as PointPairView;
  const pairs = Array.from({ length: pretraining.batchSize }, (_, b) =>
    drawPointPair(syntheticFrame(`${seed}/${b}`), Random.fromSeed(`sample ${seed}/${b}`), view),
  );
  return batchOfPairs(pretraining, pairs);
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
