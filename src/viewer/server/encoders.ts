import type { DataSelection } from '../../datasets/data-selection.ts';
import { DeviceSession, runtime } from '../../engine/device.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import { leavesOf, type Tree } from '../../engine/tree.ts';
import { batchesOf, modelIn, statisticsOf } from '../../evaluation/batch-statistics.ts';
import type { Initialized } from '../../nn/layer.ts';
import type { RunConfig } from '../../training/config.ts';
import { keptCorrespondences } from '../../training/correspond/adopt-correspondences.ts';
import { createPretraining } from '../../training/create-pretraining.ts';
import { exportFeatures, type Looking } from '../../training/export-features.ts';
import { initialState } from '../../training/pretrain.ts';
import { loadRun, readRunConfig } from '../../training/run/model-state.ts';
import { openViewFrames } from '../../views/open-view-frames.ts';
import type { ModelName } from '../protocol.ts';
import type { Features } from './features.ts';

/** Where models come from. */
export interface ModelSource {
  /** The run's folder. */
  readonly run: string;
  /** Where the data of the run lies, if not where the run has it. */
  readonly dataRoot?: string;
}

/** The places of one view as they are compared with other places, and with the picture. */
export interface PlaceFeatures {
  readonly within: Features;
  readonly across: Features;
}

/** A picture as it is compared with places: each of its cells, and, where there are places, at their pixels. */
export interface PictureFeatures {
  readonly pixels: Features | undefined;
  readonly cells: Features;
}

/** The most training frames that an untrained model gets its statistics from. */
const mostStatisticsFrames = 8;

/** A model's encoders, those that it has, on the CPU, for batches of one sample. */
export class Encoders {
  private readonly points: DeviceSession | undefined;
  private readonly image: DeviceSession | undefined;
  /** Whether places and pictures come out in one space. */
  readonly common: boolean;

  private constructor(
    { points, image }: { readonly [part in 'points' | 'image']: DeviceSession | undefined },
    { common }: { readonly common: boolean },
  ) {
    this.points = points;
    this.image = image;
    this.common = common;
  }

  static async open(looking: Looking, model: Initialized): Promise<Encoders> {
    const { points, image } = exportFeatures(looking, model);
    const open = async (file: Uint8Array | undefined) =>
      file && (await DeviceSession.open(file, { device: 'cpu', threads: 1 }));
    const sessions = { points: await open(points), image: await open(image) };
    return new Encoders(sessions, { common: looking.comparison !== undefined });
  }

  /** Features of the last centres of a view, as `collatePointPairs` has the view of one sample. */
  async placesOf(view: Tree<HostTensor>): Promise<PlaceFeatures> {
    const { within, across } = await run(this.points!, view);
    return { within, across };
  }

  /** Features of the picture of a batch of one sample; `cells` and `cellWeights` say where places are on it. */
  async pictureOf(picture: Tree<HostTensor>): Promise<PictureFeatures> {
    const { pixels, map } = await run(this.image!, picture);
    return { pixels, cells: map };
  }

  async close(): Promise<void> {
    await this.points?.release();
    await this.image?.release();
  }
}

async function run(session: DeviceSession, inputs: Tree<HostTensor>): Promise<Record<string, Features>> {
  const { Tensor } = runtime();
  const feeds = leavesOf(inputs)
    .filter(([path]) => session.inputNames.includes(path))
    .map(([path, { dtype, data, shape }]) => [path, new Tensor(dtype, data, shape)]);
  const results = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims }]) => [
      name,
      { width: dims[1], rows: data as Float32Array },
    ]),
  );
}

/**
 * A run's model with its statistics: those of a checkpoint, or for `before`, which needs none, what the run began with and
 * the batch statistics of some of its training frames, whose number `onStatistics` is told before. Throws an InputError for a
 * step without a checkpoint.
 */
export async function loadModel(
  source: ModelSource,
  name: ModelName,
  onStatistics: (frames: number) => void = () => {},
): Promise<Initialized> {
  if (name !== 'before') return modelIn((await loadRun(source.run, { step: name })).state);
  const { config, data } = await readRunConfig(source.run);
  const model = modelIn(initialState(config, { frames: data.frames ?? 0 }));
  const roots = [...new Set([source.dataRoot ?? data.root, data.root])];
  let fault: unknown;
  for (const root of roots) {
    try {
      return await withStatistics(config, model, {
        run: source.run,
        data: { ...data, root, strict: false },
        onStatistics,
      });
    } catch (error) {
      // Another drive may be looked at than the one that the run learned from.
      if (!(error instanceof InputError)) throw error;
      fault ??= error;
    }
  }
  throw fault;
}

async function withStatistics(
  config: RunConfig,
  model: Initialized,
  {
    run,
    data,
    onStatistics,
  }: {
    readonly run: string;
    readonly data: DataSelection;
    readonly onStatistics: (frames: number) => void;
  },
): Promise<Initialized> {
  const { views } = createPretraining(config, config.batchSize);
  const { length } = await openViewFrames(data, views);
  const frames = Math.max(1, Math.min(config.batchSize, mostStatisticsFrames, length));
  onStatistics(frames);
  const pretraining = createPretraining(config, frames);
  const correspondences = await keptCorrespondences(config, run);
  const calibration = await batchesOf(pretraining, data, { frames, seed: config.seed, correspondences });
  const statistics = await statisticsOf(pretraining, { calibration, model });
  try {
    return await statistics.run(model);
  } finally {
    await statistics.dispose();
  }
}

/** The encoders that were used last; one after the other is asked for, and what falls out is closed. */
export class RecentEncoders {
  private readonly limit: number;
  private readonly open = new Map<string, Encoders>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The encoders of a key, made if they are not there. */
  async get(key: string, make: () => Promise<Encoders>): Promise<Encoders> {
    const encoders = this.open.get(key) ?? (await make());
    this.open.delete(key);
    this.open.set(key, encoders);
    for (const [oldest, dropped] of this.open) {
      if (this.open.size <= this.limit) break;
      this.open.delete(oldest);
      await dropped.close();
    }
    return encoders;
  }
}
