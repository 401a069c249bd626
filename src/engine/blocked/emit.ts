import type { Attributes, Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, concat, reshape, slice, transpose } from '../operations.ts';
import type { Term } from './forms.ts';
import { inputBlock, isWeights, type Layout } from './layouts.ts';
import { spread, type Vector } from './vectors.ts';

/** ONNX Runtime's domain of operations on values in blocks. */
const domain = 'com.microsoft.nchwc';

/** A number so large that whatever is above 0, times this, is above 1. */
const steep = 3.4e38;

/** Where operations on blocks are appended: a graph, and the number of channels of a block. */
export interface Target {
  readonly graph: Graph;
  readonly block: number;
}

/** Two factors of a count, the second at most `limit`: rows as an image, whose rows are what threads share. */
export function asImage(count: number, limit = 64): [height: number, width: number] {
  let width = Math.min(limit, count);
  while (count % width !== 0) width--;
  return [count / width, width];
}

/** The shape (N, C, H, W) under which a layout's values are given to operations on blocks, channel by channel. */
export function imageShape(layout: Layout, block: number): readonly [number, number, number, number] {
  if (layout.kind === 'image') return [layout.batch, layout.channels, layout.height, layout.width];
  if (layout.kind === 'rows') return [1, layout.channels, ...asImage(layout.rows)];
  const { outputs, inputs, window } = layout;
  return [1, block, ...asImage((outputs * inputs * window) / block, 256)];
}

/** A convolution of values in blocks; `sum` is added before the activation. */
export function convolve(
  { graph }: Target,
  x: Value,
  filter: Value,
  options: {
    readonly shape: readonly number[];
    readonly kernel: readonly number[];
    readonly strides?: readonly number[];
    readonly dilations?: readonly number[];
    readonly pads?: readonly number[];
    readonly group?: number;
    readonly bias?: Value;
    readonly sum?: Value;
    readonly activation?: Activation;
  },
): Value {
  const { shape, kernel, strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0], group = 1 } = options;
  const { bias, sum, activation } = options;
  const attributes: Attributes = { kernel_shape: kernel, strides, dilations, pads, group };
  return graph.node('Conv', [x, filter, bias, sum === undefined ? undefined : reshape(graph, sum, shape)], {
    domain,
    type: 'float32',
    shape,
    attributes: activation === undefined ? attributes : { ...attributes, ...activations[activation] },
  });
}

/** What a convolution does to its results at no cost: max(·, 0), or 1 from 0 on and 0 below (down to -1e-38 or so). */
type Activation = 'relu' | 'reached';

const activations: { readonly [name in Activation]: Attributes } = {
  relu: { activation: 'Relu' },
  reached: { activation: 'HardSigmoid', activation_params: { floats: [steep, 1] } },
};

/**
 * What a convolution in blocks gives with a number a channel added to it, or max(·, 0) of it, which the convolution does at
 * no cost; undefined where a value is of no convolution, or of one that does something behind it already.
 */
export function withMore(
  { graph }: Target,
  raw: Value,
  { bias, relu = false }: { readonly bias?: Vector; readonly relu?: boolean },
): Value | undefined {
  const made = raw.node?.op === 'Reshape' ? raw.node.inputs[0]! : raw;
  const { node, shape } = made;
  if (node?.op !== 'Conv' || node.domain !== domain || node.attributes.activation !== undefined)
    return undefined;
  const [x, filter, own, sum] = node.inputs;
  if (bias !== undefined && own !== undefined) return undefined;
  const added = bias === undefined ? own : spread(graph, bias, shape[1]);
  const attributes = relu ? { ...node.attributes, ...activations.relu } : node.attributes;
  return graph.node('Conv', [x, filter, added, sum], { domain, type: 'float32', shape, attributes });
}

/**
 * A depthwise convolution that takes of each window the pixel at one place: pixel stride · i + offset for i from 0 on, 0
 * beyond the border.
 */
export function taken(
  target: Target,
  x: Value,
  options: {
    readonly shape: readonly number[];
    readonly offsets: readonly number[];
    readonly strides?: readonly number[];
    readonly sum?: Value;
    readonly activation?: Activation;
  },
): Value {
  const { graph } = target;
  const { shape, offsets, strides = [1, 1], sum, activation } = options;
  const [, channels, ...pixels] = x.shape;
  const before = offsets.map((offset) => Math.max(0, -offset));
  const places = offsets.map((offset) => Math.max(0, offset));
  // How far windows reach, from the first pixel of the first to the place of the last; a kernel that goes on behind the
  // place keeps there from being more windows.
  const reach = places.map((place, axis) => (shape[axis + 2] - 1) * strides[axis] + place + 1);
  const after = reach.map((length, axis) => Math.max(0, length - before[axis] - pixels[axis]));
  const kernel = places.map((place, axis) => {
    const spare = before[axis] + pixels[axis] + after[axis] - reach[axis];
    return place + 1 + Math.max(0, spare - strides[axis] + 1);
  });
  const place = places[0] * kernel[1] + places[1];
  const window = kernel[0] * kernel[1];
  const values = () =>
    Float32Array.from({ length: channels * window }, (_, i) =>
      Math.floor(i / target.block) % window === place ? 1 : 0,
    );
  const filterShape = [channels, 1, ...kernel];
  const filter =
    window === 1 ? graph.fill(1, 'float32', filterShape) : graph.constant(values(), 'float32', filterShape);
  const pads = [...before, ...after];
  return convolve(target, x, filter, { shape, kernel, strides, pads, group: channels, sum, activation });
}

