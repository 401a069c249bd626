import * as tf from '@tensorflow/tfjs-core';
import { type EncodersConfig, imageEncoderStride } from '../encoders/encoder-config.ts';
import { encodeImages, encodePoints } from '../encoders/encoders.ts';
import { sampleFeatures } from '../encoders/sample-features.ts';
import type { Model, Tensors } from '../encoders/trainable.ts';
import type { TensorKind } from '../engine/capture.ts';
import { exportOnnx } from '../engine/export-onnx.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, branchOrNone, leafAt } from '../nn/layer.ts';
import { type Pretraining, seenBy } from '../objectives/combine.ts';
import type { Comparison } from '../objectives/comparison.ts';
import type { PlacesView } from '../views/point-pair.ts';

/** A model's encoders as a frame is looked at through them, as the bytes of ONNX files: those that the model has. */
export interface FeatureModels {
  /**
   * In: a view of a batch of one sample, as `collatePointPairs` has it (what nothing depends on is left out). Out:
   * `within` float32 [M, D1] and `across` float32 [M, D2]: the last centres, L2-normalised, as they are compared with other
   * places and with pixels.
   */
  readonly points?: Uint8Array;
  /**
   * In: `image` float32 [1, H, W, 3], and `cells` int32 and `cellWeights` float32 [M·4] where there are points. Out: `map`
   * float32 [h·w, D2], each cell's own feature, and then `pixels` float32 [M, D2], the image at the places.
   */
  readonly image?: Uint8Array;
}

/** How frames are looked at through a run's encoders. */
export interface Looking {
  readonly encoders: EncodersConfig;
  /** The pair that the run's objectives compare, and how; undefined where none of them compares places. */
  readonly comparison: (Comparison & { readonly objective: string }) | undefined;
}

const mode = { training: false };

/** How frames are looked at through the encoders of a run: by its objective's heads where that compares places, else by the encoders' own outputs. */
export function lookingThrough({ parts, encoders }: Pretraining): Looking {
  const part = parts.find(({ objective }) => objective.comparison !== undefined);
  const comparison = part && { ...part.objective.comparison!, objective: part.name };
  return { encoders, comparison };
}

/** How the places of a frame are drawn as it is, unaugmented. Throws where there is no point encoder. */
export function placesView({ points }: EncodersConfig): PlacesView {
  if (points === undefined) throw new Error('places of a frame need a point encoder');
  return {
    points: points.input,
    view: { maxRotation: 0, scale: [1, 1], flipProbability: 0 },
    pointEncoder: points,
  };
}

/** Exports the encoders of a model (running statistics, batches of one sample); rows that come out are L2-normalised. */
export function exportFeatures(
  looking: Looking,
  { params, stats }: Pick<Model<HostTensor>, 'params' | 'stats'>,
): FeatureModels {
  const { encoders, comparison } = looking;
  const parameters = { params, stats };
  const own = (given: Tensors, encoder: string) => ({
    params: branchAt(branchAt(given, 'params'), encoder),
    stats: branchOrNone(branchOrNone(given, 'stats'), encoder),
  });
  const seen = (given: Tensors): Model => {
    const model = { params: branchAt(given, 'params'), stats: branchOrNone(given, 'stats'), memory: {} };
    return comparison === undefined ? model : seenBy(comparison.objective, model);
  };
  const { points: pointEncoder, image: imageEncoder } = encoders;
  const points = (given: Tensors, view: Tensors): Tensors => {
    const { features } = encodePoints(own(given, 'pointEncoder'), view, { encoder: pointEncoder!, ...mode }); // [M, C]
    if (comparison !== undefined) return { ...comparison.places(seen(given), features) };
    const rows = l2Normalize(features);
    return { within: rows, across: rows };
  };
  const image = (given: Tensors, inputs: Tensors): Tensors => {
    const options = { encoder: imageEncoder!, ...mode };
    const features = encodeImages(own(given, 'imageEncoder'), leafAt(inputs, 'image'), options).features.c5!; // [1, C, h, w]
    const compared = (rows: tf.Tensor) => comparison?.pixels(seen(given), rows) ?? l2Normalize(rows);
    const sampled =
      pointEncoder && sampleFeatures(features, leafAt(inputs, 'cells'), leafAt(inputs, 'cellWeights')); // [M, C]
    const [, channels, height, width] = features.shape;
    const each = tf.reshape(tf.transpose(features, [0, 2, 3, 1]), [height * width, channels]); // [h·w, C]
    return { ...(sampled && { pixels: compared(sampled) }), map: compared(each) };
  };
  return {
    ...(pointEncoder && { points: exportOnnx(points, { parameters, inputs: viewKinds(pointEncoder) }) }),
    ...(imageEncoder && { image: exportOnnx(image, { parameters, inputs: imageKinds(encoders) }) }),
  };
}

/** The image encoder's cells of its canvas, a row after the other; none without an image encoder. */
export function cellGrid({ image }: EncodersConfig): { readonly columns: number; readonly rows: number } {
  if (image === undefined) return { columns: 0, rows: 0 };
  const stride = imageEncoderStride(image);
  return { columns: Math.ceil(image.input.width / stride), rows: Math.ceil(image.input.height / stride) };
}

function viewKinds({
  input: { count },
  levels,
  useXyz,
}: NonNullable<EncodersConfig['points']>): Tree<TensorKind> {
  const table = (length: number): TensorKind => ({ dtype: 'int32', shape: [length] });
  const tables = levels.map(({ points, neighbors }, l): [string, Tree<TensorKind>] => [
    `${l}`,
    {
      centers: table(points),
      neighbors: Object.fromEntries(neighbors.map((each, s) => [`${s}`, table(points * each)])),
    },
  ]);
  const features: TensorKind = { dtype: 'float32', shape: [count, 1] };
  const view = { features, levels: Object.fromEntries(tables) };
  return useXyz ? { ...view, xyz: { dtype: 'float32', shape: [count, 3] } } : view;
}

function imageKinds({ image, points }: EncodersConfig): Tree<TensorKind> {
  const { width, height } = image!.input;
  const picture: TensorKind = { dtype: 'float32', shape: [1, height, width, 3] };
  if (points === undefined) return { image: picture };
  const corners = 4 * points.levels[points.levels.length - 1].points;
  return {
    image: picture,
    cells: { dtype: 'int32', shape: [corners] },
    cellWeights: { dtype: 'float32', shape: [corners] },
  };
}
