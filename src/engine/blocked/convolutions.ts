import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { reshape } from '../operations.ts';
import { convolve, interleaved, type Target, unblocked } from './emit.ts';
import type { WeightLayout } from './layouts.ts';

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