/** Pixels of classes that repeat along both axes, side by side again; all classes are of one size. */
export function interleaved(
  { graph, block }: Target,
  classes: ReadonlyArray<readonly Value[]>,
  shape: readonly number[],
): Value {
  const [batch, channels, height, width] = shape;
  const [, , rows, columns] = classes[0][0].shape;
  const planes = (batch * channels) / block;
  const lines = classes.map((parts) => {
    const pixels = parts.map((part) => reshape(graph, part, [planes * rows * columns, block]));
    return reshape(graph, concat(graph, pixels, 1), [planes * rows, parts.length * columns * block]);
  });
  const full = [planes, lines.length * rows, classes[0].length * columns, block];
  const image = reshape(graph, concat(graph, lines, 1), full);
  return reshape(graph, slice(graph, image, [0, 0, 0, 0], [planes, height, width, block]), shape);
}

/** Σ factor · raw + shift, and max(·, 0) of that, in one pass over memory a term: depthwise convolutions of one pixel. */
export function affine(
  target: Target,
  layout: Layout,
  terms: readonly Term[],
  { shift, relu = false }: { readonly shift?: Vector; readonly relu?: boolean },
): Value {
  const { graph, block } = target;
  const shape = imageShape(layout, block);
  const channels = shape[1];
  // What has no factor is added by the first convolution at no cost; the last one adds the shift.
  const free = terms.find(({ factor }) => factor === undefined);
  const rest = terms.filter((term) => term !== free);
  if (free !== undefined && (rest.length === 0 || (rest.length === 1 && rest[0].factor === undefined))) {
    const raw = reshape(graph, free.raw, shape);
    if (rest.length === 0 && shift === undefined) {
      return relu ? graph.node('Relu', [raw], { type: 'float32', shape }) : raw;
    }
    if (rest.length === 1 && shift === undefined && !relu) {
      return binary(graph, 'Add', raw, reshape(graph, rest[0].raw, shape));
    }
  }
  const convolved = rest.length === 0 ? [free!] : rest;
  let sum: Value | undefined = rest.length === 0 ? undefined : free?.raw;
  convolved.forEach(({ raw, factor }, i) => {
    const last = i === convolved.length - 1;
    const filter =
      factor === undefined ? graph.fill(1, 'float32', [channels]) : spread(graph, factor, channels);
    sum = convolve(target, reshape(graph, raw, shape), reshape(graph, filter, [channels, 1, 1, 1]), {
      shape,
      kernel: [1, 1],
      group: channels,
      bias: last && shift !== undefined ? spread(graph, shift, channels) : undefined,
      sum,
      activation: last && relu ? 'relu' : undefined,
    });
  });
  return sum!;
}

/** 1 where x > 0, and `atZero` at 0; 0 below. Numbers within 1e-38 or so of 0 fall between. */
export function indicator({ graph }: Target, x: Value, options: { readonly atZero: 0 | 1 }): Value {
  const attributes = { alpha: { float: steep }, beta: { float: options.atZero } };
  return graph.node('HardSigmoid', [x], { type: 'float32', shape: x.shape, attributes });
}

/** The mean over all pixels of each image: (N, C, H, W) in blocks to (N, C). */
export function globalAverage({ graph }: Target, x: Value): Value {
  const [batch, channels] = x.shape;
  const pooled = graph.node('GlobalAveragePool', [x], {
    domain,
    type: 'float32',
    shape: [batch, channels, 1, 1],
  });
  return reshape(graph, pooled, [batch, channels]);
}

/** The maximum, or the mean, over windows of an image in blocks. */
export function pooled(
  { graph }: Target,
  op: 'MaxPool' | 'AveragePool',
  x: Value,
  options: {
    readonly shape: readonly number[];
    readonly kernel: readonly number[];
    readonly strides: readonly number[];
    readonly pads?: readonly number[];
  },
): Value {
  const { shape, kernel, strides, pads = [0, 0, 0, 0] } = options;
  const attributes = { kernel_shape: kernel, strides, pads };
  return graph.node(op, [x], { domain, type: 'float32', shape, attributes });
}

/** Of how many places a sum runs in one go at most: more pieces are more accurate, and more for the threads. */
const longestSum = 512;

