import type { Graph, GraphNode, Value } from '../graph.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { axesOfWindows, padsOf, withinReach } from '../kernels/windows.ts';
import { concat, pad, reduce, reshape, slice, transpose } from '../operations.ts';
import { columnSums } from './column-sums.ts';

/** The gradient of a convolution's input: with stride 1 a convolution with turned weights, otherwise a transposed one. */
export function inputGradient(
  graph: Graph,
  { attributes, outputs: [dx] }: GraphNode,
  [dy, weights]: readonly Value[],
): Value {
  const axes = axesOfWindows(attributes, dx, dy);
  const group = attributes.group as number;
  const kernel_shape = axes.map(({ size }) => size);
  const dilations = axes.map(({ dilation }) => dilation);
  const turns = ({ stride, dilation, size, before, after }: WindowAxis) =>
    stride === 1 && dilation === 1 && before < size && after < size;
  if (axes.every(turns)) {
    const pads = [
      ...axes.map(({ size, before }) => size - 1 - before),
      ...axes.map(({ size, after }) => size - 1 - after),
    ];
    return graph.node('Conv', [dy, turned(graph, weights, group)], {
      type: 'float32',
      shape: dx.shape,
      attributes: { kernel_shape, pads, group },
    });
  }
  // What no window reached has no gradient: ONNX adds up to stride - 1 such rows and columns, the rest is padding.
  const added = axes.map(({ after, stride }) => Math.min(Math.max(0, -after), stride - 1));
  const rest = axes.map(({ after }, i) => Math.max(0, -after) - added[i]);
  const reached = graph.node('ConvTranspose', [dy, weights], {
    type: 'float32',
    shape: [...dx.shape.slice(0, 2), ...axes.map(({ input }, i) => input - rest[i])],
    attributes: {
      kernel_shape,
      strides: axes.map(({ stride }) => stride),
      dilations,
      pads: padsOf(axes),
      output_padding: added,
      group,
    },
  });
  return pad(
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
}

/** Weights (out, in, height, width) as those of the way back: (in, out, height, width) of each group, turned by 180°. */
function turned(graph: Graph, weights: Value, group: number): Value {
  const [outputs, inputs, height, width] = weights.shape;
  const grouped = reshape(graph, weights, [group, outputs / group, inputs, height, width]);
  const swapped = transpose(graph, grouped, [0, 2, 1, 3, 4]);
  const back = reshape(graph, swapped, [group * inputs, outputs / group, height, width]);
  return slice(graph, back, [0, 0, height - 1, width - 1], back.shape, [1, 1, -1, -1]);
}

/** Up to so many elements of a window, the weights' gradient is a product with the windows laid out; beyond, a convolution. */
const laidOutWindow = 9;

/**
 * The gradient of the weights: a convolution over the batch, in which channels and images change places, the output's
 * gradient is the kernel, and stride and dilation change places too; or a product, where that is faster.
 */
export function weightGradient(
  graph: Graph,
  { attributes, outputs: [gradient] }: GraphNode,
  [x, dy]: readonly Value[],
): Value {
  const axes = axesOfWindows(attributes, x, dy);
  const [outChannels, inChannels, height, width] = gradient.shape;
  const group = attributes.group as number;
  if (group === 1 && height * width <= laidOutWindow) return byProduct(graph, axes, x, dy);
  const [batch, channels, ...pixels] = x.shape;
  const images = transpose(graph, x, [1, 0, 2, 3]);
  const kernels = transpose(graph, dy, [1, 0, 2, 3]);
  // With groups, the channels are groups of one convolution instead of images that share its kernels.
  const count = group === 1 ? channels : 1;
  if (group > 1 && inChannels > 1)
    throw new Error('gradients of grouped convolutions are those of depthwise ones alone');
  const found = axes.map(({ input, output, stride, dilation, before, after }) => {
    const room = before + input + Math.max(0, after) - (output - 1) * stride - 1;
    return Math.floor(room / dilation) + 1;
  });
  const convolved = graph.node('Conv', [reshape(graph, images, [count, group * batch, ...pixels]), kernels], {
    type: 'float32',
    shape: [count, outChannels, ...found],
    attributes: {
      kernel_shape: axes.map(({ output }) => output),
      strides: axes.map(({ dilation }) => dilation),
      dilations: axes.map(({ stride }) => stride),
      pads: padsOf(axes),
      group,
    },
  });
  const exact = slice(graph, convolved, [0, 0, 0, 0], [count, outChannels, height, width]);
  return transpose(graph, exact, [1, 0, 2, 3]);
}

/**
 * The gradient of the weights as a product: the windows of x, laid out as (batch, in · height · width, places), times the
 * output's gradient (batch, out, places), summed over the batch. Two to four times as fast as the convolution for 3x3
 * and 1x1 windows; for a stem's 7x7 the laying out costs more than it gains.
 */
function byProduct(graph: Graph, axes: readonly WindowAxis[], image: Value, dy: Value): Value {
  const [batch, inChannels] = image.shape;
  const [, outChannels, outHeight, outWidth] = dy.shape;
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
      const size = [batch, inChannels, outHeight, outWidth];
      const element = slice(graph, bordered, begin, size, [1, 1, rows.stride, columns.stride]);
      elements.push(reshape(graph, element, [batch, inChannels, 1, places]));
    }
  }
  const window = inChannels * elements.length;
  const windows = reshape(graph, concat(graph, elements, 2), [batch, window, places]);
  const products = graph.node(
    'MatMul',
    [reshape(graph, dy, [batch, outChannels, places]), transpose(graph, windows, [0, 2, 1])],
    { type: 'float32', shape: [batch, outChannels, window] },
  );
  const shape = [outChannels, inChannels, rows.size, columns.size];
  return (
    columnSums(graph, products, [0], shape) ??
    reshape(graph, reduce(graph, 'ReduceSum', products, [0]), shape)
  );
}
