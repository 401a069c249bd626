import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph, Value } from '../graph.ts';
import { concat, pad, reduce, reshape, slice, transpose } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';
import { fromNchw, padsOf, toNchw, windowAxes, withinReach } from './windows.ts';

/** A convolution whose outputs see all input channels, or (depthwise) one that gives each input channel outputs of its own. */
type Kind = 'full' | 'depthwise';

function convolutionInfo(
  kind: Kind,
  xShape: readonly number[],
  filterShape: readonly number[],
  attributes: KernelAttributes,
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    xShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attributes.strides as [number, number],
    (attributes.dilations ?? 1) as [number, number],
    attributes.pad as number,
    attributes.dimRoundingMode as 'floor' | undefined,
    kind === 'depthwise',
    backend_util.convertConv2DDataFormat((attributes.dataFormat ?? 'NHWC') as 'NHWC' | 'NCHW'),
  );
}

/** tfjs's filter (height, width, in, out) as (in, out, height, width); `out` is outputs of one input where depthwise. */
const toIohw = (graph: Graph, filter: Value) => transpose(graph, filter, [2, 3, 0, 1]);

/** tfjs's filter as ONNX's weights (out, in of one group, height, width). */
function toWeights(kind: Kind, graph: Graph, filter: Value): Value {
  if (kind === 'full') return transpose(graph, filter, [3, 2, 0, 1]);
  const [height, width, inputs, multiplier] = filter.shape;
  return reshape(graph, toIohw(graph, filter), [inputs * multiplier, 1, height, width]);
}

const forward =
  (kind: Kind): Lowering =>
  ({ graph, inputs: { x, filter }, attributes }) => {
    const info = convolutionInfo(kind, x.shape, filter.shape, attributes);
    const axes = windowAxes(info);
    const image = withinReach(graph, toNchw(graph, x, attributes), axes);
    const y = graph.node('Conv', [image, toWeights(kind, graph, filter)], {
      type: 'float32',
      shape: [info.batchSize, info.outChannels, info.outHeight, info.outWidth],
      attributes: {
        kernel_shape: axes.map(({ size }) => size),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: padsOf(axes),
        group: kind === 'full' ? 1 : info.inChannels,
      },
    });
    return fromNchw(graph, y, attributes);
  };

/** The gradient of the input: with stride 1 a convolution with turned weights, otherwise a transposed convolution. */
const inputGradient =
  (kind: Kind): Lowering =>
  ({ graph, inputs: { dy, filter }, attributes }) => {
    const info = convolutionInfo(kind, attributes.inputShape as number[], filter.shape, attributes);
    const axes = windowAxes(info);
    const gradient = toNchw(graph, dy, attributes);
    const group = kind === 'full' ? 1 : info.inChannels;
    const kernel_shape = axes.map(({ size }) => size);
    const channels = [info.batchSize, info.inChannels];
    if (axes.every(({ stride, size, before, after }) => stride === 1 && before < size && after < size)) {
      const weights = toIohw(graph, filter);
      const last = [0, 0, ...axes.map(({ size }) => size - 1)];
      const turned = slice(graph, weights, last, weights.shape, [1, 1, -1, -1]);
      const pads = [
        ...axes.map(({ size, before }) => size - 1 - before),
        ...axes.map(({ size, after }) => size - 1 - after),
      ];
      const dx = graph.node('Conv', [gradient, turned], {
        type: 'float32',
        shape: [...channels, info.inHeight, info.inWidth],
        attributes: { kernel_shape, pads, group },
      });
      return fromNchw(graph, dx, attributes);
    }
    // What no window reached has no gradient: ONNX adds up to stride - 1 such rows and columns, the rest is padding.
    const added = axes.map(({ after, stride }) => Math.min(Math.max(0, -after), stride - 1));
    const rest = axes.map(({ after }, i) => Math.max(0, -after) - added[i]);
    const reached = graph.node('ConvTranspose', [gradient, toWeights(kind, graph, filter)], {
      type: 'float32',
      shape: [...channels, ...axes.map(({ input }, i) => input - rest[i])],
      attributes: {
        kernel_shape,
        strides: axes.map(({ stride }) => stride),
        pads: padsOf(axes),
        output_padding: added,
        group,
      },
    });
    const dx = pad(
      graph,
      reached,
      [
        [0, 0],
        [0, 0],
        [0, rest[0]],
        [0, rest[1]],
      ],
      0,
    );
    return fromNchw(graph, dx, attributes);
  };

/** Up to so many elements of a window, the weights' gradient is a product with the windows laid out; beyond, a convolution. */
const laidOutWindow = 9;

