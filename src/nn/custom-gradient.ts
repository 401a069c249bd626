import * as tf from '@tensorflow/tfjs-core';

/**
 * The value of `forward`, with `backward` as its gradient instead of what tfjs would derive.
 * `backward` is given the gradient of the value and the tensors that `forward` saved; it gives one gradient for each
 * input, new tensors each. It must use no other tensor made during the forward pass: those are gone by then.
 */
export function withGradient(
  inputs: readonly tf.Tensor[],
  forward: () => { readonly value: tf.Tensor; readonly saved: readonly tf.Tensor[] },
  backward: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  return tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, saved } = forward();
    save([...saved]);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => backward(dy, kept) };
  })(...inputs);
}
