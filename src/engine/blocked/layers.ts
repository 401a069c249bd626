import type { GraphNode, Value } from '../graph.ts';
import { axesOfWindows, type WindowAxis } from '../kernels/windows.ts';
import { concat, reshape, sameShape, slice } from '../operations.ts';
import { maxPoolGradient } from '../passes/pool-gradients.ts';
import { chunkedSums } from '../row-sums/chunked-sums.ts';
import { tabledSumsOp } from '../row-sums/row-sums.ts';
import type { Blocker } from './blocker.ts';
import { backwardFilter, inputGradient } from './convolutions.ts';
import { convolve, imageShape, pooled, unblocked } from './emit.ts';
import { type Blocked, type Form, inMemory } from './forms.ts';
import { fitsBlocks, type Layout, type WeightLayout } from './layouts.ts';
import { maxPoolGradientAboveZero } from './max-pool.ts';
import type { BlockRule } from './rules.ts';
import { matrixGradient, weightGradient } from './weight-gradients.ts';

function imageLayout([batch, channels, height, width]: readonly number[]): Layout {
  return { kind: 'image', batch, channels, height, width };
}

/** The layout of a convolution's weights, where they fit into blocks. */
function filterLayout(blocker: Blocker, shape: readonly number[], node: GraphNode): WeightLayout | undefined {
  const [outputs, inputs, height, width] = shape;
  const layout: WeightLayout = { kind: 'weights', outputs, inputs, window: height * width };
  return shape.length === 4 && node.attributes.group === 1 && fitsBlocks(layout, blocker.block)
    ? layout
    : undefined;
}

/** An image in blocks, or in public order where its channels are fewer than a block. */
function imageOf(blocker: Blocker, value: Value): Value {
  if (value.shape[1] % blocker.block !== 0) return blocker.plain(value);
  return blocker.raw(blocker.blocked(value, imageLayout(value.shape)));
}

const convolution: BlockRule = (blocker, node) => {
  const [x, weights, bias] = node.inputs;
  const { attributes, outputs } = node;
  const layout = filterLayout(blocker, weights!.shape, node);
  if (layout === undefined || bias !== undefined) return undefined;
  const filter = blocker.raw(blocker.blocked(weights!, layout));
  const { shape } = outputs[0];
  const raw = convolve(blocker, imageOf(blocker, x!), reshape(blocker.graph, filter, weights!.shape), {
    shape,
    kernel: attributes.kernel_shape as number[],
    strides: attributes.strides as number[],
    dilations: attributes.dilations as number[],
    pads: attributes.pads as number[],
  });
  return inMemory(imageLayout(shape), shape, raw);
};

const convolutionInputGradient: BlockRule = (blocker, node) => {
  const [dy, weights] = node.inputs as [Value, Value];
  const { shape } = node.outputs[0];
  const layout = filterLayout(blocker, weights.shape, node);
  if (layout === undefined || layout.inputs % blocker.block !== 0) return undefined;
  const axes = axesOfWindows(node.attributes, node.outputs[0], dy);
  const filter = blocker.raw(blocker.blocked(weights, layout));
  const raw = inputGradient(blocker, imageOf(blocker, dy), filter, { layout, axes, shape });
  return raw && inMemory(imageLayout(shape), shape, raw);
};

const convolutionWeightGradient: BlockRule = (blocker, node) => {
  const [x, dy] = node.inputs as [Value, Value];
  const { shape } = node.outputs[0];
  const layout = filterLayout(blocker, shape, node);
  if (layout === undefined) return undefined;
  const axes: readonly WindowAxis[] = axesOfWindows(node.attributes, x, dy);
  const options = { layout, axes, batch: x.shape[0] };
  const raw = weightGradient(blocker, imageOf(blocker, x), imageOf(blocker, dy), options);
  return raw && inMemory(layout, shape, raw);
};

const maxPooling: BlockRule = (blocker, { inputs: [x], outputs: [{ shape }], attributes }) => {
  const form = blocker.form(x!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'image') return undefined;
  const raw = pooled(blocker, 'MaxPool', blocker.raw(form), {
    shape,
    kernel: attributes.kernel_shape as number[],
    strides: attributes.strides as number[],
    pads: attributes.pads as number[],
  });
  return inMemory(imageLayout(shape), shape, raw);
};

