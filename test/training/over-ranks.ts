import { pointSample } from '../../src/detection/point-sample.ts';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { compileRanks } from '../../src/engine/ranks/compile-ranks.ts';
import { isResident, type ResidentState } from '../../src/engine/resident-state.ts';
import type { Tree } from '../../src/engine/tree.ts';
import type { BatchNormScope } from '../../src/nn/batch-norm.ts';
import { initOptimizer, ratesAt } from '../../src/nn/parameter-groups.ts';
import { parameterGroups, type RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { createDetector, detectionGroups } from '../../src/training/detection/detection-config.ts';
import { detectionState } from '../../src/training/detection/finetune.ts';
import { sameOnAllRanks, trainStep } from '../../src/training/train-step.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';
import { frameWithCars } from '../detection/cars.ts';
import { firstSteps, imageBatch, stepsOn, tinyImageRun } from '../objectives/tiny-image-run.ts';
import { batchOfPairs, changed, pairView, syntheticFrame } from '../objectives/tiny-simipu.ts';
import { streetBatch } from '../objectives/tiny-street.ts';
import { tinySweepRun } from '../objectives/tiny-sweeps.ts';
import { comparableRun } from '../objectives/tiny-training.ts';
import { tinyDetector } from './detection/tiny-detector.ts';

type State = Tree<HostTensor>;

/** Steps over whole batches, and the same over the batches of each rank. */
export interface Given {
  readonly step: (batchNorm?: BatchNormScope) => Step;
  readonly state: State;
  readonly whole: readonly State[];
  readonly shares: ReadonlyArray<readonly State[]>;
}

/** A rate at which a step moves far more than rounding does, and far less than what a ReLU may make of a value next to 0. */
const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 1e-3, weightDecay: 5e-4 } as const;
const STEPS = [0, 1];

/** Over how many ranks, and the number of the first sample: with others no value lies next to 0 where one did. */
export interface Shares {
  readonly ranks: number;
  readonly from?: number;
}

/** The data of each step's whole batch and of its shares, where `collate` makes a batch of samples by number. */
function dataOf(
  batch: number,
  { ranks, from: begin = 0 }: Shares,
  collate: (numbers: readonly number[], draw: number) => State,
) {
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const own = batch / ranks;
  return STEPS.map((draw) => ({
    whole: collate(numbers(begin, begin + batch), draw),
    shares: numbers(0, ranks).map((r) => collate(numbers(begin + r * own, begin + (r + 1) * own), draw)),
  }));
}

/** A system on pictures of 8 pixels, in batches of eight. */
export function onPictures(
  preset: string,
  options: { readonly [option: string]: unknown },
  given: Shares,
): Given {
  const batchSize = 8;
  const config = tinyImageRun(preset, options, { batchSize, optimizers: { image: sgd, heads: sgd } });
  const { from = 0 } = given;
  const pictures = STEPS.map(() => Array.from({ length: batchSize }, (_, i) => from + i));
  const frames = from + batchSize;
  const { pretraining, groups, state, batches } = firstSteps(config, { frames, pictures });
  const data = dataOf(batchSize, given, (numbers, draw) =>
    imageBatch({ ...config, batchSize: numbers.length }, numbers, draw),
  );
  return {
    step: (batchNorm) => trainStep(pretraining, groups, { batchNorm }),
    state,
    whole: batches,
    shares: data.map(({ shares }, i) => shares.map((share) => ({ ...batches[i], data: share }))),
  };
}

/** A system on sweeps of streets, in batches of four. */
export function onStreets(
  preset: string,
  options: { readonly [option: string]: unknown },
  given: Shares,
): Given {
  const config = tinySweepRun(preset, options, { batchSize: 4, optimizers: { points: sgd, heads: sgd } });
  const data = dataOf(4, given, (numbers, draw) =>
    streetBatch({ ...config, batchSize: numbers.length }, numbers, draw),
  );
  const { pretraining, groups, state, batches } = stepsOn(config, {
    frames: 4,
    data: data.map(({ whole }) => whole),
  });
  return {
    step: (batchNorm) => trainStep(pretraining, groups, { batchNorm, clip: config.clip }),
    state,
    whole: batches,
    shares: data.map(({ shares }, i) => shares.map((share) => ({ ...batches[i], data: share }))),
  };
}

