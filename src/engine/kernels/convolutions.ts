import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph, Value } from '../graph.ts';
import { slice, transpose } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';

type ConvInfo = backend_util.Conv2DInfo;

const channelsFirst = [0, 3, 1, 2];
const channelsLast = [0, 2, 3, 1];

/** What tfjs works out of a convolution's shapes and options; shapes are those of x and of the filter (h, w, in, out). */
function convolutionInfo(xShape: readonly number[], filterShape: readonly number[], attributes: KernelAttributes): ConvInfo {
  return backend_util.computeConv2DInfo(
    [...xShape] as [number, number, number, number],
    [...filterShape] as [number, number, number, number],
    attributes.strides as [number, number],
    (attributes.dilations ?? 1) as [number, number],
    attributes.pad as number,
    attributes.dimRoundingMode as 'floor' | undefined,
    false,
    backend_util.convertConv2DDataFormat(attributes.dataFormat as 'NHWC' | 'NCHW'),
  );
}

const isNhwc = (attributes: KernelAttributes) => attributes.dataFormat !== 'NCHW';

/** A tensor of the kernel's data format as (batch, channels, height, width). */
const toNchw = (graph: Graph, x: Value, attributes: KernelAttributes) =>
  isNhwc(attributes) ? transpose(graph, x, channelsFirst) : x;

const fromNchw = (graph: Graph, x: Value, attributes: KernelAttributes) =>
  isNhwc(attributes) ? transpose(graph, x, channelsLast) : x;

/** tfjs's filter (h, w, in, out) as ONNX's weights (out, in, h, w). */
const toOihw = (graph: Graph, filter: Value) => transpose(graph, filter, [3, 2, 0, 1]);

function spatialAttributes(info: ConvInfo) {
  const { top, bottom, left, right } = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
}

const forward: Lowering = ({ graph, inputs: { x, filter }, attributes }) => {
  const info = convolutionInfo(x.shape, filter.shape, attributes);
  const groups = info.inChannels / filter.shape[2];
  const y = graph.node('Conv', [toNchw(graph, x, attributes), toOihw(graph, filter)], {
    type: 'float32',
    shape: [info.batchSize, info.outChannels, info.outHeight, info.outWidth],
    attributes: { ...spatialAttributes(info), group: groups },
  });
  return fromNchw(graph, y, attributes);
};

/** The gradient of the input: with stride 1 a convolution with turned weights, otherwise a transposed convolution. */
const inputGradient: Lowering = ({ graph, inputs: { dy, filter }, attributes }) => {
  const info = convolutionInfo(attributes.inputShape as number[], filter.shape, attributes);
  const gradient = toNchw(graph, dy, attributes);
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
  const weights = toOihw(graph, filter);
  const { top, bottom, left, right } = info.padInfo;
  const [height, width] = [info.filterHeight, info.filterWidth];
  if (info.strideHeight === 1 && info.strideWidth === 1 && top < height && bottom < height && left < width && right < width) {
    const swapped = transpose(graph, weights, [1, 0, 2, 3]);
    const turned = slice(graph, swapped, [0, 0, height - 1, width - 1], swapped.shape, [1, 1, -1, -1]);
    const attributes1 = { kernel_shape: [height, width], pads: [height - 1 - top, width - 1 - left, height - 1 - bottom, width - 1 - right] };
    return fromNchw(graph, graph.node('Conv', [gradient, turned], { type: 'float32', shape, attributes: attributes1 }), attributes);
  }
  // What the last stride did not reach is made up for by extra rows and columns of padding at the end.
  const reach = (out: number, stride: number, kernel: number, before: number, after: number) =>
    (out - 1) * stride + kernel - before - after;
  const extra = [
    info.inHeight - reach(info.outHeight, info.strideHeight, height, top, bottom),
    info.inWidth - reach(info.outWidth, info.strideWidth, width, left, right),
  ];
  const y = graph.node('ConvTranspose', [gradient, weights], {
    type: 'float32',
    shape,
    attributes: { ...spatialAttributes(info), output_padding: extra },
  });
  return fromNchw(graph, y, attributes);
};

/**
 * The gradient of the weights: a convolution over the batch, in which channels and images change places, the output's
 * gradient is the kernel, and stride and dilation change places too.
 */
const weightGradient: Lowering = ({ graph, inputs: { x, dy }, attributes }) => {
  const info = convolutionInfo(x.shape, attributes.filterShape as number[], attributes);
  const images = transpose(graph, toNchw(graph, x, attributes), [1, 0, 2, 3]);
  const kernels = transpose(graph, toNchw(graph, dy, attributes), [1, 0, 2, 3]);
  const { top, bottom, left, right } = info.padInfo;
  const span = (length: number, out: number, stride: number, dilation: number) =>
    Math.floor((length - ((out - 1) * stride + 1)) / dilation) + 1;
  const height = span(info.inHeight + top + bottom, info.outHeight, info.strideHeight, info.dilationHeight);
  const width = span(info.inWidth + left + right, info.outWidth, info.strideWidth, info.dilationWidth);
  const gradient = graph.node('Conv', [images, kernels], {
    type: 'float32',
    shape: [info.inChannels, info.outChannels, height, width],
    attributes: {
      kernel_shape: [info.outHeight, info.outWidth],
      strides: [info.dilationHeight, info.dilationWidth],
      dilations: [info.strideHeight, info.strideWidth],
      pads: [top, left, bottom, right],
    },
  });
  const exact = slice(graph, gradient, [0, 0, 0, 0], [info.inChannels, info.outChannels, info.filterHeight, info.filterWidth]);
  return transpose(graph, exact, [2, 3, 0, 1]);
};

/** Kernels of two-dimensional convolutions and their gradients. */
export const convolutions: Lowerings = {
  Conv2D: forward,
  Conv2DBackpropInput: inputGradient,
  Conv2DBackpropFilter: weightGradient,
};