/**
 * The gradient of the weights as a product: the windows of x, laid out as (batch, in · height · width, places), times the
 * output's gradient (batch, out, places), summed over the batch. Two to four times as fast as the convolution below for
 * 3x3 and 1x1 windows; for a stem's 7x7 the laying out costs more than it gains.
 */
function weightGradientByProduct(
  graph: Graph,
  image: Value,
  dy: Value,
  info: backend_util.Conv2DInfo,
): Value {
  const axes = windowAxes(info);
  const { batchSize, inChannels, outChannels, outHeight, outWidth } = info;
  const places = outHeight * outWidth;
  const [rows, columns] = axes;
  const bordered = pad(
    graph,
    withinReach(graph, image, axes),
    [
      [0, 0],
      [0, 0],
      [rows.before, Math.max(0, rows.after)],
      [columns.before, Math.max(0, columns.after)],
    ],
    0,
  );
  const elements: Value[] = [];
  for (let row = 0; row < rows.size; row++) {
    for (let column = 0; column < columns.size; column++) {
      const begin = [0, 0, row * rows.dilation, column * columns.dilation];
      const size = [batchSize, inChannels, outHeight, outWidth];
      const element = slice(graph, bordered, begin, size, [1, 1, rows.stride, columns.stride]);
      elements.push(reshape(graph, element, [batchSize, inChannels, 1, places]));
    }
  }
  const window = inChannels * elements.length;
  const windows = reshape(graph, concat(graph, elements, 2), [batchSize, window, places]);
  const products = graph.node(
    'MatMul',
    [reshape(graph, dy, [batchSize, outChannels, places]), transpose(graph, windows, [0, 2, 1])],
    { type: 'float32', shape: [batchSize, outChannels, window] },
  );
  const gradient = reduce(graph, 'ReduceSum', products, [0]);
  return transpose(
    graph,
    reshape(graph, gradient, [outChannels, inChannels, rows.size, columns.size]),
    [2, 3, 1, 0],
  );
}

/**
 * The gradient of the weights: a convolution over the batch, in which channels and images change places, the output's
 * gradient is the kernel, and stride and dilation change places too; or a product, where that is faster.
 */
const weightGradient =
  (kind: Kind): Lowering =>
  ({ graph, inputs: { x, dy }, attributes }) => {
    const info = convolutionInfo(kind, x.shape, attributes.filterShape as number[], attributes);
    if (kind === 'full' && info.filterHeight * info.filterWidth <= laidOutWindow) {
      return weightGradientByProduct(
        graph,
        toNchw(graph, x, attributes),
        toNchw(graph, dy, attributes),
        info,
      );
    }
    const axes = windowAxes(info);
    const images = transpose(graph, toNchw(graph, x, attributes), [1, 0, 2, 3]);
    const kernels = transpose(graph, toNchw(graph, dy, attributes), [1, 0, 2, 3]);
    const { batchSize, inChannels, outChannels, inHeight, inWidth } = info;
    // Depthwise, the channels are groups of one convolution instead of images that share its kernels.
    const [count, groups] = kind === 'full' ? [inChannels, 1] : [1, inChannels];
    const found = axes.map(({ input, output, stride, dilation, before, after }) => {
      const room = before + input + Math.max(0, after) - (output - 1) * stride - 1;
      return Math.floor(room / dilation) + 1;
    });
    const gradient = graph.node(
      'Conv',
      [reshape(graph, images, [count, groups * batchSize, inHeight, inWidth]), kernels],
      {
        type: 'float32',
        shape: [count, outChannels, ...found],
        attributes: {
          kernel_shape: axes.map(({ output }) => output),
          strides: axes.map(({ dilation }) => dilation),
          dilations: axes.map(({ stride }) => stride),
          pads: padsOf(axes),
          group: groups,
        },
      },
    );
    const [height, width, inputs, outputs] = info.filterShape;
    const exact = slice(graph, gradient, [0, 0, 0, 0], [count, outChannels, height, width]);
    return transpose(graph, reshape(graph, exact, [inputs, outputs, height, width]), [2, 3, 0, 1]);
  };

/** Kernels of two-dimensional convolutions and their gradients. */
export const convolutions: Lowerings = {
  Conv2D: forward('full'),
  Conv2DBackpropInput: inputGradient('full'),
  Conv2DBackpropFilter: weightGradient('full'),
  DepthwiseConv2dNative: forward('depthwise'),
  DepthwiseConv2dNativeBackpropInput: inputGradient('depthwise'),
  DepthwiseConv2dNativeBackpropFilter: weightGradient('depthwise'),
};
