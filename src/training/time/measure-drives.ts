import type { DataSelection } from '../../datasets/data-selection.ts';
import { type Frames, type Need, openFrames } from '../../datasets/open-frames.ts';
import type { Device } from '../../engine/device.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { type AssociationMeasure, measureAssociation } from '../../evaluation/association.ts';
import {
  byConstantVelocity,
  byEgoMotion,
  byFollowing,
  byNearestNeighbor,
  byStaying,
} from '../../evaluation/association-baselines.ts';
import {
  adjacentFrameRetrieval,
  type FoundShare,
  sameTrackRetrieval,
} from '../../evaluation/frame-order-measures.ts';
import {
  encoderState,
  pictureBatch,
  pictureFeatures,
  pictureStatistics,
  placeFeatures,
  sweepStatistics,
  withBatchStatistics,
} from '../../evaluation/frozen-features.ts';
import type { Features } from '../../evaluation/probes/features.ts';
import { pointInBox } from '../../geometry/box.ts';
import { normalizeImage } from '../../image/normalize-image.ts';
import { branchAt, branchOrNone } from '../../nn/layer.ts';
import type { Sweep } from '../../pointcloud/segments/sweep.ts';
import { normalizationOf } from '../../views/canvas.ts';
import { drawPicture } from '../../views/draw-image-views.ts';
import type { PointView } from '../../views/point-view.ts';
import { stackPointViews } from '../../views/stack-points.ts';
import { initialState } from '../pretrain.ts';
import type { TrainedRun } from '../run/model-state.ts';
import { type DriveLabels, type DrivePairs, driveLabels, drivePairs, stepsIn } from './drive-pairs.ts';
import { type DriveMoment, driveMoments, placesOfSweep } from './drive-places.ts';
import { measureOrder, type OrderReport } from './measure-order.ts';
import { byFeatures, type PlacesWithFeatures, withoutFeatures } from './place-predictor.ts';

/** What is measured of drives, and how. */
export interface DriveMeasureOptions {
  readonly run: TrainedRun;
  readonly data: DataSelection;
  /** The time between the two moments that are compared, seconds. */
  readonly gapS: number;
  /** Encoders with random weights to compare with. */
  readonly randomSeeds: number;
  readonly device?: Device;
  readonly threads?: number;
  readonly say: (line: string) => void;
}

/** What features are worth: which frame is near in time, which object is the same, where points have gone. Null where there is nothing to measure it on. */
export interface DriveMeasures {
  readonly adjacentFrames: FoundShare;
  readonly sameTrack: FoundShare | null;
  readonly association: AssociationMeasure | null;
  /** The same by likeness and distance together. */
  readonly associationWithDistance: AssociationMeasure | null;
}

/** One encoder's measures, those of random ones, and those of the raw numbers where they are compared. */
export interface EncoderMeasures {
  readonly trained: DriveMeasures;
  readonly random: readonly DriveMeasures[];
  readonly raw: DriveMeasures | null;
}

/** The measures of a run's encoders on drives, beside encoders with random weights and what needs no network. */
export interface DriveReport {
  readonly data: string;
  readonly drives: number;
  readonly moments: number;
  readonly gapS: number;
  readonly points: EncoderMeasures | null;
  readonly image: EncoderMeasures | null;
  /** Where points have gone by rules alone; null without tracks or sweeps. */
  readonly rules: { readonly [rule: string]: AssociationMeasure } | null;
  /** How well the run puts shuffled frames in order; null where it has not learned to. */
  readonly order: OrderReport | null;
}

/** Things faster than this are not followed, m/s: the cars of a town. */
const FASTEST_MPS = 20;
/** A cosine of 0 counts as much as the farthest that the fastest can have gone. */
const DISTANCE_WEIGHT = 1;
/** Objects of a class are as far as each other within this, metres. */
const RANGE_M = 5;
/** How many pictures or sweeps are encoded at once, and give a random encoder its statistics. */
const BATCH = 16;

/**
 * Measures what a run's encoders know of time on drives: how often the frame at the gap is the most alike of its drive, how often
 * the same object is among others of its class and range, and how far points are from where features say that they have
 * gone. Throws an InputError for data without drives that have times and poses.
 */
