import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { type AdamWOptions, adamW, initAdamW } from './adamw.ts';
import { initLars, type LarsOptions, lars } from './lars.ts';
import type { Hyperparameters, Updated } from './moments.ts';
import { initSgd, type SgdOptions, sgd } from './sgd.ts';

/** An optimizer as plain data. */
export type OptimizerOptions =
  | ({ readonly kind: 'sgd' } & SgdOptions)
  | ({ readonly kind: 'adamw' } & AdamWOptions)
  | ({ readonly kind: 'lars' } & LarsOptions);

/** What the optimizer remembers before its first step. */
export function initState(options: OptimizerOptions, params: Tree<HostTensor>): Tree<HostTensor> {
  switch (options.kind) {
    case 'sgd':
      return initSgd(params);
    case 'adamw':
      return initAdamW(params);
    case 'lars':
      return initLars(params);
  }
}

/**
 * One step. Parameters without a gradient in `grads` (by path) stay as they are, weight decay included.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const params = { w: tf.scalar(1) };
 * const hyper = { learningRate: tf.scalar(0.1), weightDecay: 0 };
 * const grads = new Map([['w', tf.scalar(2)]]);
 * const next = update({ kind: 'sgd', momentum: 0.9 }, params, grads, { momentum: { w: tf.scalar(0) } }, hyper);
 * leafAt(next.params, 'w').arraySync(); // 0.8
 */
export function update(
  options: OptimizerOptions,
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  state: Tree<tf.Tensor>,
  hyper: Hyperparameters,
): Updated {
  switch (options.kind) {
    case 'sgd':
      return sgd(params, grads, state, { ...options, ...hyper });
    case 'adamw':
      return adamW(params, grads, state, { ...options, ...hyper });
    case 'lars':
      return lars(params, grads, state, { ...options, ...hyper });
  }
}
