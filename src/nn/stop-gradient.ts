import * as tf from '@tensorflow/tfjs-core';

/**
 * The same values as a constant: a new handle on the data of `x` that no gradient passes.
 * The kernel is called past the tape, so that what leads to `x` only through here is pruned and not even evaluated
 * backwards; the backend counts the reference, so both handles are disposed of independently.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const square = ({ w }: { w: tf.Scalar }) => ({ loss: tf.mul(w, stopGradient(w)), aux: {} });
 * const { grads } = valueAndGrad(square, { w: tf.scalar(3) });
 * grads.get('w')?.arraySync(); // 3
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const engine = tf.engine();
  const identity = tf.getKernel(tf.Identity, tf.getBackend());
  if (identity == null) throw new Error(`backend '${tf.getBackend()}' has no kernel '${tf.Identity}'`);
  const copy = identity.kernelFunc({ inputs: { x }, backend: engine.backend, attrs: {} });
  return engine.makeTensorFromTensorInfo(copy as tf.TensorInfo) as T;
}
