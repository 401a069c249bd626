/** How many of a number of answers are right. */
export interface Accuracy {
  /** The share of right answers, 0 to 1. */
  readonly accuracy: number;
  /** √(p·(1 - p) / n): the standard deviation that the share has over draws of n test items. It is 0 where p is 0 or 1. */
  readonly standardError: number;
  /** The number of answers, n. */
  readonly count: number;
}

/** The accuracy of predicted classes; throws RangeError unless there are as many labels, at least one. */
export function accuracyOf(predictions: ArrayLike<number>, labels: ArrayLike<number>): Accuracy {
  const count = predictions.length;
  if (count === 0 || labels.length !== count) {
    throw new RangeError(`${count} predictions for ${labels.length} labels`);
  }
  let right = 0;
  for (let i = 0; i < count; i++) if (predictions[i] === labels[i]) right++;
  const accuracy = right / count;
  return { accuracy, standardError: Math.sqrt((accuracy * (1 - accuracy)) / count), count };
}

/** The column of the largest number of each row of `width` numbers; the first of equal ones. */
export function largestColumns(rows: Float64Array, width: number): Int32Array {
  const result = new Int32Array(rows.length / width);
  for (let i = 0; i < result.length; i++) {
    let best = 0;
    for (let j = 1; j < width; j++) if (rows[i * width + j] > rows[i * width + best]) best = j;
    result[i] = best;
  }
  return result;
}
