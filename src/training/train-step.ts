import * as tf from '@tensorflow/tfjs-core';
import type { Learner, Model, StepPlace } from '../encoders/trainable.ts';
import type { Step } from '../engine/capture.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { allReduceMean, gatherRows } from '../engine/ranks/collectives.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { type BatchNormScope, withBatchNorm } from '../nn/batch-norm.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import type { Updated } from '../nn/moments.ts';
import { type ParameterGroup, type StepRates, updateParameters } from '../nn/parameter-groups.ts';
import { valueAndGrad } from '../nn/value-and-grad.ts';

/** The norm that gradients are scaled down to: that of all parameters together, or of each parameter's alone. */
export interface GradientClip {
  readonly norm: number;
  readonly of: 'all' | 'each';
}

/**
 * One step of training as a pure function: state `{ params, stats, memory, optimizer }` (memory where there is any), batch
 * `{ data, rates, inputs }`; gives the scalars `loss/total`, `loss/<term>` and `metric/<name>`. What runs, in this order:
 * `before`, the loss and its gradient, the optimizers, `after`. With `clip`, gradients whose norm is above it are scaled down to
 * it, and their norm over all parameters from before is the metric `gradientNorm`.
 *
 * Over ranks `data` are each rank's own rows of the whole batch, and all else is the same on all of them: gradients, losses and
 * metrics are averaged, and of what `after` needs rows are gathered and means averaged.
 */
export function trainStep(
  learner: Learner,
  groups: readonly ParameterGroup[],
  {
    clip,
    batchNorm = 'synchronised',
  }: { readonly clip?: GradientClip; readonly batchNorm?: BatchNormScope } = {},
): Step {
  const step: Step = (state, batch) => {
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
    const whole = new Map([...raw].map(([path, grad]) => [path, allReduceMean(grad, { late: true })]));
    const { grads, norm } = clip === undefined ? { grads: whole } : clipGradients(whole, clip);
    const rates = branchAt(batch, 'rates') as unknown as StepRates<tf.Tensor>;
    // The name tells profiles which part of the step's time is the optimizers'.
    const updated = tf.tidy('update', () => ({
      ...updateParameters(groups, model.params, grads, branchAt(state, 'optimizer'), rates),
    })) as Updated;
    const next: Model = { params: updated.params, stats: branchOrNone(aux, 'stats'), memory: model.memory };
    const memory = learner.after?.(next, keptOfAll(branchOrNone(aux, 'kept')), inputs) ?? model.memory;
    return [
      {
        params: next.params,
        stats: next.stats,
        optimizer: updated.state,
        ...(Object.keys(memory).length > 0 && { memory }),
      },
      {
        loss: meanOfAll({ total: loss, ...branchOrNone(aux, 'terms') }),
        metric: {
          ...meanOfAll(branchOrNone(aux, 'metrics')),
          ...(norm === undefined ? {} : { gradientNorm: norm }),
        },
      },
    ];
  };
  return (state, batch) => withBatchNorm(batchNorm, () => step(state, batch));
}

/** The branches of the batch that are the same on all ranks. */
export const sameOnAllRanks = ['rates', 'inputs'];

/** What a learner works out for a step, as a branch of its batch; nothing where it needs none. */
export function stepInputs(
  { inputs }: Pick<Learner, 'inputs'>,
  place: StepPlace,
): { readonly inputs?: Tree<HostTensor> } {
  const made = inputs?.(place);
  return made !== undefined && leavesOf(made).length > 0 ? { inputs: made } : {};
}

function meanOfAll(tree: Tree<tf.Tensor>): Tree<tf.Tensor> {
  return mapTree(tree, (leaf) => allReduceMean(leaf, { late: true }));
}

/** What `after` needs of the batch, of all ranks: `<name>/rows/…` gathered, all else averaged. */
function keptOfAll(kept: Tree<tf.Tensor>): Tree<tf.Tensor> {
  return mapTree(kept, (leaf, path) =>
    path.split('/')[1] === 'rows' ? gatherRows(leaf, { late: true }) : allReduceMean(leaf, { late: true }),
  );
}

/** Gradients scaled by min(1, clip.norm / norm), the norm of all together or of each alone; and the norm over all. */
function clipGradients(
  grads: ReadonlyMap<string, tf.Tensor>,
  clip: GradientClip,
): { readonly grads: ReadonlyMap<string, tf.Tensor>; readonly norm?: tf.Tensor } {
  const squares = [...grads].map(([path, grad]) => [path, tf.sum(tf.square(grad))] as const);
  const norm = tf.sqrt(tf.addN(squares.map(([, square]) => square)));
  const scaleTo = (length: tf.Tensor) => tf.minimum(1, tf.div(clip.norm, tf.add(length, 1e-6)));
  const whole = scaleTo(norm);
  const lengths = new Map(squares);
  const scaleOf = (path: string) => (clip.of === 'all' ? whole : scaleTo(tf.sqrt(lengths.get(path)!)));
  return { grads: new Map([...grads].map(([path, grad]) => [path, tf.mul(grad, scaleOf(path))])), norm };
}
