import { backend_util } from '@tensorflow/tfjs-core';
import { pendingDomain } from '../graph.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';
import { fromNchw, padsOf, toNchw, windowAttributes, windowAxes, withinReach } from './windows.ts';

function poolInfo(shape: readonly number[], attributes: KernelAttributes): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    attributes.filterSize as [number, number],
    attributes.strides as [number, number],
    1,
    attributes.pad as number,
    attributes.dimRoundingMode as 'floor' | undefined,
  );
}

/** A pooling of (batch, height, width, channels) by ONNX's operation; an average leaves the border out, as tfjs does. */
const pool =
  (op: 'MaxPool' | 'AveragePool'): Lowering =>
  ({ graph, inputs: { x }, attributes }) => {
    const info = poolInfo(x.shape, attributes);
    const axes = windowAxes(info);
    if (axes.some(({ size, before, after }) => before >= size || after >= size)) {
      throw new Error(
        `a pooling window of ${info.filterHeight}x${info.filterWidth} that can lie in the padding alone cannot be captured`,
      );
    }
    const y = graph.node(op, [withinReach(graph, toNchw(graph, x, attributes), axes)], {
      type: 'float32',
      shape: [info.batchSize, info.outChannels, info.outHeight, info.outWidth],
      attributes: {
        kernel_shape: axes.map(({ size }) => size),
        strides: axes.map(({ stride }) => stride),
        pads: padsOf(axes),
      },
    });
    return fromNchw(graph, y, attributes);
  };

/** The gradient of max pooling goes to the first of the largest elements of a window, row by row, as in tfjs. */
const maxPoolGradient: Lowering = ({ graph, inputs: { dy, input, output }, attributes }) => {
  const [gradient, x, y] = [dy, input, output].map((value) => toNchw(graph, value, attributes));
  const dx = graph.node('MaxPoolGradient', [gradient, x, y], {
    domain: pendingDomain,
    type: 'float32',
    shape: x.shape,
    attributes: windowAttributes(windowAxes(poolInfo(input.shape, attributes))),
  });
  return fromNchw(graph, dx, attributes);
};

const averagePoolGradient: Lowering = ({ graph, inputs: { dy, input }, attributes }) => {
  const info = poolInfo(input.shape, attributes);
  const dx = graph.node('AveragePoolGradient', [toNchw(graph, dy, attributes)], {
    domain: pendingDomain,
    type: 'float32',
    shape: [info.batchSize, info.inChannels, info.inHeight, info.inWidth],
    attributes: windowAttributes(windowAxes(info)),
  });
  return fromNchw(graph, dx, attributes);
};

/** Kernels of two-dimensional pooling over (batch, height, width, channels) and their gradients. */
export const pooling: Lowerings = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  MaxPoolGrad: maxPoolGradient,
  AvgPoolGrad: averagePoolGradient,
};