const maxPoolingGradient: BlockRule = (blocker, node) => {
  const [dy, x, y] = node.inputs as [Value, Value, Value];
  if ([x, y].some((value) => blocker.form(value).kind !== 'blocked')) return undefined;
  const raws = [dy, x, y].map((value) => imageOf(blocker, value));
  const { shape } = x;
  if (countsAboveZero(blocker, node.outputs[0], x)) {
    const [gradient, image, maxima] = raws;
    const axes = axesOfWindows(node.attributes, x, y);
    const raw = maxPoolGradientAboveZero(blocker, { dy: gradient, x: image, y: maxima }, axes);
    return inMemory(imageLayout(shape), shape, raw);
  }
  return inMemory(imageLayout(shape), shape, maxPoolGradient(blocker.graph, node, raws, blocker.block));
};

/** Whether x is what a ReLU gives, and the gradient of x goes to that ReLU alone: then only x > 0 counts. */
function countsAboveZero(blocker: Blocker, gradient: Value, x: Value): boolean {
  const above = (value: Value | undefined): boolean => {
    if (value?.node?.op === 'Cast') return above(value.node.inputs[0]);
    const { node } = value ?? {};
    return node?.op === 'Greater' && node.inputs[0] === x && node.inputs[1]?.fill === 0;
  };
  return (
    x.node?.op === 'Relu' &&
    blocker
      .consumersOf(gradient)
      .every(({ op, inputs }) => op === 'Mul' && above(inputs[inputs[0] === gradient ? 1 : 0]))
  );
}

/** (N, C, H, W) to (N, H, W, C), in one go with leaving the blocks. */
const transposition: BlockRule = (blocker, { inputs: [x], attributes }) => {
  const form = blocker.form(x!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'image' || `${attributes.perm}` !== '0,2,3,1')
    return undefined;
  return { kind: 'plain', value: unblocked(blocker, blocker.raw(form), true) };
};

function rowsLayout([rows, channels]: readonly number[]): Layout {
  return { kind: 'rows', rows, channels };
}

function isRows(blocker: Blocker, value: Value): boolean {
  const form = blocker.form(value);
  return form.kind === 'blocked' && form.layout.kind === 'rows';
}

/** Rows in blocks as (channels / block, rows, block). */
function blocksOfRows(blocker: Blocker, form: Blocked): Value {
  const { block, graph } = blocker;
  const { rows, channels } = form.layout as Layout & { kind: 'rows' };
  return reshape(graph, blocker.raw(form), [channels / block, rows, block]);
}

/** Rows of (channels / block, rows, block) as a form. */
function formOfRows(blocker: Blocker, raw: Value, shape: readonly number[]): Blocked {
  const layout = rowsLayout(shape);
  return inMemory(layout, shape, reshape(blocker.graph, raw, imageShape(layout, blocker.block)));
}

/** Products of rows with weights, and their gradients. */
const product: BlockRule = (blocker, node) => {
  const { block, graph } = blocker;
  const [a, b] = node.inputs as [Value, Value];
  const { transA, transB } = node.attributes as { transA: number; transB: number };
  const { shape } = node.outputs[0];
  const formOf = (value: Value) => blocker.form(value).kind === 'blocked';
  const whole = (...lengths: readonly number[]) => lengths.every((length) => length % block === 0);
  if (transA === 1) {
    const known = blocker.inBlocks(a, 'rows') !== undefined && isRows(blocker, b);
    if (transB === 1 || !known || !whole(a.shape[0], ...shape)) return undefined;
    const [x, dy] = [a, b].map((value) =>
      blocksOfRows(blocker, blocker.blocked(value, rowsLayout(value.shape))),
    );
    const [rows, inputs] = a.shape;
    const raw = matrixGradient(blocker, x, dy, { rows, inputs, outputs: shape[1] });
    return inMemory({ kind: 'matrix', inputs, outputs: shape[1], window: 1 }, shape, raw);
  }
  // What is multiplied with rows in blocks is no weight if it is rows itself, as the keys of a contrastive loss.
  if (isRows(blocker, b)) return undefined;
  if (!whole(...b.shape)) {
    // Rows of few channels, such as coordinates: the product is made in public order, and goes into blocks from there.
    if (formOf(a) || formOf(b) || !whole(shape[1]) || transB === 1 || !isWeightOfRows(blocker, node))
      return undefined;
    const operands = [a, b].map((value) => blocker.plain(value));
    const value = graph.node('Gemm', operands, { type: 'float32', shape, attributes: node.attributes });
    return blocker.enter(value, rowsLayout(shape), shape);
  }
  if (!isRows(blocker, a) && !isWeightOfRows(blocker, node)) return undefined;
  const layout: WeightLayout = { kind: 'matrix', inputs: b.shape[0], outputs: b.shape[1], window: 1 };
  const weights = blocker.raw(blocker.blocked(b, layout));
  const filter = transB === 1 ? backwardFilter(blocker, weights, layout, [0]) : weights;
  const x = blocker.raw(blocker.blocked(a, rowsLayout(a.shape)));
  const target = rowsLayout(shape);
  const raw = convolve(blocker, x, reshape(graph, filter, [shape[1], a.shape[1], 1, 1]), {
    shape: imageShape(target, block),
    kernel: [1, 1],
  });
  return inMemory(target, shape, raw);
};