export async function measureDrives(options: DriveMeasureOptions): Promise<DriveReport> {
  const { run, data, gapS, say } = options;
  const { image, points } = run.config.encoders;
  const needs: Need[] = [...(image ? ['image' as const] : []), ...(points ? ['points' as const] : [])];
  const frames = await openFrames(data, needs);
  const moments = driveMoments(frames, data.root);
  const labels = await driveLabels(frames, moments);
  const drives = new Set(moments.map(({ drive }) => drive)).size;
  say(`${moments.length} moments of ${drives} drives${labels === undefined ? ', without tracks' : ''}`);
  const pairs = points && labels && (await drivePairs(frames, moments, { labels, gapS }));
  const given = { frames, moments, labels, pairs };
  return {
    data: data.root,
    drives,
    moments: moments.length,
    gapS,
    points: points ? await measureSweeps(given, options) : null,
    image: image ? await measurePictures(given, options) : null,
    rules: pairs ? byRules(pairs) : null,
    order: await measureOrder(options),
  };
}

/** What needs no network. */
function byRules({ queries }: DrivePairs): NonNullable<DriveReport['rules']> {
  const rules = {
    'stays before the car': byStaying,
    'ego motion': byEgoMotion,
    'ego motion and nearest point': byNearestNeighbor,
    'nearest cluster, one to one': byFeatures(withoutFeatures, {
      fastestMps: FASTEST_MPS,
      distanceWeight: Infinity,
    }),
    'constant velocity': byConstantVelocity(),
    'followed without labels': byFollowing(),
  };
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [name, measureAssociation(queries, rule)]),
  );
}

interface Given {
  readonly frames: Frames;
  readonly moments: readonly DriveMoment[];
  readonly labels: DriveLabels | undefined;
  readonly pairs: DrivePairs | undefined;
}

async function measureSweeps(
  { frames, moments, labels, pairs }: Given,
  options: DriveMeasureOptions,
): Promise<EncoderMeasures> {
  const encoder = options.run.config.encoders.points!;
  const views: PointView[] = [];
  for (const { index } of moments)
    views.push(placesOfSweep(await frames.sweep!(index), encoder, frames.ids[index]));
  const inputs = views.map((view) => stackPointViews([view], encoder));
  const perView = encoder.levels[encoder.levels.length - 1].points;
  const viewOf = new Map(moments.map((moment, i) => [moment, i]));
  const measure = async (state: Tree<HostTensor>): Promise<DriveMeasures> => {
    const batches = (async function* () {
      for (const each of inputs) yield { inputs: each, rows: perView };
    })();
    const count = views.length * perView;
    const { rows, width } = await placeFeatures(encoder, state, { count, batches }, options);
    const featuresOf = (view: number) => rows.subarray(view * perView * width, (view + 1) * perView * width);
    const means = views.map((_, view) => meanOf(featuresOf(view), width, () => true)!);
    const placesOf = (sweep: Sweep): PlacesWithFeatures => {
      const view = viewOf.get(pairs!.momentOf.get(sweep)!)!;
      return { places: views[view].centers, features: featuresOf(view) };
    };
    const associated = (distanceWeight: number) => {
      const predictor = byFeatures(placesOf, { fastestMps: FASTEST_MPS, distanceWeight });
      return pairs ? measureAssociation(pairs.queries, predictor) : null;
    };
    return {
      adjacentFrames: adjacentFrames(means, moments, options.gapS),
      sameTrack: labels ? sameTracks({ moments, labels, views, featuresOf, width }) : null,
      association: associated(0),
      associationWithDistance: associated(DISTANCE_WEIGHT),
    };
  };
  const statistics = { of: sweepStatistics(encoder), batch: stackPointViews(views.slice(0, BATCH), encoder) };
  return { ...(await measureAll('pointEncoder', measure, { ...options, statistics })), raw: null };
}

async function measurePictures(
  { frames, moments }: Given,
  options: DriveMeasureOptions,
): Promise<EncoderMeasures> {
  const encoder = options.run.config.encoders.image!;
  const { width, height } = encoder.input;
  const canvases: Float32Array[] = [];
  for (const { index } of moments) {
    const picture = await frames.picture(index);
    const [drawn] = drawPicture(picture, { kind: 'picture', width, height }, Random.fromSeed('measure'));
    canvases.push(normalizeImage(drawn.image, normalizationOf(encoder.input)));
  }
  const batchAt = (begin: number) =>
    pictureBatch(
      // After the last one it begins anew, so that every batch is full.
      Array.from({ length: BATCH }, (_, i) => canvases[(begin + i) % canvases.length]),
      encoder,
    );
  const measureRows = (rows: readonly Float32Array[]): DriveMeasures => ({
    adjacentFrames: adjacentFrames(rows, moments, options.gapS),
    sameTrack: null,
    association: null,
    associationWithDistance: null,
  });
  const measure = async (state: Tree<HostTensor>) => {
    const batches = (async function* () {
      for (let begin = 0; begin < canvases.length; begin += BATCH)
        yield { inputs: batchAt(begin), rows: Math.min(BATCH, canvases.length - begin) };
    })();
    return measureRows(
      rowsOf(await pictureFeatures(encoder, state, { count: canvases.length, batches }, options)),
    );
  };
  const statistics = { of: pictureStatistics(encoder), batch: batchAt(0) };
  return {
    ...(await measureAll('imageEncoder', measure, { ...options, statistics })),
    raw: measureRows(canvases),
  };
}

