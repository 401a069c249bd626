import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { constant } from '../../nn/initializers.ts';
import { branchAt, type Initialized, leafAt } from '../../nn/layer.ts';
import { initLinear, linear } from '../../nn/linear.ts';
import { relu } from '../../nn/relu.ts';

type Tensors = Tree<tf.Tensor>;

/** Yaw, place and size of an object by PnP, and how sure PnP is of them. */
export interface PoseEvidence {
  /** rotation_y, radians, and the bottom's centre, metres, in the camera's frame (mirrored where the picture is). */
  readonly yaw: number;
  readonly translation: readonly [x: number, y: number, z: number];
  /** float64 [4·4] of yaw, x, y, z, as PnP has it. */
  readonly covariance: Float64Array;
  /** Length, height, width, metres. */
  readonly sizeM: readonly [length: number, height: number, width: number];
}

/** How many numbers the score head receives of a pose. */
export const EVIDENCE_VALUES = 17;
/** Standardised evidence is held to this many deviations, so that what was never seen does not carry the score away. */
const MOST_DEVIATIONS = 5;

/**
 * PnP counts the cells' errors as independent, which neighbours' are not: deviations come out some three to six times too
 * small (measured on KITTI frames that it was trained on). This is what they are multiplied by where nothing was learned.
 */
export const PLAIN_LOG_SCALES: readonly number[] = new Array(4).fill(Math.log(4));
/** Without a score head, a score falls to 1/e where the deviation of the depth is this, metres. */
const SCORE_DEVIATION_M = 2;

/** float32 [17]: yaw; x, y, z; logarithms of the four deviations; the six correlations; length, height, width. */
export function evidenceRow({ yaw, translation, covariance, sizeM }: PoseEvidence): Float32Array {
  const deviations = [0, 1, 2, 3].map((k) => Math.sqrt(Math.max(1e-12, covariance[5 * k])));
  const correlations: number[] = [];
  for (let i = 1; i < 4; i++)
    for (let j = 0; j < i; j++) correlations.push(covariance[4 * i + j] / (deviations[i] * deviations[j]));
  return Float32Array.from([yaw, ...translation, ...deviations.map(Math.log), ...correlations, ...sizeM]);
}

/** What the score head receives of a region: its object's pose, and the global head's first layer. */
export interface ScoreInput {
  readonly evidence: PoseEvidence;
  readonly features: Float32Array;
}

/** Evidence and features of regions as the score head takes them, filled up with zeros to a number of rows. */
export function scoreInputs(
  told: readonly ScoreInput[],
  rows: number,
): { readonly evidence: HostTensor; readonly features: HostTensor } {
  const width = told[0].features.length;
  const evidence = new Float32Array(rows * EVIDENCE_VALUES);
  const features = new Float32Array(rows * width);
  told.forEach((each, i) => {
    evidence.set(evidenceRow(each.evidence), i * EVIDENCE_VALUES);
    features.set(each.features, i * width);
  });
  return {
    evidence: float32(evidence, [rows, EVIDENCE_VALUES]),
    features: float32(features, [rows, width]),
  };
}

/** A covariance [4·4] whose deviations are multiplied by the exponentials of four numbers. */
export function calibrated(covariance: Float64Array, logScales: ArrayLike<number>): Float64Array {
  return covariance.map((value, i) => value * Math.exp(logScales[i >> 2] + logScales[i & 3]));
}

/** The score without a score head: the 2D score times exp(-σ/2 m), σ the deviation of the depth by a calibrated covariance. */
export function plainScore(score2d: number, covariance: Float64Array): number {
  return score2d * Math.exp(-Math.sqrt(Math.max(0, covariance[15])) / SCORE_DEVIATION_M);
}

/**
 * The score head (an MLP: evidence and the region's features each to the first width and added, a second layer, one number)
 * and the calibration of the covariance, `logScales` [4]. `stats` has the `mean` and `std` [17] that evidence is standardised by.
 */
export function initScoreHead(
  random: Random,
  { features, widths }: { readonly features: number; readonly widths: readonly [number, number] },
): Initialized {
  const [first, second] = widths;
  const params: { [name: string]: Tree<HostTensor> | HostTensor } = {
    evidence: initLinear(random.fork('evidence'), { inputs: EVIDENCE_VALUES, outputs: first }),
    region: initLinear(random.fork('region'), { inputs: features, outputs: first }),
    hidden: initLinear(random.fork('hidden'), { inputs: first, outputs: second }),
    said: initLinear(random.fork('said'), { inputs: second, outputs: 1 }),
    logScales: float32(Float32Array.from(PLAIN_LOG_SCALES), [4]),
  };
  return { params, stats: { mean: constant([EVIDENCE_VALUES], 0), std: constant([EVIDENCE_VALUES], 1) } };
}

/** Logits [N] of evidence [N, 17] and features of regions [N, F]. */
export function scoreLogits(
  params: Tensors,
  stats: Tensors,
  evidence: tf.Tensor,
  features: tf.Tensor,
): tf.Tensor {
  const standard = tf.div(tf.sub(evidence, leafAt(stats, 'mean')), leafAt(stats, 'std'));
  const held = tf.minimum(tf.maximum(standard, -MOST_DEVIATIONS), MOST_DEVIATIONS);
  const first = relu(
    tf.add(linear(branchAt(params, 'evidence'), held), linear(branchAt(params, 'region'), features)),
  );
  const second = relu(linear(branchAt(params, 'hidden'), first));
  return tf.reshape(linear(branchAt(params, 'said'), second), [-1]);
}
