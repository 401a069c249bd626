import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph, Value } from '../graph.ts';
import { binary, cast, pad, reshape, slice } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';
import type { WindowAxis } from './windows.ts';
import { fromNchw, padsOf, toNchw, windowAxes, withinReach } from './windows.ts';

type PoolInfo = backend_util.Conv2DInfo;
type Paddings = ReadonlyArray<readonly [before: number, after: number]>;

function poolInfo(shape: readonly number[], attributes: KernelAttributes): PoolInfo {
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

/** The elements of each window that lie at one place in it, (batch, out height, out width, channels). */
function windowElements(graph: Graph, bordered: Value, info: PoolInfo, row: number, column: number): Value {
  const size = [info.batchSize, info.outHeight, info.outWidth, info.inChannels];
  return slice(graph, bordered, [0, row, column, 0], size, [1, info.strideHeight, info.strideWidth, 1]);
}

/** Moves the elements of an axis apart, with stride - 1 zeros between them. */
function spread(graph: Graph, x: Value, axis: number, stride: number): Value {
  if (stride === 1) return x;
  const column = reshape(graph, x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]);
  const zeros: Paddings = column.shape.map((_, i) => [0, i === axis + 1 ? stride - 1 : 0]);
  const joined = x.shape.map((length, i) => (i === axis ? length * stride : length));
  const apart = reshape(graph, pad(graph, column, zeros, 0), joined);
  const used = joined.map((length, i) => (i === axis ? length - (stride - 1) : length));
  return slice(
    graph,
    apart,
    joined.map(() => 0),
    used,
  );
}

/** Adds up what `share` gives each place of a window, there where `windowElements` reads it, and cuts the border off. */
function scatterWindows(graph: Graph, info: PoolInfo, share: (row: number, column: number) => Value): Value {
  const axes = windowAxes(info);
  const [rows, columns] = axes.map(({ input, before, after }) => before + input + Math.max(0, after));
  let sum: Value | undefined;
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      const apart = spread(
        graph,
        spread(graph, share(row, column), 1, info.strideHeight),
        2,
        info.strideWidth,
      );
      const [, height, width] = apart.shape;
      const placed = pad(
        graph,
        apart,
        [
          [0, 0],
          [row, rows - row - height],
          [column, columns - column - width],
          [0, 0],
        ],
        0,
      );
      sum = sum === undefined ? placed : binary(graph, 'Add', sum, placed);
    }
  }
  const begin = [0, axes[0].before, axes[1].before, 0];
  return slice(graph, sum!, begin, [info.batchSize, info.inHeight, info.inWidth, info.inChannels]);
}

/** The gradient of max pooling goes to the first of the largest elements of a window, row by row, as in tfjs. */
const maxPoolGradient: Lowering = ({ graph, inputs: { dy, input, output }, attributes }) => {
  const info = poolInfo(input.shape, attributes);
  const border = ({ before, after }: WindowAxis): [number, number] => [before, Math.max(0, after)];
  const [vertical, horizontal] = windowAxes(info).map(border);
  const bordered = pad(graph, input, [[0, 0], vertical, horizontal, [0, 0]], Number.NEGATIVE_INFINITY);
  let open: Value = graph.fill(1, 'bool', dy.shape);
  return scatterWindows(graph, info, (row, column) => {
    const largest = binary(
      graph,
      'Equal',
      windowElements(graph, bordered, info, row, column),
      output,
      'bool',
    );
    const chosen = binary(graph, 'And', open, largest);
    open = binary(graph, 'And', open, graph.node('Not', [largest], { type: 'bool', shape: dy.shape }));
    return binary(graph, 'Mul', dy, cast(graph, chosen, 'float32'));
  });
};

const averagePoolGradient: Lowering = ({ graph, inputs: { dy, input }, attributes }) => {
  const info = poolInfo(input.shape, attributes);
  // tfjs divides by the whole window in the gradient, also where it reaches over the border.
  const even = binary(graph, 'Mul', dy, graph.scalar(1 / (info.filterHeight * info.filterWidth)));
  return scatterWindows(graph, info, () => even);
};

/** Kernels of two-dimensional pooling over (batch, height, width, channels) and their gradients. */
export const pooling: Lowerings = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  MaxPoolGrad: maxPoolGradient,
  AvgPoolGrad: averagePoolGradient,
};
