import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../../encoders/trainable.ts';
import { type HostTensor, int32 } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import { ownRows } from '../../engine/ranks/collectives.ts';
import { leafAt } from '../../nn/layer.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';
import { firstCrossEntropy, firstIsHighest, labelCrossEntropy, labelIsHighest } from './cross-entropy.ts';
import { bankProducts } from './memory-bank.ts';
import { noiseContrast, noiseContrastChance, normalizerOf } from './noise-contrast.ts';

/** How pictures are told from the rows of a bank. */
export interface BankContrastOptions {
  /** Rows that each is told from, drawn evenly with replacement; 0: all of the bank. */
  readonly negatives: number;
  /** Against drawn rows: noise-contrastive estimation, or the softmax. Against all it is the softmax. */
  readonly by: 'noise' | 'softmax';
  readonly temperature: number;
  /** Added to the sums of densities of noise-contrastive estimation. */
  readonly eps: number;
}

/** The loss, how often the own row is the nearest, and where it was used, the normaliser Z of noise-contrastive estimation. */
interface BankContrast {
  readonly loss: tf.Scalar;
  readonly top1: tf.Scalar;
  readonly normalizer?: tf.Scalar;
}

/** Numbers that name drawn rows, modulo the rows of the bank all as likely as makes no difference: int32 [B, K]. */
export function drawnRows(
  random: Random,
  { batchSize, negatives }: { readonly batchSize: number; readonly negatives: number },
): HostTensor {
  const data = Int32Array.from({ length: batchSize * negatives }, () => random.uint32() >>> 1);
  return int32(data, [batchSize, negatives]);
}

/**
 * Rows x [B, D] of length one told from the rows of a `bank` [N, D]: the right one is named by `index` int32 [B], others by
 * the rows of `draws` [B, K], over ranks of the whole batch, one of which may be the right one (as released). `normalizer` is Z, 0 where it is yet to be estimated from this batch.
 * Gradient flows to x alone.
 */
export function bankContrast(
  x: tf.Tensor,
  given: {
    readonly bank: tf.Tensor;
    readonly index: tf.Tensor;
    readonly draws?: tf.Tensor;
    readonly normalizer?: tf.Tensor;
  },
  { by, temperature, eps }: Pick<BankContrastOptions, 'by' | 'temperature' | 'eps'>,
): BankContrast {
  const { index, draws, normalizer: known } = given;
  const bank = stopGradient(given.bank);
  if (draws === undefined) {
    const logits = tf.div(tf.matMul(x, bank, false, true), temperature); // [B, N]
    return { loss: labelCrossEntropy(logits, index), top1: labelIsHighest(logits, index) };
  }
  const [candidates] = bank.shape as [number];
  const own = tf.reshape(index, [-1, 1]);
  const drawn = tf.mod(ownRows(draws), tf.scalar(candidates, 'int32')); // [B, K]
  const scores = tf.div(bankProducts(bank, x, tf.concat([own, drawn], 1)), temperature); // [B, 1 + K]
  const [right, others] = tf.split(stopGradient(scores), [1, drawn.shape[1] as number], 1);
  const rivals = tf.where(tf.equal(drawn, own), tf.fill(drawn.shape, -1e9), others);
  const top1 = firstIsHighest(tf.concat([right, rivals], 1));
  if (by === 'softmax') return { loss: firstCrossEntropy(scores), top1 };
  const normalizer = tf.where(tf.greater(known!, 0), known!, normalizerOf(scores, candidates)) as tf.Scalar;
  return { loss: noiseContrast(scores, { normalizer, candidates, eps }), top1, normalizer };
}

/** The loss on a bank of so many rows where all are the same. */
export function bankContrastChance({ negatives, by, eps }: BankContrastOptions, candidates: number): number {
  if (negatives === 0) return Math.log(candidates);
  return by === 'softmax' ? Math.log(negatives + 1) : noiseContrastChance({ negatives, candidates, eps });
}

/** A leaf that a memory has under some options and not under others. */
export function leafIfAny(tree: Tensors, name: string): tf.Tensor | undefined {
  return name in tree ? leafAt(tree, name) : undefined;
}
