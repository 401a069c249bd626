import * as tf from '@tensorflow/tfjs-core';
import { softCrossEntropy } from './cross-entropy.ts';

/**
 * The mean over assigned crops, and over all other crops, of the cross-entropy of the one's codes and the other's prediction,
 * softmax(scores/τ). Scores are [N, K] a crop, codes, which sum to one, those of the first crops. Gradient flows to the scores alone.
 */
export function swappedPrediction(
  scores: readonly tf.Tensor[],
  codes: readonly tf.Tensor[],
  temperature: number,
): tf.Scalar {
  const logits = scores.map((each) => tf.div(each, temperature));
  const terms = codes.flatMap((code, i) =>
    logits.filter((_, v) => v !== i).map((each) => softCrossEntropy(each, code)),
  );
  return tf.div(tf.addN(terms), terms.length) as tf.Scalar;
}
