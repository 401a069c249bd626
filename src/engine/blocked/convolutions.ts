import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { pad, reshape, slice, transpose } from '../operations.ts';
import { asImage, convolve, interleaved, swapped, type Target, taken, unblocked } from './emit.ts';
import { inputBlock, type WeightLayout } from './layouts.ts';

const indices = (graph: Graph, values: readonly number[]) =>
  graph.constant(Int32Array.from(values), 'int32', [values.length]);

/** Rows of equal length of a value, by constant numbers. */
function takeRows(graph: Graph, x: Value, length: number, rows: readonly number[]): Value {
  return graph.node('Gather', [reshape(graph, x, [sizeOf(x.shape) / length, length]), indices(graph, rows)], {
    type: 'float32',
    shape: [rows.length, length],
    attributes: { axis: 0 },
  });
}

/**
 * Weights in blocks for the way back, as those of a convolution (I, O, 1, taps): inputs and outputs have changed places,
 * and of the window those elements remain that `taps` names, in that order.
 */
export function backwardFilter(
  { graph, block }: Target,
  weights: Value,
  layout: WeightLayout,
  taps: readonly number[],
): Value {
  const { outputs, inputs, window } = layout;
  const [outputBlocks, inputBlocks] = [outputs / block, inputs / block];
  const chunks = outputBlocks * inputBlocks * window;
  // Each block of inputs · outputs is turned over, as the runtime turns an image of `block` pixels out of its blocks.
  const turned = unblocked({ graph, block }, reshape(graph, weights, [chunks, block, block, 1]));
  const rows: number[] = [];
  for (let i = 0; i < inputBlocks; i++) {
    for (let o = 0; o < outputBlocks; o++) {
      for (const tap of taps) rows.push((o * inputBlocks + i) * window + tap);
    }
  }
  const ordered = rows.length === chunks && rows.every((row, i) => row === i);
  const picked = ordered ? turned : takeRows(graph, turned, block * block, rows);
  return reshape(graph, picked, [inputs, outputs, 1, taps.length]);
}

/** One of the classes that the pixels of an axis fall into, `stride` apart: which taps of a window reach it, and from where. */
interface Phase {
  readonly taps: readonly number[];
  readonly pads: readonly [before: number, after: number];
}

/** The phases of an axis of `count` pixels each, or undefined where the pads of one would be negative. */
function phasesOf(axis: WindowAxis, count: number): readonly Phase[] | undefined {
  const { stride, size, before, output } = axis;
  const phases = Array.from({ length: stride }, (_, phase): Phase => {
    const taps = Array.from({ length: size }, (_, k) => size - 1 - k).filter(
      (k) => (((phase + before - k) % stride) + stride) % stride === 0,
    );
    if (taps.length === 0) return { taps, pads: [0, 0] };
    const first = (phase + before - taps[0]) / stride;
    const last = (phase + before - taps[taps.length - 1]) / stride;
    return { taps, pads: [-first, count - 1 + last - (output - 1)] };
  });
  return phases.every(({ pads }) => pads.every((length) => length >= 0)) ? phases : undefined;
}

/**
 * The gradient of a convolution's input (N, C, H, W) in blocks: a convolution of stride 1 with weights of the way back;
 * where windows are a stride apart, one for each class of pixels, which are then interleaved. Undefined where that does
 * not go.
 */
export function inputGradient(
  target: Target,
  dy: Value,
  weights: Value,
  options: {
    readonly layout: WeightLayout;
    readonly axes: readonly WindowAxis[];
    readonly shape: readonly number[];
  },
): Value | undefined {
  const { graph } = target;
  const { layout, axes, shape } = options;
  const [batch, channels] = shape;
  const counts = axes.map(({ input, stride }) => Math.ceil(input / stride));
  const [rows, columns] = axes.map((axis, i) => phasesOf(axis, counts[i]));
  if (rows === undefined || columns === undefined || axes.some(({ dilation }) => dilation !== 1))
    return undefined;
  const part = [batch, channels, ...counts];
  const image = reshape(graph, dy, [batch, layout.outputs, axes[0].output, axes[1].output]);
  const classes = rows.map((vertical) =>
    columns.map((horizontal) => {
      const taps = vertical.taps.flatMap((row) =>
        horizontal.taps.map((column) => row * axes[1].size + column),
      );
      if (taps.length === 0) return graph.fill(0, 'float32', part);
      const kernel = [vertical.taps.length, horizontal.taps.length];
      const filter = backwardFilter(target, weights, layout, taps);
      return convolve(target, image, reshape(graph, filter, [layout.inputs, layout.outputs, ...kernel]), {
        shape: part,
        kernel,
        pads: [vertical.pads[0], horizontal.pads[0], vertical.pads[1], horizontal.pads[1]],
      });
    }),
  );
  return interleaved(target, classes, shape);
}

/**
 * The gradient of a convolution's weights in blocks: a convolution over the batch, in which channels and images change
 * places and the output's gradient is the kernel. `x` is (N, C, H, W) in blocks, or plain where it has fewer channels than
 * a block. Undefined where that does not go.
 */
