import * as tf from '@tensorflow/tfjs-core';
import type { ModelTensors } from '../../detection/detector.ts';
import { binaryCrossEntropy } from '../../detection/losses.ts';
import { poseKl } from '../../detection/monorun/monorun-reprojection.ts';
import { initScoreHead, scoreInputs, scoreLogits } from '../../detection/monorun/monorun-score.ts';
import type { ScoreExample } from '../../detection/monorun/score-examples.ts';
import type { Learner } from '../../encoders/trainable.ts';
import { compile, type ResidentState } from '../../engine/compile.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import { isResident } from '../../engine/resident-state.ts';
import type { Tree } from '../../engine/tree.ts';
import { branchAt, leafAt } from '../../nn/layer.ts';
import { initOptimizer, learningRatesAt, type ParameterGroup } from '../../nn/parameter-groups.ts';
import { trainStep } from '../train-step.ts';
import { type CollectOptions, collectScoreExamples } from './collect-score-examples.ts';

/** A score head, and what it learned from. */
export interface LearnedScores {
  readonly head: ModelTensors;
  /** Regions that it learned from, and those of them that have something to be found. */
  readonly examples: number;
  readonly found: number;
  /** What the deviations of yaw, x, y, z are multiplied by. */
  readonly factors: readonly number[];
}

const ROWS = 128;
/** The covariance's loss counts this much beside the score's; they share no parameters. */
const CALIBRATION_WEIGHT = 0.01;
/** Deviations that evidence is standardised by are at least this. */
const LEAST_STD = 1e-3;

/**
 * Learns what a found object's score is to be from what the detector makes of frames with labels: of its own boxes and of the
 * labels' boxes, moved a little. Undefined where it was interrupted, or found nothing.
 */
export async function learnScores(options: CollectOptions): Promise<LearnedScores | undefined> {
  const { scoreHead } = options.config;
  const examples = await collectScoreExamples(options);
  if (options.signal?.aborted || examples.length === 0 || scoreHead === null) return undefined;
  return fitScoreHead(examples, { ...options, ...scoreHead });
}

/** Learns a score head from examples, at least one; undefined where it was interrupted. */
export async function fitScoreHead(
  examples: readonly ScoreExample[],
  options: Pick<CollectOptions, 'seed' | 'device' | 'threads' | 'signal'> & {
    readonly widths: readonly [number, number];
    readonly steps: number;
    readonly learningRate: number;
  },
): Promise<LearnedScores | undefined> {
  const { widths, steps, learningRate, signal } = options;
  const random = Random.fromSeed(options.seed).fork('scores');
  const features = examples[0].features.length;
  const { params, stats: unset } = initScoreHead(random, { features, widths });
  const stats = { ...unset, ...standardsOf(examples) };
  const groups: ParameterGroup[] = [
    // Four numbers that have a few hundred steps to find their place.
    {
      name: 'calibration',
      match: ['logScales'],
      optimizer: { kind: 'adamw' },
      learningRate: 0.02,
      weightDecay: 0,
    },
    { name: 'head', match: [''], optimizer: { kind: 'adamw' }, learningRate, weightDecay: 0.01 },
  ];
  let state: Tree<HostTensor> | ResidentState = { params, stats, optimizer: initOptimizer(groups, params) };
  const draw = exampleDrawer(examples, random.fork('batches'));
  const batchAt = (step: number) => ({
    data: collate(draw()),
    rates: { learningRates: learningRatesAt(groups, { kind: 'cosine', length: 1 }, step / steps) },
  });
  const { device, threads } = options;
  const compiled = await compile(trainStep({ loss: scoreLoss }, groups), {
    state: state as Tree<HostTensor>,
    batch: batchAt(0),
    device,
    threads,
  });
  try {
    for (let step = 0; step < steps && !signal?.aborted; step++)
      state = (await compiled.run(state, batchAt(step))).state;
    if (isResident(state)) state = await state.read();
  } finally {
    await compiled.dispose();
  }
  if (signal?.aborted) return undefined;
  const head = { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') };
  const factors = Array.from(leafAt(head.params, 'logScales').data, Math.exp);
  return { head, examples: examples.length, found: examples.filter(isFound).length, factors };
}

/** Binary cross-entropy of the scores, and the loss of the covariance's factors; a batch as `collate` makes it. */
const scoreLoss: Learner['loss'] = ({ params, stats }, batch) => {
  const at = (name: string) => leafAt(batch, name);
  const logits = scoreLogits(params, stats, at('evidence'), at('features'));
  const score = tf.mean(binaryCrossEntropy(logits, at('target'))) as tf.Scalar;
  const counted = at('counted');
  const kl = poseKl(at('errors'), at('precisions'), leafAt(params, 'logScales'));
  const calibration = tf.div(tf.sum(tf.mul(kl, counted)), tf.maximum(tf.sum(counted), 1)) as tf.Scalar;
  const terms = { score, calibration };
  return {
    loss: tf.add(score, tf.mul(calibration, CALIBRATION_WEIGHT)) as tf.Scalar,
    terms,
    metrics: {},
    stats,
  };
};

function collate(examples: readonly ScoreExample[]): Tree<HostTensor> {
  const rows = examples.length;
  const each = (width: number, value: (example: ScoreExample) => ArrayLike<number>) => {
    const values = new Float32Array(rows * width);
    examples.forEach((example, i) => {
      values.set(value(example), i * width);
    });
    return values;
  };
  return {
    ...scoreInputs(examples, rows),
    target: float32(
      each(1, ({ target }) => [target]),
      [rows],
    ),
    counted: float32(
      each(1, ({ error }) => [error === undefined ? 0 : 1]),
      [rows],
    ),
    errors: float32(
      each(4, ({ error }) => error ?? [0, 0, 0, 0]),
      [rows, 4],
    ),
    precisions: float32(
      each(16, ({ precision }) => precision ?? new Float32Array(16)),
      [rows, 4, 4],
    ),
  };
}

const isFound = ({ target }: ScoreExample) => target > 0;

/** Draws batches, half of them of what was found and half of what was not, where there is both. */
function exampleDrawer(examples: readonly ScoreExample[], random: Random): () => ScoreExample[] {
  const [found, missed] = [examples.filter(isFound), examples.filter((example) => !isFound(example))];
  const sides = [found, missed].filter((side) => side.length > 0);
  return () =>
    Array.from({ length: ROWS }, (_, i) => {
      const side = sides[i % sides.length];
      return side[random.integer(side.length)];
    });
}

/** Means and deviations of the evidence. */
function standardsOf(examples: readonly ScoreExample[]): { mean: HostTensor; std: HostTensor } {
  const { evidence } = scoreInputs(examples, examples.length);
  const [rows, width] = evidence.shape;
  const column = (k: number) => Array.from({ length: rows }, (_, i) => evidence.data[i * width + k]);
  const mean = Float32Array.from({ length: width }, (_, k) => column(k).reduce((a, b) => a + b, 0) / rows);
  const std = Float32Array.from({ length: width }, (_, k) =>
    Math.max(LEAST_STD, Math.sqrt(column(k).reduce((sum, v) => sum + (v - mean[k]) ** 2, 0) / rows)),
  );
  return { mean: float32(mean, [width]), std: float32(std, [width]) };
}