/** Whether a product is one of many rows with few weights: then its result is worth having in blocks. */
function isWeightOfRows(blocker: Blocker, { inputs: [a, b], outputs: [{ shape }] }: GraphNode): boolean {
  return blocker.isWeight(b!) && shape[0] % blocker.block === 0 && a !== b;
}

/** Rows by number. */
const gathering: BlockRule = (blocker, { inputs: [x, index], outputs: [{ shape }], attributes }) => {
  const form = blocker.form(x!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'rows' || form.shape.length !== 2) return undefined;
  if (attributes.axis !== 0 || shape.length !== 2) return undefined;
  const { block, graph } = blocker;
  const raw = graph.node('Gather', [blocksOfRows(blocker, form), blocker.plain(index!)], {
    type: 'float32',
    shape: [shape[1] / block, shape[0], block],
    attributes: { axis: 1 },
  });
  return formOfRows(blocker, raw, shape);
};

/** Sums of rows by tables: each block of channels has rows of its own, and a chunk of them is the window of a convolution. */
const summing: BlockRule = (blocker, { inputs: [updates, ...tables], outputs: [{ shape }] }) => {
  const form = blocker.form(updates!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'rows' || form.shape.length !== 2) return undefined;
  const { graph } = blocker;
  const channels = shape[1];
  const addUp = (chunks: Value) => {
    const [planes, count, size, block] = chunks.shape;
    const sums = convolve(
      blocker,
      reshape(graph, chunks, [1, channels, count, size]),
      graph.fill(1, 'float32', [channels, 1, 1, size]),
      { shape: [1, channels, count, 1], kernel: [1, size], group: channels },
    );
    return reshape(graph, sums, [planes, count, block]);
  };
  const rows = blocksOfRows(blocker, form);
  return formOfRows(blocker, chunkedSums(graph, rows, tables as readonly Value[], addUp), shape);
};

/** Channels of rows side by side. */
const joining: BlockRule = (blocker, { inputs, outputs: [{ shape }], attributes }) => {
  const parts = inputs as readonly Value[];
  const rows = shape.length === 2 && attributes.axis === 1;
  const some = parts.some((part) => isRows(blocker, part));
  if (!rows || !some || parts.some((part) => part.shape[1] % blocker.block !== 0)) return undefined;
  const blocks = parts.map((part) => blocksOfRows(blocker, blocker.blocked(part, rowsLayout(part.shape))));
  return formOfRows(blocker, concat(blocker.graph, blocks, 0), shape);
};

/** Some of the channels of rows. */
const cutting: BlockRule = (blocker, { inputs, outputs: [{ shape }] }) => {
  const form: Form = blocker.form(inputs[0]!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'rows' || form.shape.length !== 2) return undefined;
  const [begin, , axes, steps] = inputs.slice(1).map((value) => Array.from(value?.data ?? [], Number));
  const { block, graph } = blocker;
  const { rows, channels } = form.layout;
  const regular = sameShape(axes, [0, 1]) && sameShape(steps, [1, 1]) && begin[0] === 0 && shape[0] === rows;
  if (!regular || begin[1] % block !== 0 || shape[1] % block !== 0 || shape[1] === channels) return undefined;
  const size = [shape[1] / block, rows, block];
  return formOfRows(
    blocker,
    slice(graph, blocksOfRows(blocker, form), [begin[1] / block, 0, 0], size),
    shape,
  );
};

/** Convolutions, pooling, products, and what moves rows. */
export const layerRules: { readonly [op: string]: BlockRule } = {
  Conv: convolution,
  ConvInputGradient: convolutionInputGradient,
  ConvWeightGradient: convolutionWeightGradient,
  MaxPool: maxPooling,
  MaxPoolGradient: maxPoolingGradient,
  Transpose: transposition,
  Gemm: product,
  Gather: gathering,
  [tabledSumsOp]: summing,
  Concat: joining,
  Slice: cutting,
};