export function weightGradient(
  target: Target,
  x: Value,
  dy: Value,
  options: { readonly layout: WeightLayout; readonly axes: readonly WindowAxis[]; readonly batch: number },
): Value | undefined {
  const { graph, block } = target;
  const { layout, axes, batch } = options;
  const { outputs, inputs, window } = layout;
  const [rows, columns] = axes;
  const places = batch * rows.output * columns.output;
  if (
    window === 1 &&
    inputs % block === 0 &&
    places % block === 0 &&
    axes.every(({ before, input, output, stride }) => before === 0 && output === Math.ceil(input / stride))
  ) {
    const image = subsampled(target, x, axes, [batch, inputs, rows.input, columns.input]);
    const [merged, gradient] = [image, dy].map((value, i) =>
      swapped(graph, value, batch, (i === 0 ? inputs : outputs) / block),
    );
    return matrixGradient(target, merged, gradient, { rows: places, inputs, outputs });
  }
  const padded = axes.map(({ input, before, after }) => before + input + Math.max(0, after));
  const exact = axes.every(
    ({ output, stride, dilation, size }, i) =>
      Math.floor((padded[i] - (output - 1) * stride - 1) / dilation) + 1 === size,
  );
  if (!exact) return undefined;
  const images = imagesByChannel(target, x, { inputs, batch, axes, padded }); // [inputs, batch, ...padded]
  const kernels = reshape(graph, swapped(graph, dy, batch, outputs / block), [
    outputs / block,
    batch,
    rows.output,
    columns.output * block,
  ]);
  // Fewer images than a block has channels are taken as they lie; more of them in several rounds, which add up.
  const round = Array.from({ length: block - 1 }, (_, i) => block - 1 - i).find(
    (count) => batch % count === 0,
  )!;
  let sum: Value | undefined;
  for (let first = 0; first < batch; first += round) {
    const begin = [0, first, 0, 0];
    const some = slice(graph, images, begin, [inputs, round, ...padded]);
    const kernel = slice(graph, kernels, begin, [
      outputs / block,
      round,
      rows.output,
      columns.output * block,
    ]);
    const filter = reshape(graph, kernel, [outputs, round, rows.output, columns.output]);
    sum = convolve(target, some, filter, {
      shape: [inputs, outputs, rows.size, columns.size],
      kernel: [rows.output, columns.output],
      strides: axes.map(({ dilation }) => dilation),
      dilations: axes.map(({ stride }) => stride),
      sum,
    });
  }
  return inWeightOrder(target, sum!, layout);
}

/** Only those pixels that windows of one pixel look at. */
function subsampled(target: Target, x: Value, axes: readonly WindowAxis[], shape: readonly number[]): Value {
  if (axes.every(({ input, output }) => input === output)) return x;
  return taken(target, reshape(target.graph, x, shape), {
    shape: [...shape.slice(0, 2), ...axes.map(({ output }) => output)],
    offsets: [0, 0],
    strides: axes.map(({ stride }) => stride),
  });
}

/** Images with their border as (channels, N, height, width), in public order. */
function imagesByChannel(
  target: Target,
  x: Value,
  options: {
    readonly inputs: number;
    readonly batch: number;
    readonly axes: readonly WindowAxis[];
    readonly padded: readonly number[];
  },
): Value {
  const { graph, block } = target;
  const { inputs, batch, axes, padded } = options;
  const shape = [batch, inputs, ...axes.map(({ input }) => input)];
  const borders = axes.map(({ before, after }) => [before, Math.max(0, after)] as const);
  if (inputs < block) {
    const images = transpose(graph, reshape(graph, x, shape), [1, 0, 2, 3]);
    return pad(graph, images, [[0, 0], [0, 0], ...borders], 0);
  }
  const image = reshape(graph, x, shape);
  const bordered = borders.every(([before, after]) => before === 0 && after === 0)
    ? image
    : taken(target, image, {
        shape: [batch, inputs, ...padded],
        offsets: borders.map(([before]) => -before),
      });
  const byBlock = swapped(graph, bordered, batch, inputs / block);
  // The images of a block of channels lie one below the other, and leave their blocks as one image.
  const [height, width] = padded;
  const open = unblocked(target, reshape(graph, byBlock, [inputs / block, block, batch * height, width]));
  return reshape(graph, open, [inputs, batch, height, width]);
}

/** What a convolution over the batch gives, inputs as images and outputs as channels, in the order of weights. */
function inWeightOrder({ graph, block }: Target, gradient: Value, layout: WeightLayout): Value {
  const { outputs, inputs, window } = layout;
  const outputBlocks = outputs / block;
  const shape = [outputs, inputs, window];
  if (inputBlock(layout, block) === 1) {
    return reshape(graph, swapped(graph, gradient, inputs, outputBlocks), shape);
  }
  const rows: number[] = [];
  for (let o = 0; o < outputBlocks; o++) {
    for (let i = 0; i < inputs; i += block) {
      for (let w = 0; w < window; w++) {
        for (let b = 0; b < block; b++) rows.push(((i + b) * outputBlocks + o) * window + w);
      }
    }
  }
  return reshape(graph, takeRows(graph, gradient, block, rows), shape);
}

/**
 * xᵀ·dy for rows in blocks, x (R, I) and dy (R, O), in the blocks of a matrix: a convolution of one pixel over the rows as
 * channels, of which dy is the weights as it lies, and the image is x with its blocks turned over. R is a multiple of the
 * block.
 */
export function matrixGradient(
  target: Target,
  x: Value,
  dy: Value,
  { rows, inputs, outputs }: { readonly rows: number; readonly inputs: number; readonly outputs: number },
): Value {
  const { graph, block } = target;
  const [rowBlocks, inputBlocks] = [rows / block, inputs / block];
  const turned = unblocked(target, reshape(graph, x, [inputBlocks * rowBlocks, block, block, 1]));
  const [height, width] = asImage(inputs, 32);
  const image = reshape(graph, swapped(graph, turned, inputBlocks, rowBlocks), [1, rows, height, width]);
  const gradient = convolve(target, image, reshape(graph, dy, [outputs, rows, 1, 1]), {
    shape: [1, outputs, height, width],
    kernel: [1, 1],
  });
  return reshape(graph, gradient, [inputs, outputs]);
}
