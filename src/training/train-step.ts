import * as tf from '@tensorflow/tfjs-core';
import type { Learner, Model } from '../encoders/trainable.ts';
import type { Step } from '../engine/capture.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import type { Updated } from '../nn/moments.ts';
import { type ParameterGroup, type StepRates, updateParameters } from '../nn/parameter-groups.ts';
import { valueAndGrad } from '../nn/value-and-grad.ts';

/**
 * One step of training as a pure function: state `{ params, stats, memory, optimizer }` (memory where there is any), batch
 * `{ data, rates, inputs }`; gives the scalars `loss/total`, `loss/<term>` and `metric/<name>`. What runs, in this order:
 * `before`, the loss and its gradient, the optimizers, `after`. With `clipNorm`, gradients whose norm over all parameters is
 * above it are scaled down to it, and their norm from before is the metric `gradientNorm`.
 */
export function trainStep(
  learner: Learner,
  groups: readonly ParameterGroup[],
  { clipNorm }: { readonly clipNorm?: number } = {},
): Step {
  return (state, batch) => {
    const data = branchAt(batch, 'data');
    const inputs = branchOrNone(batch, 'inputs');
    const given: Model = {
      params: branchAt(state, 'params'),
      stats: branchOrNone(state, 'stats'),
      memory: branchOrNone(state, 'memory'),
    };
    const model = learner.before?.(given, inputs) ?? given;
    const {
      loss,
      aux,
      grads: raw,
    } = valueAndGrad((params) => {
      const result = learner.loss({ ...model, params }, data, { training: true, inputs });
      const { stats, terms, metrics, kept = {} } = result;
      return { loss: result.loss, aux: { stats, terms, metrics, kept } };
    }, model.params);
    const { grads, norm } = clipNorm === undefined ? { grads: raw } : clipGradients(raw, clipNorm);
    const rates = branchAt(batch, 'rates') as unknown as StepRates<tf.Tensor>;
    // The name tells profiles which part of the step's time is the optimizers'.
    const updated = tf.tidy('update', () => ({
      ...updateParameters(groups, model.params, grads, branchAt(state, 'optimizer'), rates),
    })) as Updated;
    const next: Model = { params: updated.params, stats: branchOrNone(aux, 'stats'), memory: model.memory };
    const memory = learner.after?.(next, branchOrNone(aux, 'kept'), inputs) ?? model.memory;
    return [
      {
        params: next.params,
        stats: next.stats,
        optimizer: updated.state,
        ...(Object.keys(memory).length > 0 && { memory }),
      },
      {
        loss: { total: loss, ...branchOrNone(aux, 'terms') },
        metric: { ...branchOrNone(aux, 'metrics'), ...(norm === undefined ? {} : { gradientNorm: norm }) },
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
