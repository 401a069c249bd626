import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { initEncoders } from '../../encoders/encoders.ts';
import type { Device } from '../../engine/device.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import {
  encoderState,
  pictureFeatures,
  pictureStatistics,
  placeFeatures,
  sweepStatistics,
  withBatchStatistics,
} from '../../evaluation/frozen-features.ts';
import { type MeasureOptions, meanMeasures, measureFeatures } from '../../evaluation/measure-features.ts';
import type { ProbeMeasures, ProbeReport } from '../../evaluation/probe-report.ts';
import { featureSpread } from '../../evaluation/probes/effective-rank.ts';
import { type Features, type LabelledFeatures, selectRows } from '../../evaluation/probes/features.ts';
import { patchFeatures, randomPatchFilters } from '../../evaluation/probes/patch-features.ts';
import { pixelFeatures } from '../../evaluation/probes/pixel-features.ts';
import { branchAt, branchOrNone } from '../../nn/layer.ts';
import type { EncoderRun } from '../run/encoder-run.ts';
import type { ProgressStream } from '../run/progress.ts';
import { cachedFeatures, featureKey } from './feature-cache.ts';
import { finetuneFractions } from './finetune-pictures.ts';
import { canvasBatch, loadPictures, loadPlaces, type ProbedItems } from './probed-items.ts';

/** What to probe, on what, and how. */
export interface ProbeOptions {
  readonly run: EncoderRun;
  /** The run's folder, where features are kept. */
  readonly folder: string;
  /** Pictures by class, alone or as `train` and `test` (or `val`); for points a data set with labels and lists of that name. */
  readonly data: string;
  /** The camera of data that has several; the data set's first by default. */
  readonly camera?: string;
  /** Which encoder; the image encoder where the run has one. */
  readonly encoder?: 'image' | 'points';
  readonly k: number;
  readonly temperature: number;
  /** Encoders with random weights to compare with; 0 leaves them out. */
  readonly randomSeeds: number;
  /** Whether random patches are measured as well, which takes longer than a small encoder. */
  readonly patches: boolean;
  /** Shares of the labels to train the whole network on. */
  readonly finetune: readonly number[];
  readonly finetuneSteps: number;
  /** Layers of the run's projection head that fine-tuning keeps, 0 by default: SimCLR v2 keeps the first of three. */
  readonly finetuneLayer?: number;
  /**
   * Whether what was fine-tuned teaches the run's encoder on all pictures without labels: steps, and what divides logits; or
   * that of another run, its student.
   */
  readonly distil?: {
    readonly steps: number;
    readonly temperature: number;
    readonly student?: { readonly run: EncoderRun; readonly folder: string };
  };
  /** The folder that keeps what is trained, a run each, which go on where they were stopped; absent, it is removed. */
  readonly keep?: string;
  readonly strict?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Where the progress of trainings goes; stderr. */
  readonly stream?: ProgressStream;
  readonly say: (line: string) => void;
}

/** The items of the training and of the test split; without a test split only leaving one out is measured. */
interface Splits {
  readonly training: ProbedItems;
  readonly test: ProbedItems | undefined;
}

/**
 * What the frozen encoder of a run is worth on labelled items, beside encoders with random weights and what needs no network.
 * Features are computed once and kept in the run's folder.
 * Throws an InputError where the run has no such encoder, or the data no labels.
 */
