import * as tf from '@tensorflow/tfjs-core';
import { type Running, running } from '../../encoders/net.ts';
import type { Model, Tensors } from '../../encoders/trainable.ts';
import { type HostTensor, scalar } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import { branchAt, leafAt, type Mode } from '../../nn/layer.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';
import type { Outcome } from '../objective.ts';
import { followed, followerIn, followerOf } from './momentum.ts';
import { enqueued, initQueue } from './queue.ts';

/** What queries are compared with: keys of networks that follow slowly, and a queue of earlier ones. */
interface KeyOptions {
  /** The networks that there is a slow copy of. */
  readonly names: readonly string[];
  /** Rows of length one [N, width] that networks make of pictures. */
  readonly rows: (nets: Running, pictures: tf.Tensor) => tf.Tensor;
  readonly width: number;
  /** Keys that are remembered. */
  readonly queue: number;
  readonly temperature: number;
  /** How much of the slow copy stays in a step. */
  readonly momentum: number;
}

/** The side of the keys in MoCo: the branches `key` and `queue` of an objective's memory. */
export function momentumKeys({ names, rows, width, queue: size, temperature, momentum }: KeyOptions) {
  return {
    /** The slow copy of a model's networks, and a queue of random rows. */
    initialize: (random: Random, model: Pick<Model<HostTensor>, 'params' | 'stats'>) => ({
      key: followerOf(model, names),
      queue: initQueue(random.fork('queue'), { size, width }),
    }),

    inputs: () => ({ momentum: scalar(momentum) }),

    /** The memory with networks that have followed: before they are used, as released. */
    before: (model: Model, inputs: Tensors): Tensors => ({
      ...model.memory,
      key: followed(followerIn(model.memory, 'key'), model, leafAt(inputs, 'momentum') as tf.Scalar),
    }),

    /** The logits of queries [N, width] with the keys of other views of the same pictures, and what `after` needs. */
    compare: (
      queries: tf.Tensor,
      memory: Tensors,
      pictures: tf.Tensor,
      how: Mode,
    ): { readonly logits: tf.Tensor; readonly kept: NonNullable<Outcome['kept']> } => {
      const nets = running(followerIn(memory, 'key'), how);
      const keys = stopGradient(rows(nets, pictures)); // [N, width]
      return {
        logits: mocoLogits(queries, keys, { queue: leafAt(memory, 'queue'), temperature }),
        kept: { rows: { keys }, means: { stats: nets.stats } },
      };
    },

    /** The branches after the step. The queue takes the keys after it was used: no key is a negative of its own step. */
    after: (memory: Tensors, { rows: made, means }: NonNullable<Outcome['kept']>): Tensors => ({
      key: { ...followerIn(memory, 'key'), stats: branchAt(means!, 'stats') },
      queue: enqueued(leafAt(memory, 'queue'), leafAt(made!, 'keys')),
    }),
  };
}

/** [q·k, q·queue]/τ of rows of length one: [N, 1 + K], the right key first. */
export function mocoLogits(
  q: tf.Tensor,
  k: tf.Tensor,
  { queue, temperature }: { readonly queue: tf.Tensor; readonly temperature: number },
): tf.Tensor {
  const right = tf.sum(tf.mul(q, k), 1, true);
  return tf.div(tf.concat([right, tf.matMul(q, queue, false, true)], 1), temperature);
}