/** The sum over everything but the channels, [C], of a value in blocks, or with `other` of its product with another one. */
export function channelSums(target: Target, layout: Layout, raw: Value, other?: Value): Vector {
  const { graph, block } = target;
  const [batch, channels, height, width] = imageShape(layout, block);
  const places = height * width;
  let pieces = Math.ceil(places / longestSum);
  while (places % pieces !== 0) pieces++;
  const planes = (batch * channels) / block;
  const piece = asImage(places / pieces);
  const partial =
    other === undefined
      ? globalAverage(target, reshape(graph, raw, [planes * pieces, block, ...piece]))
      : dotProducts(target, raw, other, [planes * pieces * block, ...piece]);
  // Means become sums by the weights that they are added up with.
  const weight = other === undefined ? places / pieces : 1;
  const weights = (count: number, value: number) => graph.fill(value, 'float32', [1, count]);
  const overPieces =
    pieces === 1
      ? partial
      : graph.node('MatMul', [weights(pieces, weight), reshape(graph, partial, [planes, pieces, block])], {
          type: 'float32',
          shape: [planes, 1, block],
        });
  const factor = pieces === 1 ? weight : 1;
  const images = reshape(graph, overPieces, [batch, channels]);
  if (batch === 1) return reshape(graph, binary(graph, 'Mul', images, graph.scalar(factor)), [channels]);
  return graph.node('MatMul', [graph.fill(factor, 'float32', [batch]), images], {
    type: 'float32',
    shape: [channels],
  });
}

/** Σ x·y over the pixels of each channel: a depthwise convolution of one image with the other one, of which one pixel remains. */
function dotProducts(
  target: Target,
  x: Value,
  y: Value,
  [channels, height, width]: readonly [number, number, number],
): Value {
  const { graph } = target;
  const filter = reshape(graph, y, [channels, 1, height, width]);
  return convolve(target, reshape(graph, x, [1, channels, height, width]), filter, {
    shape: [1, channels, 1, 1],
    kernel: [height, width],
    group: channels,
  });
}

/** Swaps the first two axes of (A, B, ...), whatever follows them. */
export function swapped(graph: Graph, x: Value, first: number, second: number): Value {
  const chunk = sizeOf(x.shape) / (first * second);
  return transpose(graph, reshape(graph, x, [first, second, chunk]), [1, 0, 2]);
}

/** Images (N, C, H, W) in blocks to public order: with `channelsLast` (N, H, W, C). */
export function unblocked({ graph }: Target, x: Value, channelsLast = false): Value {
  const [batch, channels, height, width] = x.shape;
  const shape = channelsLast ? [batch, height, width, channels] : x.shape;
  const attributes: Attributes = channelsLast ? { channels, channels_last: 1 } : { channels };
  return graph.node('ReorderOutput', [x], { domain, type: 'float32', shape, attributes });
}

/** Images in public order, (N, C, H, W) or with `channelsLast` (N, H, W, C), to blocks. */
export function blockedImages({ graph }: Target, x: Value, channelsLast = false): Value {
  const [a, b, c, d] = x.shape;
  const shape = channelsLast ? [a, d, b, c] : x.shape;
  const attributes: Attributes = channelsLast ? { channels_last: 1 } : {};
  return graph.node('ReorderInput', [x], { domain, type: 'float32', shape, attributes });
}

/** A plain value in the blocks of a layout. */
export function toBlocked(target: Target, value: Value, layout: Layout): Value {
  const { graph, block } = target;
  if (layout.kind === 'image') {
    const { node } = value;
    const lastFirst = node?.op === 'Transpose' && `${node.attributes.perm}` === '0,3,1,2';
    return lastFirst ? blockedImages(target, node.inputs[0]!, true) : blockedImages(target, value);
  }
  if (layout.kind === 'rows') {
    const { rows, channels } = layout;
    if (channels === block) return reshape(graph, value, imageShape(layout, block));
    return blockedImages(target, reshape(graph, value, [1, ...asImage(rows), channels]), true);
  }
  const { kind, outputs, inputs, window } = layout;
  const inner = inputBlock(layout, block);
  const shape = kind === 'matrix' ? [inputs, outputs] : [outputs, inputs, window];
  const parts = [outputs / block, block, inputs / inner, inner, window];
  if (kind === 'matrix') {
    const split = reshape(graph, value, [inputs / inner, inner, outputs / block, block]);
    return reshape(graph, transpose(graph, split, [2, 0, 1, 3]), shape);
  }
  return reshape(graph, transpose(graph, reshape(graph, value, parts), [0, 2, 4, 3, 1]), shape);
}

/** A value in the blocks of a layout in public order, under the shape that the model sees. */
export function fromBlocked(target: Target, raw: Value, layout: Layout, shape: readonly number[]): Value {
  const { graph, block } = target;
  if (!isWeights(layout)) {
    const rows = layout.kind === 'rows';
    if (rows && layout.channels === block) return reshape(graph, raw, shape);
    const image = reshape(graph, raw, imageShape(layout, block));
    return reshape(graph, unblocked(target, image, rows), shape);
  }
  const { kind, outputs, inputs, window } = layout;
  const inner = inputBlock(layout, block);
  const chunks = reshape(graph, raw, [outputs / block, inputs / inner, window, inner, block]);
  const order = kind === 'matrix' ? [1, 3, 2, 0, 4] : [0, 4, 1, 3, 2];
  return reshape(graph, transpose(graph, chunks, order), shape);
}
