import * as tf from '@tensorflow/tfjs-core';
import { sampleFeatures } from '../encoders/sample-features.ts';
import type { TensorKind } from '../engine/capture.ts';
import { exportOnnx } from '../engine/export-onnx.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, leafAt } from '../nn/layer.ts';
import { Simipu } from '../objectives/simipu.ts';
import type { SimipuConfig } from '../objectives/simipu-config.ts';
import { featureStride } from '../objectives/simipu-sample.ts';

type Tensors = Tree<tf.Tensor>;

/** A SimIPU model's encoders with their projection heads, as the bytes of ONNX files. */
export interface Projections {
  /**
   * In: a view of a batch of one sample, as `collateSimipu` has it (what nothing depends on is left out). Out: `intra`
   * float32 [M, D1] and `cross` float32 [M, D2], the last centres as the two losses compare them.
   */
  readonly points: Uint8Array;
  /**
   * In: `image` float32 [1, H, W, 3], `cells` int32 and `cellWeights` float32 [M·4]. Out: `pixels` float32 [M, D2], the
   * image at the places as the loss compares it, and `map` float32 [h·w, D2], each cell's own feature through the same head.
   */
  readonly image: Uint8Array;
}

const mode = { training: false };

/** Exports a model (running statistics, batches of one sample); rows that come out are L2-normalised. */
export function exportProjections(config: SimipuConfig, { params, stats }: Initialized): Projections {
  const model = new Simipu(config, 1);
  const parameters = { params, stats };
  const project = (given: Tensors, head: keyof SimipuConfig['heads'], rows: tf.Tensor) => {
    const headStats = branchAt(branchAt(branchAt(given, 'stats'), 'heads'), head);
    return model.project(branchAt(given, 'params'), headStats, { head, rows }, mode).rows;
  };
  const points = (given: Tensors, view: Tensors): Tensors => {
    const encoderStats = branchAt(branchAt(given, 'stats'), 'pointEncoder');
    const { features } = model.encodePoints(branchAt(given, 'params'), encoderStats, view, mode); // [M, C]
    return {
      intra: project(given, 'intraPoints', features),
      cross: project(given, 'crossPoints', features),
    };
  };
  const image = (given: Tensors, inputs: Tensors): Tensors => {
    const encoderStats = branchAt(branchAt(given, 'stats'), 'imageEncoder');
    const { features } = model.encodeImage(
      branchAt(given, 'params'),
      encoderStats,
      leafAt(inputs, 'image'),
      mode,
    ); // [1, C, h, w]
    const seen = sampleFeatures(features, leafAt(inputs, 'cells'), leafAt(inputs, 'cellWeights')); // [M, C]
    const [, channels, height, width] = features.shape;
    const each = tf.reshape(tf.transpose(features, [0, 2, 3, 1]), [height * width, channels]); // [h·w, C]
    return { pixels: project(given, 'crossImage', seen), map: project(given, 'crossImage', each) };
  };
  return {
    points: exportOnnx(points, { parameters, inputs: viewKinds(config) }),
    image: exportOnnx(image, { parameters, inputs: imageKinds(config) }),
  };
}

/** The image encoder's cells of a canvas, a row after the other. */
export function cellGrid({ image }: SimipuConfig): { readonly columns: number; readonly rows: number } {
  return { columns: Math.ceil(image.width / featureStride), rows: Math.ceil(image.height / featureStride) };
}

function viewKinds({ points: { count }, pointEncoder }: SimipuConfig): Tree<TensorKind> {
  const table = (length: number): TensorKind => ({ dtype: 'int32', shape: [length] });
  const levels = pointEncoder.levels.map(({ points, neighbors }, l): [string, Tree<TensorKind>] => [
    `${l}`,
    {
      centers: table(points),
      neighbors: Object.fromEntries(neighbors.map((each, s) => [`${s}`, table(points * each)])),
    },
  ]);
  const features: TensorKind = { dtype: 'float32', shape: [count, 1] };
  const view = { features, levels: Object.fromEntries(levels) };
  return pointEncoder.useXyz ? { ...view, xyz: { dtype: 'float32', shape: [count, 3] } } : view;
}

function imageKinds({ image: { width, height }, pointEncoder: { levels } }: SimipuConfig): Tree<TensorKind> {
  const corners = 4 * levels[levels.length - 1].points;
  return {
    image: { dtype: 'float32', shape: [1, height, width, 3] },
    cells: { dtype: 'int32', shape: [corners] },
    cellWeights: { dtype: 'float32', shape: [corners] },
  };
}
