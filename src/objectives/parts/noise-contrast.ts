import * as tf from '@tensorflow/tfjs-core';
import { allReduceMean } from '../../engine/ranks/collectives.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';

/** The normaliser Z of P(i) = exp(score_i)/Z over `candidates` rows, estimated from these scores (over ranks those of all): their mean exp times that number. */
export function normalizerOf(scores: tf.Tensor, candidates: number): tf.Scalar {
  return tf.mul(allReduceMean(tf.mean(tf.exp(stopGradient(scores)))), candidates) as tf.Scalar;
}

/**
 * Noise-contrastive estimation (Gutmann and Hyvärinen 2010) of P(i) = exp(score_i)/Z: of scores [B, 1 + K] the first is the
 * right one, the K others are noise, drawn evenly from `candidates` rows, Pn = 1/candidates. Loss, a mean over B:
 * -ln(P_0/(P_0 + K·Pn + ε)) - Σ_k ln(K·Pn/(P_k + K·Pn + ε)). Gradient flows to the scores, not to Z.
 */
export function noiseContrast(
  scores: tf.Tensor,
  {
    normalizer,
    candidates,
    eps,
  }: { readonly normalizer: tf.Scalar; readonly candidates: number; readonly eps: number },
): tf.Scalar {
  const [rows, columns] = scores.shape as [number, number];
  const noise = (columns - 1) / candidates;
  const logDensity = tf.sub(scores, tf.log(stopGradient(normalizer))); // [B, 1 + K]
  // ln(P + K·Pn + ε) less ln(K·Pn): small numbers for what is far away, so that thousands of them add up exactly enough.
  const evidence = tf.log1p(tf.div(tf.add(tf.exp(logDensity), eps), noise));
  const right = tf.sub(Math.log(noise), tf.mean(tf.slice(logDensity, [0, 0], [rows, 1])));
  return tf.add(tf.mean(tf.sum(evidence, 1)), right) as tf.Scalar;
}

/** The loss where all scores are equal and Z is theirs: what it is when nothing is learned. */
export function noiseContrastChance({
  negatives,
  candidates,
  eps,
}: {
  readonly negatives: number;
  readonly candidates: number;
  readonly eps: number;
}): number {
  return (negatives + 1) * Math.log(1 + negatives + candidates * eps) - negatives * Math.log(negatives);
}