/** Measures the run's encoder, then random ones, which take their statistics from a batch. */
async function measureAll(
  part: 'imageEncoder' | 'pointEncoder',
  measure: (state: Tree<HostTensor>) => Promise<DriveMeasures>,
  options: DriveMeasureOptions & {
    readonly statistics: {
      readonly of: Parameters<typeof withBatchStatistics>[0];
      readonly batch: Tree<HostTensor>;
    };
  },
): Promise<Pick<EncoderMeasures, 'trained' | 'random'>> {
  const { run, randomSeeds, say, statistics } = options;
  const own = (state: Tree<HostTensor>) =>
    encoderState({ params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') }, part);
  say(`features of the run's ${part}`);
  const trained = await measure(own(run.state));
  const random: DriveMeasures[] = [];
  for (let seed = 1; seed <= randomSeeds; seed++) {
    say(`features of random ${part} ${seed}`);
    const begun = own(initialState({ ...run.config, seed: run.config.seed + 1000 * seed }, { frames: 1 }));
    random.push(await measure(await withBatchStatistics(statistics.of, begun, statistics.batch, options)));
  }
  return { trained, random };
}

function adjacentFrames(
  rows: readonly Float32Array[],
  moments: readonly DriveMoment[],
  gapS: number,
): FoundShare {
  const gap = stepsIn(
    moments.filter(({ drive }) => drive === moments[0].drive),
    gapS,
  );
  return adjacentFrameRetrieval(
    {
      features: joined(rows),
      width: rows[0].length,
      drives: moments.map(({ drive }) => drive),
      frames: moments.map(({ number }) => number),
    },
    { gap },
  );
}

/** How often an object is the most alike to itself at another moment; its feature is the mean of the places in its box. */
function sameTracks({
  moments,
  labels,
  views,
  featuresOf,
  width,
}: {
  readonly moments: readonly DriveMoment[];
  readonly labels: DriveLabels;
  readonly views: readonly PointView[];
  readonly featuresOf: (view: number) => Float32Array;
  readonly width: number;
}): FoundShare | null {
  const rows: Float32Array[] = [];
  const tracks: string[] = [];
  const classes: string[] = [];
  const rangesM: number[] = [];
  moments.forEach((moment, view) => {
    const { centers } = views[view];
    for (const { type, box3, trackId } of labels.get(moment) ?? []) {
      if (box3 === undefined || trackId === undefined) continue;
      const isInside = (place: number) =>
        pointInBox(box3, centers[3 * place], centers[3 * place + 1], centers[3 * place + 2]);
      const mean = meanOf(featuresOf(view), width, isInside);
      if (mean === undefined) continue;
      rows.push(mean);
      tracks.push(`${moment.drive}/${trackId}`);
      classes.push(type);
      rangesM.push(Math.hypot(box3.center[0], box3.center[1]));
    }
  });
  if (rows.length === 0) return null;
  return sameTrackRetrieval({ features: joined(rows), width, tracks, classes, rangesM }, { rangeM: RANGE_M });
}

/** The mean of the rows that are taken; undefined where none is. */
function meanOf(
  rows: Float32Array,
  width: number,
  isTaken: (row: number) => boolean,
): Float32Array | undefined {
  const sum = new Float64Array(width);
  let count = 0;
  for (let row = 0; row < rows.length / width; row++) {
    if (!isTaken(row)) continue;
    count++;
    for (let k = 0; k < width; k++) sum[k] += rows[row * width + k];
  }
  return count === 0 ? undefined : Float32Array.from(sum, (value) => value / count);
}

function rowsOf({ rows, count, width }: Features): Float32Array[] {
  return Array.from({ length: count }, (_, i) => rows.subarray(i * width, (i + 1) * width));
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    all.set(row, i * row.length);
  });
  return all;
}
