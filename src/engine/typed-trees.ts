import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from './host-tensor.ts';
import type { Tree } from './tree.ts';

/** What identifies a tensor to a compiled step: its type and shape. */
export type TensorKind = Pick<HostTensor, 'dtype' | 'shape'>;

/**
 * The type of a tree of the same form with other leaves. Where the keys are known, so are the leaves and branches:
 * `{ x: HostTensor }` becomes `{ x: Leaf }`. A tree whose keys are not known becomes `Tree<Leaf>`.
 */
type Reshaped<Form, From, Leaf> = string extends keyof Form
  ? Tree<Leaf>
  : { readonly [Key in keyof Form]: ReshapedValue<Form[Key], From, Leaf> };

type ReshapedValue<Value, From, Leaf> = Value extends From
  ? Leaf
  : Value extends undefined
    ? Value
    : Reshaped<Value, From, Leaf>;

/** The tfjs tensors that a step is given for a tree of types and shapes: `{ x: HostTensor }` becomes `{ x: tf.Tensor }`. */
export type TensorsOf<Form> = Reshaped<Form, TensorKind, tf.Tensor>;

/** The tensors in host memory that a compiled step takes for a tree of types and shapes. */
export type HostTreeOf<Form> = Reshaped<Form, TensorKind, HostTensor>;

/** The tensors in host memory that come of the tfjs tensors that a step returns. */
export type HostResultOf<Form> = Reshaped<Form, tf.Tensor, HostTensor>;