/** SimIPU on synthetic frames, in batches of four. */
export function onPairs(given: Shares): Given {
  // A higher temperature magnifies rounding less.
  const run = changed(comparableRun(), { simipu: { temperature: 0.5 } });
  const config: RunConfig = { ...run, batchSize: 4, optimizers: { points: sgd, image: sgd, heads: sgd } };
  const pretraining = createPretraining(config, 4);
  const groups = parameterGroups(config, pretraining.groups);
  const { params, stats } = pretraining.initialize(Random.fromSeed('start'), { frames: 0 });
  const data = dataOf(4, given, (numbers, draw) =>
    batchOfPairs(
      createPretraining(config, numbers.length),
      numbers.map((i) => {
        const seed = `${draw}/${i}`;
        return drawPointPair(syntheticFrame(seed), Random.fromSeed(`sample ${seed}`), pairView(config));
      }),
    ),
  );
  const rates = { ...ratesAt(groups, config.schedule, { progress: 0, share: 0 }) };
  return {
    step: (batchNorm) => trainStep(pretraining, groups, { batchNorm }),
    state: { params, stats, optimizer: initOptimizer(groups, params) },
    whole: data.map(({ whole }) => ({ data: whole, rates }) as State),
    shares: data.map(({ shares }) => shares.map((share) => ({ data: share, rates }) as State)),
  };
}

/** The detector over points on frames of which each has another number of cars, in batches of four. */
export function onCars(given: Shares): Given {
  const sgdJson = JSON.stringify(sgd);
  const config = tinyDetector('point3d', [
    'batchSize=4',
    `optimizers.encoders=${sgdJson}`,
    `optimizers.heads=${sgdJson}`,
  ]);
  if (config.detector !== 'point3d') throw new Error('another detector');
  const detector = createDetector(config);
  const groups = detectionGroups(config);
  const data = dataOf(4, given, (numbers, draw) =>
    detector.collate(
      numbers.map((i) => {
        const { labels, ...frame } = frameWithCars(10 * draw + i);
        const some = { ...frame, labels: labels!.slice(0, i === 0 ? 2 : i % 2) };
        return pointSample(some, Random.fromSeed(i), { config: config.point3d, training: true });
      }),
    ),
  );
  const rates = { ...ratesAt(groups, config.schedule, { progress: 0, share: 0 }) };
  return {
    step: (batchNorm) => trainStep(detector, groups, { batchNorm, clip: { norm: 10, of: 'all' } }),
    state: detectionState(config),
    whole: data.map(({ whole }) => ({ data: whole, rates }) as State),
    shares: data.map(({ shares }) => shares.map((share) => ({ data: share, rates }) as State)),
  };
}

/** What the steps give, and the state after them. */
export interface Course {
  readonly outputs: readonly State[];
  readonly state: State;
}

/** The steps over whole batches. */
export async function inOnePiece({ step, state, whole }: Given): Promise<Course> {
  const compiled = await compile(step(), { state, batch: whole[0], threads: 1 });
  return course(compiled, state, whole);
}

/** The steps over as many ranks as there are shares of a batch. */
export async function inPieces(
  { step, state, shares }: Given,
  { batchNorm }: { readonly batchNorm?: BatchNormScope } = {},
): Promise<Course> {
  const [[batch]] = shares;
  const pieces = shares[0].length;
  const options = { state, batch, sameBatch: sameOnAllRanks, pieces, threads: 1 };
  return course(await compileRanks(step(batchNorm), options), state, shares);
}

async function course<Batch>(
  compiled: {
    run(
      state: State | ResidentState,
      batch: Batch,
    ): Promise<{ readonly state: ResidentState; readonly outputs: State }>;
    dispose(): Promise<void>;
  },
  begin: State,
  batches: readonly Batch[],
): Promise<Course> {
  const outputs: State[] = [];
  let state: State | ResidentState = begin;
  for (const batch of batches) {
    const result = await compiled.run(state, batch);
    outputs.push(result.outputs);
    state = result.state;
  }
  const end = isResident(state) ? await state.read() : state;
  await compiled.dispose();
  return { outputs, state: end };
}
