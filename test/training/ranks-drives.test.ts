import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fusionSample } from '../../src/detection/fusion-sample.ts';
import { image3dSample } from '../../src/detection/image3d-sample.ts';
import { monorunSample } from '../../src/detection/monorun/monorun-sample.ts';
import { pointSample } from '../../src/detection/point-sample.ts';
import { Random } from '../../src/engine/random.ts';
import { ratesAt } from '../../src/nn/parameter-groups.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import {
  createDetector,
  type DetectionConfig,
  detectionGroups,
} from '../../src/training/detection/detection-config.ts';
import { detectionState } from '../../src/training/detection/finetune.ts';
import { trainStep } from '../../src/training/train-step.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';
import { frameWithCars } from '../detection/monorun/tiny-monorun.ts';
import { drawnDrives, writePictureDrives } from '../objectives/tiny-drive.ts';
import { tinyImageRun, tinyRegNetY, tinyView } from '../objectives/tiny-image-run.ts';
import { batchOfPairs, changed, pairView, syntheticFrame } from '../objectives/tiny-simipu.ts';
import { streetBatch } from '../objectives/tiny-street.ts';
import { sweepBatch, tinySweepRun } from '../objectives/tiny-sweeps.ts';
import { comparableRun } from '../objectives/tiny-training.ts';
import { tinyDetector } from './detection/tiny-detector.ts';
import {
  apartOver,
  dataOf,
  expectSameOver,
  type Given,
  onRun,
  type Shares,
  type State,
  sgd,
  smallVit,
} from './over-ranks.ts';

type Options = { readonly [option: string]: unknown };
type Sampler = (frame: ReturnType<typeof frameWithCars>, random: Random, config: never) => unknown;

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ranks-drives-'));
  const timesS = Array.from({ length: 12 }, (_, i) => 0.1 * i);
  await writePictureDrives(root, [{ timesS }, { timesS }]);
});

afterAll(() => rm(root, { recursive: true }));

/** A system on clips of pictures, in batches of four, which are of both drives. */
const clips = (preset: string, options: Options) => async (given: Shares) => {
  const changes = {
    batchSize: 4,
    optimizers: { image: sgd, heads: sgd },
    encoders: { image: smallVit(32, 16) },
  };
  const config = tinyImageRun(preset, options, changes as Partial<RunConfig>);
  const drawn = await drawnDrives(config, root);
  return onRun(config, given, (_, numbers, draw) =>
    drawn.batch(
      numbers.map((i) => (7 * i + 3 * draw) % drawn.frames),
      draw,
    ),
  );
};

/** A system on clips of sweeps, in batches of four. */
const sweeps = (preset: string, options: Options) => (given: Shares) =>
  onRun(
    tinySweepRun(preset, options, { batchSize: 4, optimizers: { points: sgd, heads: sgd } }),
    given,
    sweepBatch,
  );

/** A system on sweeps of streets, in batches of four. */
const streets = (preset: string, options: Options) => (given: Shares) =>
  onRun(
    tinySweepRun(preset, options, { batchSize: 4, optimizers: { points: sgd, heads: sgd } }),
    given,
    streetBatch,
  );

/** SimIPU on synthetic frames, in batches of four. */
function onPairs(given: Shares): Promise<Given> {
  // A higher temperature magnifies rounding less.
  const run = changed(comparableRun(), { simipu: { temperature: 0.5 } });
  const optimizers = { points: sgd, image: sgd, heads: sgd };
  return onRun({ ...run, batchSize: 4, optimizers }, given, (config, numbers, draw) =>
    batchOfPairs(
      createPretraining(config, numbers.length),
      numbers.map((i) => {
        const seed = `${draw}/${i}`;
        return drawPointPair(syntheticFrame(seed), Random.fromSeed(`sample ${seed}`), pairView(config));
      }),
    ),
  );
}

const samplers: { readonly [Detector in DetectionConfig['detector']]: Sampler } = {
  point3d: (frame, random, config) => pointSample(frame, random, { config, training: true }),
  image3d: (frame, random, config) => image3dSample(frame, random, { config, training: true }),
  fusion: (frame, random, config) => fusionSample(frame, random, { config, training: true }),
  monorun: (frame, random, config) => monorunSample(frame, random, { config, training: true }),
};

