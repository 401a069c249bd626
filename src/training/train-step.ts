import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../engine/capture.ts';
import { branchAt } from '../nn/layer.ts';
import type { Updated } from '../nn/optimizers.ts';
import { type ParameterGroup, updateParameters } from '../nn/parameter-groups.ts';
import { valueAndGrad } from '../nn/value-and-grad.ts';
import type { Objective } from '../objectives/objective.ts';

/**
 * One step of training as a pure function: state `{ params, stats, optimizer }`, batch `{ data, learningRates }`; gives
 * the scalars `loss/total`, `loss/<term>` and `metric/<name>`.
 */
export function trainStep(
  objective: Pick<Objective<never>, 'loss'>,
  groups: readonly ParameterGroup[],
): Step {
  return (state, batch) => {
    const [params, stats, optimizer] = ['params', 'stats', 'optimizer'].map((part) => branchAt(state, part));
    const data = branchAt(batch, 'data');
    const { loss, aux, grads } = valueAndGrad((current) => {
      const result = objective.loss(current, stats, data, { training: true });
      return {
        loss: result.loss,
        aux: { stats: result.stats, terms: result.terms, metrics: result.metrics },
      };
    }, params);
    // The name tells profiles which part of the step's time is the optimizers'.
    const updated = tf.tidy('update', () => ({
      ...updateParameters(groups, params, grads, optimizer, branchAt(batch, 'learningRates')),
    })) as Updated;
    return [
      { params: updated.params, stats: branchAt(aux, 'stats'), optimizer: updated.state },
      { loss: { total: loss, ...branchAt(aux, 'terms') }, metric: branchAt(aux, 'metrics') },
    ];
  };
}
