import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph, Value } from '../graph.ts';
import { pendingDomain } from '../graph.ts';
import { reshape, transpose } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';
import { fromNchw, padsOf, toNchw, windowAttributes, windowAxes, withinReach } from './windows.ts';

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

/** tfjs's filter (height, width, in, out) as ONNX's weights (out, in of one group, height, width). */
function toWeights(kind: Kind, graph: Graph, filter: Value): Value {
  if (kind === 'full') return transpose(graph, filter, [3, 2, 0, 1]);
  const [height, width, inputs, multiplier] = filter.shape;
  return reshape(graph, transpose(graph, filter, [2, 3, 0, 1]), [inputs * multiplier, 1, height, width]);
}

/** ONNX's weights as tfjs's filter of the given shape. */
function toFilter(kind: Kind, graph: Graph, weights: Value, shape: readonly number[]): Value {
  if (kind === 'full') return transpose(graph, weights, [2, 3, 1, 0]);
  const [height, width, inputs, multiplier] = shape;
  return transpose(graph, reshape(graph, weights, [inputs, multiplier, height, width]), [2, 3, 0, 1]);
}

const groupsOf = (kind: Kind, info: backend_util.Conv2DInfo) => (kind === 'full' ? 1 : info.inChannels);

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
        group: groupsOf(kind, info),
      },
    });
    return fromNchw(graph, y, attributes);
  };

const inputGradient =
  (kind: Kind): Lowering =>
  ({ graph, inputs: { dy, filter }, attributes }) => {
    const info = convolutionInfo(kind, attributes.inputShape as number[], filter.shape, attributes);
    const dx = graph.node(
      'ConvInputGradient',
      [toNchw(graph, dy, attributes), toWeights(kind, graph, filter)],
      {
        domain: pendingDomain,
        type: 'float32',
        shape: [info.batchSize, info.inChannels, info.inHeight, info.inWidth],
        attributes: { ...windowAttributes(windowAxes(info)), group: groupsOf(kind, info) },
      },
    );
    return fromNchw(graph, dx, attributes);
  };

const weightGradient =
  (kind: Kind): Lowering =>
  ({ graph, inputs: { x, dy }, attributes }) => {
    const filterShape = attributes.filterShape as number[];
    const info = convolutionInfo(kind, x.shape, filterShape, attributes);
    const gradient = graph.node(
      'ConvWeightGradient',
      [toNchw(graph, x, attributes), toNchw(graph, dy, attributes)],
      {
        domain: pendingDomain,
        type: 'float32',
        shape: [info.outChannels, kind === 'full' ? info.inChannels : 1, info.filterHeight, info.filterWidth],
        attributes: { ...windowAttributes(windowAxes(info)), group: groupsOf(kind, info) },
      },
    );
    return toFilter(kind, graph, gradient, filterShape);
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
