import type * as tf from '@tensorflow/tfjs-core';
import type { How, Model, Tensors } from '../encoders/trainable.ts';
import type { Direction } from './parts/transitions.ts';

/** How an objective says in which order the frames of a shuffled clip come, so that whole orders can be measured. */
export interface OrderReading {
  /** The name of its view, of shuffled clips. */
  readonly view: string;
  /** Frames of a clip, and the time from each to the next, seconds. */
  readonly frames: number;
  readonly gapS: number;
  /** Whether a logit says that a frame comes right after another, or that the two are neighbours in time. */
  readonly direction: Direction;
  /** The logits [B, n, n] of a batch's branch of the view, the frames in the order in which they come, and the running statistics after it. */
  logits(
    model: Pick<Model, 'params' | 'stats'>,
    drawn: Tensors,
    how: How,
  ): { readonly logits: tf.Tensor; readonly stats: Tensors };
}