/** A detector on frames of which each has another number of cars, in batches of four. */
const cars =
  (name: DetectionConfig['detector'], settings: readonly string[] = []) =>
  async (given: Shares): Promise<Given> => {
    const optimizers = ['encoders', 'heads'].map((group) => `optimizers.${group}=${JSON.stringify(sgd)}`);
    const config = tinyDetector(name, ['batchSize=4', ...optimizers, ...settings]);
    const detector = createDetector(config);
    const groups = detectionGroups(config);
    const own = (config as unknown as { readonly [detector: string]: never })[name];
    const data = await dataOf(4, given, (numbers, draw) =>
      detector.collate(
        numbers.map((i) => {
          const { labels, ...frame } = frameWithCars(10 * draw + i);
          const some = { ...frame, labels: labels!.slice(0, i === 0 ? 2 : i % 2) };
          return samplers[name](some, Random.fromSeed(i), own) as never;
        }),
      ),
    );
    // Behind the warm-up, which begins at 0.
    const rates = { ...ratesAt(groups, config.schedule, { progress: 0.5, share: 0.5 }) };
    return {
      step: (batchNorm) => trainStep(detector, groups, { batchNorm, clip: { norm: 10, of: 'all' } }),
      state: detectionState(config),
      whole: data.map(({ whole }) => ({ data: whole, rates }) as State),
      shares: data.map(({ shares }) => shares.map((share) => ({ data: share, rates }) as State)),
    };
  };

/** A small pyramid, whose batch norms of few nearly equal values do not magnify rounding. */
const small = (name: string) => {
  const batchNorm = { eps: 0.1, momentum: 0.1 };
  const encoder = { kind: 'regnety', ...tinyRegNetY, batchNorm };
  return [
    `${name}.imageEncoder=${JSON.stringify(encoder)}`,
    `${name}.headBatchNorm=${JSON.stringify(batchNorm)}`,
  ];
};
const contrast = { view: tinyView, gapS: 0.1, deadZoneS: 0.35, dimensions: 6, temperature: 0.5 };
const order = { gapS: 0.1, view: tinyView, hidden: 5 };

const trained = {
  SimIPU: onPairs,
  'frame-contrast': clips('frame-contrast-small', { ...contrast, loss: 'contrast' }),
  'frame-contrast, a hinge': clips('frame-contrast-small', { ...contrast, loss: 'triplet', margin: 0.3 }),
  'random-walk': clips('random-walk-small', {
    view: { ...tinyView, width: 16, height: 8 },
    clip: { frames: 4, gapS: 0.1 },
    patches: { size: 8, stride: 4 },
    ...{ dimensions: 6, temperature: 0.3, shortest: 1, edgeDropout: 0.3 },
  }),
  'frame-order': clips('frame-order-small', {
    ...order,
    ...{ frames: 3, dimensions: 6, temperature: 0.5, headBatchNorm: { eps: 0.1, momentum: 0.1 } },
  }),
  'shuffle-learn': clips('shuffle-learn-small', { ...order, negatives: 0.5 }),
  'track-contrast': sweeps('track-contrast-small', {
    pairs: { most: 6, perPair: 3, segments: 'all' },
    ...{ groundShare: 1, hidden: 8, dimensions: 6, temperature: 0.5 },
  }),
  'bev-contrast': sweeps('bev-contrast-small', {
    ...{ head: [8], pairs: { cellM: 3, most: 10, perPair: 2 }, temperature: 0.5 },
  }),
  'pseudo-boxes': streets('pseudo-boxes-small', { candidateLevel: 0, head: [12] }),
  occupancy: streets('occupancy-small', { candidateLevel: 0, latent: 8, decoder: [8] }),
  point3d: cars('point3d'),
  image3d: cars('image3d', small('image3d')),
  fusion: cars('fusion', small('fusion')),
  MonoRUn: cars('monorun', [...small('monorun'), 'monorun.lossWeights.coordinates=1']),
};

describe('over ranks', { timeout: 180_000 }, () => {
  it.each([
    ['SimIPU', 2],
    ['frame-contrast', 2],
    ['frame-contrast, a hinge', 2],
    ['random-walk', 4],
    ['frame-order', 2],
    ['shuffle-learn', 4],
    ['track-contrast', 2],
    ['bev-contrast', 4],
    ['pseudo-boxes', 4],
    ['occupancy', 2],
    ['point3d', 4],
    ['image3d', 2],
    ['fusion', 2],
    ['MonoRUn', 4],
  ] as const)('%s computes on %d what it computes on one', (name, ranks) =>
    expectSameOver(ranks, trained[name]),
  );

  it('point3d does not where each rank normalises its own rows alone', async () => {
    const given = await trained.point3d({ ranks: 2 });
    expect((await apartOver(given, 'rank')).difference).toBeGreaterThan(1e-3);
  });
});
