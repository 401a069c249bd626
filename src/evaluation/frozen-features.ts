import type * as tf from '@tensorflow/tfjs-core';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import { encodeImages, encodePoints } from '../encoders/encoders.ts';
import { compile } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import { float32, type HostTensor } from '../engine/host-tensor.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import type { ModelState } from './batch-statistics.ts';
import type { Features } from './probes/features.ts';

/** An image encoder, and the canvas that it looks at. */
export type PictureEncoder = NonNullable<EncodersConfig['image']>;
/** A point encoder, and the points that it takes. */
export type SweepEncoder = NonNullable<EncodersConfig['points']>;

/** Where frozen encoders run. */
export interface FrozenOptions {
  readonly device?: Device;
  readonly threads?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Batches of frozen inputs: how many rows of features each gives, and how many rows there are in all. */
export interface FrozenBatches {
  readonly batches: AsyncIterable<{ readonly inputs: Tree<HostTensor>; readonly rows: number }>;
  readonly count: number;
}

/** One encoder of a model alone, as the state of a step. */
export function encoderState({ params, stats }: ModelState, part: 'imageEncoder' | 'pointEncoder') {
  return { params: branchAt(params, part), stats: branchOrNone(stats, part) };
}

/** The features of pictures: the encoder's rows, by running statistics: rows of its channels. */
export function pictureFeatures(
  encoder: PictureEncoder,
  state: Tree<HostTensor>,
  pictures: FrozenBatches,
  options?: FrozenOptions,
): Promise<Features> {
  return frozenFeatures(
    (model, inputs) => {
      return encodeImages(model, inputs.image as tf.Tensor, { encoder, training: false }).pooled;
    },
    state,
    pictures,
    options,
  );
}

/** The features of the last centres of sweeps, by running statistics: rows of the encoder's channels. */
export function placeFeatures(
  encoder: SweepEncoder,
  state: Tree<HostTensor>,
  views: FrozenBatches,
  options?: FrozenOptions,
): Promise<Features> {
  return frozenFeatures(
    (model, inputs) => encodePoints(model, inputs, { encoder, training: false }).features,
    state,
    views,
    options,
  );
}

async function frozenFeatures(
  encode: (model: { params: Tree<tf.Tensor>; stats: Tree<tf.Tensor> }, inputs: Tree<tf.Tensor>) => tf.Tensor,
  state: Tree<HostTensor>,
  { batches, count }: FrozenBatches,
  { device, threads, onProgress }: FrozenOptions = {},
): Promise<Features> {
  let step: Awaited<ReturnType<typeof compile>> | undefined;
  let rows: Float32Array | undefined;
  let width = 0;
  let done = 0;
  try {
    for await (const { inputs, rows: own } of batches) {
      step ??= await compile(
        (model, batch) => [
          model,
          {
            features: encode(
              { params: branchAt(model, 'params'), stats: branchOrNone(model, 'stats') },
              batch,
            ),
          },
        ],
        { state, batch: inputs, device, threads },
      );
      const { outputs } = await step.run(state, inputs);
      const { data, shape } = outputs.features as HostTensor;
      width = shape[1];
      rows ??= new Float32Array(count * width);
      rows.set((data as Float32Array).subarray(0, own * width), done * width);
      done += own;
      onProgress?.(done, count);
    }
  } finally {
    await step?.dispose();
  }
  return { rows: rows ?? new Float32Array(0), count: done, width };
}

/**
 * An untrained encoder with the statistics of one batch as its running ones, which a trained one has of its training: the
 * two are then compared on equal terms.
 */
export async function withBatchStatistics(
  encode: (
    model: { readonly params: Tree<tf.Tensor>; readonly stats: Tree<tf.Tensor> },
    inputs: Tree<tf.Tensor>,
  ) => Tree<tf.Tensor>,
  state: Tree<HostTensor>,
  inputs: Tree<HostTensor>,
  { device, threads }: FrozenOptions = {},
): Promise<Tree<HostTensor>> {
  if (leavesOf(branchOrNone(state, 'stats')).length === 0) return state;
  const step = await compile(
    (model, batch) => [
      model,
      { stats: encode({ params: branchAt(model, 'params'), stats: branchOrNone(model, 'stats') }, batch) },
    ],
    { state, batch: inputs, device, threads },
  );
  try {
    const { outputs } = await step.run(state, inputs);
    return { params: branchAt(state, 'params'), stats: branchAt(outputs, 'stats') };
  } finally {
    await step.dispose();
  }
}

/** The statistics of an image encoder after one batch of pictures, with nothing left of those before. */
export function pictureStatistics(encoder: PictureEncoder) {
  const moving = { ...encoder, batchNorm: { ...encoder.batchNorm, momentum: 1 } };
  return (model: { params: Tree<tf.Tensor>; stats: Tree<tf.Tensor> }, inputs: Tree<tf.Tensor>) =>
    encodeImages(model, inputs.image as tf.Tensor, { encoder: moving, training: true }).stats;
}

/** The statistics of a point encoder after one batch of sweeps, with nothing left of those before. */
export function sweepStatistics(encoder: SweepEncoder) {
  const moving = { ...encoder, batchNorm: { ...encoder.batchNorm, momentum: 1 } };
  return (model: { params: Tree<tf.Tensor>; stats: Tree<tf.Tensor> }, inputs: Tree<tf.Tensor>) =>
    encodePoints(model, inputs, { encoder: moving, training: true }).stats;
}

/** Pictures of one size as a batch: float32 [B, H, W, 3]. */
export function pictureBatch(canvases: readonly Float32Array[], { input }: PictureEncoder): Tree<HostTensor> {
  const size = input.width * input.height * 3;
  const data = new Float32Array(canvases.length * size);
  canvases.forEach((canvas, i) => {
    data.set(canvas, i * size);
  });
  return { image: float32(data, [canvases.length, input.height, input.width, 3]) };
}
