import { expect } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { compileRanks } from '../../src/engine/ranks/compile-ranks.ts';
import { isResident, type ResidentState } from '../../src/engine/resident-state.ts';
import type { Tree } from '../../src/engine/tree.ts';
import type { BatchNormScope } from '../../src/nn/batch-norm.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { sameOnAllRanks, trainStep } from '../../src/training/train-step.ts';
import { greatestDifference, stepsOn } from '../objectives/tiny-image-run.ts';

export type State = Tree<HostTensor>;

/** Steps over whole batches, and the same over the batches of each rank. */
export interface Given {
  readonly step: (batchNorm?: BatchNormScope) => Step;
  readonly state: State;
  readonly whole: readonly State[];
  readonly shares: ReadonlyArray<readonly State[]>;
}

/** Over how many ranks, and the number of the first sample: with others no value lies next to 0 where one did. */
export interface Shares {
  readonly ranks: number;
  readonly from?: number;
}

/** A rate at which a step moves far more than rounding does, and far less than what a ReLU may make of a value next to 0. */
export const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 1e-3, weightDecay: 5e-4 } as const;
const STEPS = [0, 1];

/**
 * A vision transformer of one block for a canvas of this size: with batch norms in heads alone a step is cut less often, and
 * compiled in a moment.
 */
export const smallVit = (width: number, height: number) => ({
  ...smallBlock,
  input: { width, height, colours: 'imagenet-rgb' },
});
/** The same without a canvas, as a teacher has it. */
export const smallBlock = {
  ...({ kind: 'vit', width: 8, depth: 1, heads: 2, patch: 4, positions: 'sine' } as const),
  batchNorm: { eps: 0.1, momentum: 0.1 },
};

/** Makes a batch of samples by number, for the step with this number. */
export type Collate = (numbers: readonly number[], draw: number) => State | Promise<State>;

/** The data of each step's whole batch and of its shares. */
export async function dataOf(batch: number, { ranks, from: begin = 0 }: Shares, collate: Collate) {
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const own = batch / ranks;
  const data: Array<{ readonly whole: State; readonly shares: readonly State[] }> = [];
  for (const draw of STEPS) {
    const shares: State[] = [];
    for (const r of numbers(0, ranks))
      shares.push(await collate(numbers(begin + r * own, begin + (r + 1) * own), draw));
    data.push({ whole: await collate(numbers(begin, begin + batch), draw), shares });
  }
  return data;
}

/** The steps of a run of pretraining, whose batches `collate` makes by a configuration with their own size. */
export async function onRun(
  config: RunConfig,
  given: Shares,
  collate: (config: RunConfig, ...which: Parameters<Collate>) => State | Promise<State>,
): Promise<Given> {
  const { batchSize } = config;
  const data = await dataOf(batchSize, given, (numbers, draw) =>
    collate({ ...config, batchSize: numbers.length }, numbers, draw),
  );
  const frames = (given.from ?? 0) + batchSize;
  const made = stepsOn(config, { frames, data: data.map(({ whole }) => whole) });
  return {
    step: (batchNorm) => trainStep(made.pretraining, made.groups, { batchNorm }),
    state: made.state,
    whole: made.batches,
    shares: data.map(({ shares }, i) => shares.map((share) => ({ ...made.batches[i], data: share }))),
  };
}

/** What the steps give, and the state after them. */
interface Course {
  readonly outputs: readonly State[];
  readonly state: State;
}

/** The steps over whole batches. */
async function inOnePiece({ step, state, whole }: Given): Promise<Course> {
  const compiled = await compile(step(), { state, batch: whole[0], threads: 1 });
  return course(compiled, state, whole);
}

/** The steps over as many ranks as there are shares of a batch. */
async function inPieces({ step, state, shares }: Given, batchNorm?: BatchNormScope): Promise<Course> {
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

/**
 * How far losses, metrics and all of the state but the optimizers' moments are apart on one rank and on several, and where. Throws
 * where no parameter moves: gradients would not be compared.
 */
export async function apartOver(given: Given, batchNorm?: BatchNormScope) {
  const [one, other] = [await inOnePiece(given), await inPieces(given, batchNorm)];
  const compared = ({ state: { optimizer: _, ...rest }, outputs }: Course): State =>
    ({ ...rest, outputs: { ...outputs } }) as unknown as State;
  const [before, after] = [given.state, one.state].map(({ params }) => params as State);
  if (greatestDifference(before, after).difference === 0) throw new Error('parameters stay as they are');
  return greatestDifference(compared(one), compared(other));
}

/** Fails where two steps over so many ranks are not what they are on one, to 10⁻⁶. */
export async function expectSameOver(
  ranks: number,
  givenOf: (shares: Shares) => Promise<Given>,
): Promise<void> {
  const differenceFrom = async (from: number) => apartOver(await givenOf({ ranks, from }));
  const bound = 1e-6;
  const first = await differenceFrom(0);
  // Rounding may put a value next to 0 on the other side of a ReLU, which no wrong factor does for one batch alone.
  const { path, difference } = first.difference < bound ? first : await differenceFrom(8);
  expect(difference, path).toBeLessThan(bound);
}
