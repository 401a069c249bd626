import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../engine/capture.ts';
import { branchAt } from '../nn/layer.ts';
import type { Updated } from '../nn/moments.ts';
import { type ParameterGroup, updateParameters } from '../nn/parameter-groups.ts';
import { valueAndGrad } from '../nn/value-and-grad.ts';
import type { Trainable } from '../objectives/objective.ts';

/**
 * One step of training as a pure function: state `{ params, stats, optimizer }`, batch `{ data, learningRates }`; gives
 * the scalars `loss/total`, `loss/<term>` and `metric/<name>`. With `clipNorm`, gradients whose norm over all parameters
 * is above it are scaled down to it, and their norm from before is the metric `gradientNorm`.
 */
export function trainStep(
  objective: Pick<Trainable<never>, 'loss'>,
  groups: readonly ParameterGroup[],
  { clipNorm }: { readonly clipNorm?: number } = {},
): Step {
  return (state, batch) => {
    const [params, stats, optimizer] = ['params', 'stats', 'optimizer'].map((part) => branchAt(state, part));
    const data = branchAt(batch, 'data');
    const {
      loss,
      aux,
      grads: raw,
    } = valueAndGrad((current) => {
      const result = objective.loss(current, stats, data, { training: true });
      return {
        loss: result.loss,
        aux: { stats: result.stats, terms: result.terms, metrics: result.metrics },
      };
    }, params);
    const { grads, norm } = clipNorm === undefined ? { grads: raw } : clipGradients(raw, clipNorm);
    // The name tells profiles which part of the step's time is the optimizers'.
    const updated = tf.tidy('update', () => ({
      ...updateParameters(groups, params, grads, optimizer, branchAt(batch, 'learningRates')),
    })) as Updated;
    return [
      { params: updated.params, stats: branchAt(aux, 'stats'), optimizer: updated.state },
      {
        loss: { total: loss, ...branchAt(aux, 'terms') },
        metric: { ...branchAt(aux, 'metrics'), ...(norm === undefined ? {} : { gradientNorm: norm }) },
      },
    ];
  };
}

/** Gradients scaled by min(1, clipNorm / norm), and the norm: the root of the sum of all squares. */
function clipGradients(
  grads: ReadonlyMap<string, tf.Tensor>,
  clipNorm: number,
): { readonly grads: ReadonlyMap<string, tf.Tensor>; readonly norm?: tf.Tensor } {
  const squares = [...grads.values()].map((grad) => tf.sum(tf.square(grad)));
  const norm = tf.sqrt(tf.addN(squares));
  const scale = tf.minimum(1, tf.div(clipNorm, tf.add(norm, 1e-6)));
  return { grads: new Map([...grads].map(([path, grad]) => [path, tf.mul(grad, scale)])), norm };
}