export async function probeRun(options: ProbeOptions): Promise<ProbeReport> {
  const { run, say, k, temperature, randomSeeds } = options;
  const { encoders } = run.config;
  const which = options.encoder ?? (encoders.image === undefined ? 'points' : 'image');
  if (encoders[which] === undefined) {
    const found = Object.keys(encoders).join(', ');
    throw new InputError({ file: options.folder, expected: `an encoder of ${which}`, found });
  }
  const splits = await splitsOf(options, which);
  if (options.finetune.length > 0 && (which !== 'image' || splits.test === undefined)) {
    const expected = 'an image encoder, and data with train and test (or val), to fine-tune';
    throw new InputError({
      file: options.data,
      expected,
      found: which === 'image' ? 'no test split' : which,
    });
  }
  const measured: MeasureOptions = { k, temperature, classifier: 'logistic' };
  const measure = async (name: string, state: Tree<HostTensor>) => {
    say(`features of ${name}`);
    const training = await featuresOf(splits.training, state, which, options);
    const test = splits.test && (await featuresOf(splits.test, state, which, options));
    return { ...measureFeatures({ training, test }, measured), spread: featureSpread(training) };
  };

  const part = which === 'image' ? 'imageEncoder' : 'pointEncoder';
  const trained = await measure('the run', encoderState(modelOf(run.state), part));
  const random = [];
  for (let seed = 1; seed <= randomSeeds; seed++) {
    const other = initEncoders(
      Random.fromSeed(run.config.seed + 1000 * seed).fork('initialize'),
      run.config.encoders,
    );
    const state = await settled(encoderState(other, part), splits.training, which, options);
    random.push(await measure(`random encoder ${seed}`, state));
  }
  const { images } = splits.training;
  const baselines = images === undefined ? undefined : { images, test: splits.test?.images };
  const rawPixels =
    baselines && withoutNetwork(splits, baselines, pixelFeatures, { ...measured, classifier: undefined });
  const randomPatches =
    options.patches && baselines !== undefined ? measurePatches(splits, baselines, measured, say) : null;
  const finetune =
    options.finetune.length > 0 && splits.test !== undefined
      ? await finetuneFractions({ ...options, training: splits.training, test: splits.test })
      : [];
  const { measures, standardError, spread } = trained;
  return {
    ...measures,
    standardError,
    randomEncoder:
      random.length === 0
        ? null
        : (({ mean, std }) => ({
            ...mean,
            seeds: random.length,
            std,
            effectiveRank: random.reduce((sum, each) => sum + each.spread.effectiveRank, 0) / random.length,
          }))(meanMeasures(random.map((each) => each.measures))),
    rawPixels: rawPixels ?? null,
    randomPatches,
    finetune,
    effectiveRank: spread.effectiveRank,
    largestRank: spread.largestRank,
    collapse: spread.collapse,
    collapseSentence: spread.sentence,
    setting: {
      run: options.folder,
      step: run.step,
      data: options.data,
      encoder: which,
      classes: [...splits.training.classes],
      training: splits.training.labels.length,
      test: splits.test?.labels.length ?? 0,
      k,
      temperature,
      metric: 'cosine',
    },
  };
}

