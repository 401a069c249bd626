import type { backend_util } from '@tensorflow/tfjs-core';
import type { Attributes, Graph, Value } from '../graph.ts';
import { slice, transpose } from '../operations.ts';
import type { KernelAttributes } from './lowering.ts';

/** How windows lie along one axis of an image; `input` and `output` count pixels and windows. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front of the first pixel. */
  readonly before: number;
  /** Padding behind the last pixel that the last window reaches; negative where it leaves pixels out. */
  readonly after: number;
}

/**
 * The vertical and the horizontal axis, from what tfjs works out of a kernel's shapes and options. The number of windows
 * is tfjs's own, and the padding behind follows from it: with a padding that is given as a number, tfjs counts the
 * columns' windows with the rows' size and stride.
 */
export function windowAxes(info: backend_util.Conv2DInfo): readonly [WindowAxis, WindowAxis] {
  const axis = (
    input: number,
    output: number,
    size: number,
    stride: number,
    dilation: number,
    before: number,
  ) => {
    const reach = (output - 1) * stride + (size - 1) * dilation + 1;
    return { input, output, size, stride, dilation, before, after: reach - input - before };
  };
  const { top, left } = info.padInfo;
  return [
    axis(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.dilationHeight, top),
    axis(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.dilationWidth, left),
  ];
}

/** ONNX's `pads`: in front of both axes, then behind them. */
export function padsOf(axes: readonly WindowAxis[]): number[] {
  return [...axes.map(({ before }) => before), ...axes.map(({ after }) => Math.max(0, after))];
}

/** An image (batch, channels, height, width) without the last pixels where leaving them in would give more windows. */
export function withinReach(graph: Graph, x: Value, axes: readonly WindowAxis[]): Value {
  const used = axes.map(({ input, after, stride }) => (-after >= stride ? input + after : input));
  return slice(graph, x, [0, 0, 0, 0], [...x.shape.slice(0, 2), ...used]);
}

/** The attributes of an operation over windows from which `axesOfWindows` finds its axes again. */
export function windowAttributes(axes: readonly WindowAxis[]): Attributes {
  return {
    kernel_shape: axes.map(({ size }) => size),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    before: axes.map(({ before }) => before),
  };
}

/** How windows lie over an image (batch, channels, height, width), of which `output` has one pixel each. */
export function axesOfWindows(attributes: Attributes, input: Value, output: Value): WindowAxis[] {
  const at = (name: string, axis: number) => (attributes[name] as readonly number[])[axis];
  return [0, 1].map((axis) => {
    const [size, stride] = [at('kernel_shape', axis), at('strides', axis)];
    const [dilation, before] = [at('dilations', axis), at('before', axis)];
    const [pixels, windows] = [input.shape[axis + 2], output.shape[axis + 2]];
    const after = (windows - 1) * stride + (size - 1) * dilation + 1 - pixels - before;
    return { input: pixels, output: windows, size, stride, dilation, before, after };
  });
}

const isNchw = (attributes: KernelAttributes) => attributes.dataFormat === 'NCHW';

/** A tensor of the kernel's data format as (batch, channels, height, width). */
export function toNchw(graph: Graph, x: Value, attributes: KernelAttributes): Value {
  return isNchw(attributes) ? x : transpose(graph, x, [0, 3, 1, 2]);
}

/** A tensor (batch, channels, height, width) in the kernel's data format. */
export function fromNchw(graph: Graph, x: Value, attributes: KernelAttributes): Value {
  return isNchw(attributes) ? x : transpose(graph, x, [0, 2, 3, 1]);
}
