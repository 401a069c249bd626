import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph, Value } from '../graph.ts';
import { binary, cast, pad, slice, transpose } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';

type PoolInfo = backend_util.Conv2DInfo;

const channelsFirst = [0, 3, 1, 2];
const channelsLast = [0, 2, 3, 1];

function poolInfo(shape: readonly number[], attributes: KernelAttributes): PoolInfo {
  return backend_util.computePool2DInfo(
    [...shape] as [number, number, number, number],
    attributes.filterSize as [number, number],
    attributes.strides as [number, number],
    1,
    attributes.pad as number,
    attributes.dimRoundingMode as 'floor' | undefined,
  );
}

function poolAttributes(info: PoolInfo) {
  const { top, bottom, left, right } = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
  };
}

/** A pooling of (batch, height, width, channels) by ONNX's operation; an average leaves the border out, as tfjs does. */
const pool =
  (op: 'MaxPool' | 'AveragePool'): Lowering =>
  ({ graph, inputs: { x }, attributes }) => {
    const info = poolInfo(x.shape, attributes);
    const y = graph.node(op, [transpose(graph, x, channelsFirst)], {
      type: 'float32',
      shape: [info.batchSize, info.outChannels, info.outHeight, info.outWidth],
      attributes: poolAttributes(info),
    });
    return transpose(graph, y, channelsLast);
  };

/** The elements of each window that lie at one place in it, (batch, out height, out width, channels). */
function windowElements(graph: Graph, bordered: Value, info: PoolInfo, row: number, column: number): Value {
  const size = [info.batchSize, info.outHeight, info.outWidth, info.inChannels];
  return slice(graph, bordered, [0, row, column, 0], size, [1, info.strideHeight, info.strideWidth, 1]);
}

/** Puts elements back where `windowElements` took them from, with zeros between. */
function placeElements(graph: Graph, elements: Value, info: PoolInfo, row: number, column: number, shape: readonly number[]): Value {
  const spread = (x: Value, axis: number, stride: number) => {
    if (stride === 1) return x;
    const split = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
    const zeros: Array<[number, number]> = split.map((_, i) => (i === axis + 1 ? [0, stride - 1] : [0, 0]));
    const apart = pad(graph, graph.node('Reshape', [x, graph.shape(split)], { type: x.type, shape: split }), zeros, 0);
    const joined = x.shape.map((length, i) => (i === axis ? length * stride : length));
    const flat = graph.node('Reshape', [apart, graph.shape(joined)], { type: x.type, shape: joined });
    const used = joined.map((length, i) => (i === axis ? length - (stride - 1) : length));
    return slice(graph, flat, joined.map(() => 0), used);
  };
  const rows = spread(elements, 1, info.strideHeight);
  const spreadOut = spread(rows, 2, info.strideWidth);
  const [, height, width] = spreadOut.shape;
  return pad(graph, spreadOut, [[0, 0], [row, shape[1] - row - height], [column, shape[2] - column - width], [0, 0]], 0);
}

/** Sums over the places of a window what `share` gives each, and cuts the border off. */
function gatherWindows(graph: Graph, info: PoolInfo, share: (row: number, column: number) => Value): Value {
  const { top, bottom, left, right } = info.padInfo;
  const bordered = [info.batchSize, info.inHeight + top + bottom, info.inWidth + left + right, info.inChannels];
  let sum: Value | undefined;
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      const placed = placeElements(graph, share(row, column), info, row, column, bordered);
      sum = sum === undefined ? placed : binary(graph, 'Add', sum, placed);
    }
  }
  return slice(graph, sum!, [0, top, left, 0], [info.batchSize, info.inHeight, info.inWidth, info.inChannels]);
}

function borders(info: PoolInfo): Array<[number, number]> {
  const { top, bottom, left, right } = info.padInfo;
  return [[0, 0], [top, bottom], [left, right], [0, 0]];
}

/** The gradient of max pooling goes to the last of the largest elements of a window, as in tfjs. */
const maxPoolGradient: Lowering = ({ graph, inputs: { dy, input, output }, attributes }) => {
  const info = poolInfo(input.shape, attributes);
  const bordered = pad(graph, input, borders(info), -3.4028234663852886e38);
  let taken: Value = graph.fill(0, 'bool', dy.shape);
  const shares = new Map<string, Value>();
  for (let row = info.filterHeight - 1; row >= 0; row--) {
    for (let column = info.filterWidth - 1; column >= 0; column--) {
      const largest = binary(graph, 'Equal', windowElements(graph, bordered, info, row, column), output, 'bool');
      const chosen = binary(graph, 'Greater', cast(graph, largest, 'int32'), cast(graph, taken, 'int32'), 'bool');
      shares.set(`${row},${column}`, binary(graph, 'Mul', dy, cast(graph, chosen, 'float32')));
      taken = binary(graph, 'Or', taken, largest);
    }
  }
  return gatherWindows(graph, info, (row, column) => shares.get(`${row},${column}`)!);
};

const averagePoolGradient: Lowering = ({ graph, inputs: { dy, input }, attributes }) => {
  const info = poolInfo(input.shape, attributes);
  // tfjs divides by the whole window in the gradient, also where it reaches over the border.
  const even = binary(graph, 'Mul', dy, graph.scalar(1 / (info.filterHeight * info.filterWidth)));
  return gatherWindows(graph, info, () => even);
};

/** Kernels of two-dimensional pooling over (batch, height, width, channels) and their gradients. */
export const pooling: Lowerings = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  MaxPoolGrad: maxPoolGradient,
  AvgPoolGrad: averagePoolGradient,
};