function modelOf(state: Tree<HostTensor>) {
  return { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
}

/** The labelled items of a data set: its `train`, and `test` or `val` where it has one; else all of it. */
async function splitsOf(options: ProbeOptions, which: 'image' | 'points'): Promise<Splits> {
  const { data: root, camera, strict, say, run } = options;
  const { image, points } = run.config.encoders;
  const load = (imageSet?: string) => {
    const data = { root, camera, strict, imageSet };
    return which === 'image' ? loadPictures(image!, data, { say }) : loadPlaces(points!, data, { say });
  };
  if (!(await hasSplit(root, 'train'))) {
    say(`${root} has no split train: only leave-one-out is measured`);
    return { training: await load(), test: undefined };
  }
  const training = await load('train');
  for (const name of ['test', 'val']) {
    if (await hasSplit(root, name))
      return { training, test: withClassesOf(await load(name), training, root) };
  }
  say(`${root} has neither test nor val: only leave-one-out is measured`);
  return { training, test: undefined };
}

/** Whether a data set has a split of that name: a folder of pictures, or a list of frames. */
async function hasSplit(root: string, name: string): Promise<boolean> {
  const places = [join(root, name), join(root, 'ImageSets', `${name}.txt`)];
  const found = await Promise.all(
    places.map((place) =>
      stat(place).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/** The items with the class numbers of others; a class that those lack is an InputError. */
function withClassesOf(items: ProbedItems, { classes }: ProbedItems, root: string): ProbedItems {
  const numbers = items.classes.map((name) => classes.indexOf(name));
  const unknown = items.classes.find((_, i) => numbers[i] < 0);
  if (unknown !== undefined) {
    throw new InputError({
      file: root,
      place: 'test',
      expected: `classes of train: ${classes.join(', ')}`,
      found: unknown,
    });
  }
  return { ...items, classes, labels: items.labels.map((label) => numbers[label]) };
}

/** The features of items through an encoder; computed once and kept in the run's folder. */
async function featuresOf(
  items: ProbedItems,
  state: Tree<HostTensor>,
  which: 'image' | 'points',
  { run, folder, device, threads }: ProbeOptions,
): Promise<LabelledFeatures> {
  const { image, points } = run.config.encoders;
  const key = featureKey(state, which, run.config.encoders[which], items.content, device ?? 'cpu');
  const how = { device, threads };
  const rows = await cachedFeatures(folder, key, () =>
    which === 'image'
      ? pictureFeatures(image!, state, items.batches(), how)
      : placeFeatures(points!, state, items.batches(), how),
  );
  return labelled(rows, items);
}

function labelled(features: Features, { labels, classes, rowsOfItems }: ProbedItems): LabelledFeatures {
  if (rowsOfItems === undefined) return { ...features, labels, classes: classes.length };
  const nothing = new Int32Array(features.count);
  const chosen = selectRows({ ...features, labels: nothing, classes: 1 }, rowsOfItems);
  return { ...chosen, labels, classes: classes.length };
}

/** An untrained encoder with the statistics of a batch of the training items. */
async function settled(
  state: Tree<HostTensor>,
  items: ProbedItems,
  which: 'image' | 'points',
  { run, device, threads }: ProbeOptions,
): Promise<Tree<HostTensor>> {
  const { image, points } = run.config.encoders;
  const how = { device, threads };
  if (which === 'image') {
    const inputs = spreadBatch(items, 256, image!);
    return withBatchStatistics(pictureStatistics(image!), state, inputs, how);
  }
  for await (const { inputs } of items.batches().batches)
    return withBatchStatistics(sweepStatistics(points!), state, inputs, how);
  throw new Error('no batch');
}

/** So many pictures from all over the split. */
function spreadBatch({ images }: ProbedItems, count: number, encoder: Parameters<typeof canvasBatch>[1]) {
  const order = Random.fromSeed('probe statistics').permutation(images!.length);
  const chosen = Array.from({ length: count }, (_, i) => images![order[i % order.length]]);
  return canvasBatch(chosen, encoder, { begin: 0, count });
}

type Images = NonNullable<ProbedItems['images']>;

/** What features of pictures are worth that no network makes. */
function withoutNetwork(
  { training, test }: Splits,
  pictures: { readonly images: Images; readonly test: Images | undefined },
  features: (images: Images) => Features,
  options: MeasureOptions,
): ProbeMeasures {
  const of = (images: Images, items: ProbedItems) => labelled(features(images), items);
  return measureFeatures(
    { training: of(pictures.images, training), test: test && of(pictures.test!, test) },
    options,
  ).measures;
}

function measurePatches(
  splits: Splits,
  pictures: { readonly images: Images; readonly test: Images | undefined },
  options: MeasureOptions,
  say: (line: string) => void,
): ProbeMeasures {
  say('features of random patches');
  const filters = randomPatchFilters(pictures.images, { random: Random.fromSeed(0) });
  // Its 1,600 columns take logistic regression minutes, and the closed form gives as much.
  const measured: MeasureOptions = { ...options, classifier: 'ridge' };
  return withoutNetwork(splits, pictures, (images) => patchFeatures(images, filters), measured);
}
