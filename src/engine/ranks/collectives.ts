import * as tf from '@tensorflow/tfjs-core';
import '../tfjs-gradients.ts';
import { collectiveNames } from './collective-kernels.ts';

/**
 * Where ranks talk to one another in the code of a step. Every rank runs the same code on its own rows of the batch. The loss of
 * the whole is the mean over ranks of the ranks' losses, and the gradient of a parameter the mean of the ranks' gradients.
 *
 * So what is differentiated is the sum of the losses of all ranks, each with respect to the rank's own copy of the parameters, and
 * only the last step, the mean of the gradients, divides by the number of ranks. With g(v) the derivative of that sum with
 * respect to a rank's v: the gradient of a sum over ranks is the sum of the gradients, that of rows gathered is the own rows of the
 * sum of the gradients, and the other way round. No factor is anywhere but in `allReduceMean`.
 *
 * In a step that is captured for one rank all of these give what they are given, and add nothing to its graph.
 */

/** How a collective is run. */
export interface CollectiveOptions {
  /** For what only the end of the step needs, such as gradients: it travels with others of the kind, while the step goes on. */
  readonly late?: boolean;
}

let size = 1;

/** The number of ranks that the step is captured for; 1 outside of a capture. */
export function ranks(): number {
  return size;
}

/** Runs `body` with collectives that are over so many ranks. */
export function overRanks<Result>(count: number, body: () => Result): Result {
  const before = size;
  size = count;
  try {
    return body();
  } finally {
    size = before;
  }
}

/** The sum over ranks of x, of any shape, float32; its gradient is the sum of the gradients. */
export function allReduceSum<T extends tf.Tensor>(x: T, { late = false }: CollectiveOptions = {}): T {
  return size === 1 ? x : (tf.engine().runKernel(collectiveNames.sum, { x }, { late }) as T);
}

/** The mean over ranks of x, of any shape, float32; its gradient is the mean of the gradients. */
export function allReduceMean<T extends tf.Tensor>(x: T, options?: CollectiveOptions): T {
  return size === 1 ? x : tf.mul(allReduceSum(x, options), 1 / size);
}

/** Rows [b, …] of all ranks in their order: [N·b, …], float32 or int32; its gradient is the own rows of the gradients' sum. */
export function gatherRows<T extends tf.Tensor>(x: T, { late = false }: CollectiveOptions = {}): T {
  return size === 1 ? x : (tf.engine().runKernel(collectiveNames.gather, { x }, { late, size }) as T);
}

/** The own rows [b, …] of the sum over ranks of x [N·b, …]; its gradient is the gradients of all ranks, gathered. */
function ownRowsOfSum(x: tf.Tensor): tf.Tensor {
  return tf.engine().runKernel(collectiveNames.ownSum, { x }, { late: false, size }) as tf.Tensor;
}

/** The number of this rank among all, from 0, int32 []: 0 where there is one. */
export function rankNumber(): tf.Scalar {
  return size === 1
    ? tf.scalar(0, 'int32')
    : (tf.engine().runKernel(collectiveNames.number, {}) as tf.Scalar);
}

/** The number that the first of a rank's own `count` rows has among those that `gatherRows` gives, int32 []. */
export function firstOwnRow(count: number): tf.Scalar {
  return tf.mul(rankNumber(), tf.scalar(count, 'int32'));
}

/** The numbers that a rank's own `count` rows have among those that `gatherRows` gives, int32 [count]. */
export function ownNumbers(count: number): tf.Tensor {
  const numbers = tf.range(0, count, 1, 'int32');
  return size === 1 ? numbers : tf.add(numbers, firstOwnRow(count));
}

/**
 * A rank's own rows [b, …] of what `gatherRows` gave, or of what was drawn for the whole batch, [N·b, …]; those along another
 * axis where one is given.
 */
export function ownRows(all: tf.Tensor, axis = 0): tf.Tensor {
  return size === 1 ? all : tf.gather(all, ownNumbers(all.shape[axis] / size), axis);
}

/** 1 where a row of all ranks is a rank's own: for its `count` rows float32 [count, N·count], the identity on one rank. */
export function ownIdentity(count: number): tf.Tensor {
  return size === 1 ? tf.eye(count) : tf.oneHot(ownNumbers(count), count * size, 1, 0, 'float32');
}

/** The number of rows that count, 1 at least on all ranks together, as a mean over ranks; `count`, scalar, is that of this rank. */
export function meanCount(count: tf.Tensor): tf.Scalar {
  return tf.maximum(allReduceMean(count), 1 / size) as tf.Scalar;
}

/**
 * A weighted sum over own rows, divided by the number of rows that count on all ranks, 1 at least: so that the mean over ranks is
 * that of the whole batch. `count`, scalar, is the number of this rank's.
 */
export function overCount(sum: tf.Tensor, count: tf.Tensor): tf.Scalar {
  return tf.div(sum, meanCount(count)) as tf.Scalar;
}

tf.registerGradient({
  kernelName: collectiveNames.sum,
  gradFunc: (dy) => ({ x: () => allReduceSum(dy as tf.Tensor) }),
});
tf.registerGradient({
  kernelName: collectiveNames.gather,
  gradFunc: (dy) => ({ x: () => ownRowsOfSum(dy as tf.Tensor) }),
});
tf.registerGradient({
  kernelName: collectiveNames.ownSum,
  gradFunc: (dy) => ({ x: () => gatherRows(dy as tf.Tensor) }),
});
