import type { DataType } from '@tensorflow/tfjs-core';
import { slice_util } from '@tensorflow/tfjs-core';
import type { Graph, Value, ValueType } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { cast, concat, expand, pad, reshape, slice, transpose } from '../operations.ts';
import type { Lowering, Lowerings } from './lowering.ts';
import { axesOf } from './reductions.ts';

const filled =
  (value: number): Lowering =>
  ({ graph, inputs: { x } }) =>
    graph.fill(value, x.type, x.shape);

const reshaped: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const shape = [...(attributes.shape as number[])];
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = sizeOf(x.shape) / sizeOf(shape.filter((length) => length !== -1));
  return reshape(graph, x, shape);
};

const sliced: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const [begin, size] = slice_util.parseSliceParams(
    { shape: [...x.shape], rank: x.shape.length } as never,
    attributes.begin as number[],
    attributes.size as number[],
  );
  return slice(graph, x, begin, size);
};

const stridedSlice: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'].map((name) =>
    Number(attributes[name] ?? 0),
  );
  const [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] = masks;
  const info = slice_util.sliceInfo(
    [...x.shape],
    attributes.begin as number[],
    attributes.end as number[],
    attributes.strides as number[],
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const begin = info.begin;
  const size = begin.map((start, axis) =>
    Math.max(0, Math.ceil((info.end[axis] - start) / info.strides[axis])),
  );
  return reshape(graph, slice(graph, x, begin, size, info.strides), info.finalShape);
};

/** The most parts that a vector is cut into at a time: WebGPU promises a shader eight buffers, with that of the vector. */
const partsAtOnce = 7;

/** A vector in parts, by far fewer operations than slices would take. */
function cutVector(graph: Graph, x: Value, sizes: readonly number[]): readonly Value[] {
  if (sizes.length < 2) return [x];
  const length = Math.ceil(sizes.length / partsAtOnce);
  const groups: number[][] = [];
  for (let i = 0; i < sizes.length; i += length) groups.push(sizes.slice(i, i + length));
  const lengths = groups.map((group) => group.reduce((sum, size) => sum + size, 0));
  const outputs = lengths.map((size) => ({ type: x.type, shape: [size] }));
  const parts = graph.nodes('Split', [x, graph.shape(lengths)], { outputs, attributes: { axis: 0 } });
  return parts.flatMap((part, i) => cutVector(graph, part, groups[i]));
}

const split: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const axis = axesOf(attributes.axis, x.shape.length)[0];
  const given = attributes.numOrSizeSplits as number | number[];
  const sizes = typeof given === 'number' ? new Array<number>(given).fill(x.shape[axis] / given) : [...given];
  const open = sizes.indexOf(-1);
  if (open >= 0) sizes[open] = x.shape[axis] - sizes.reduce((sum, size) => sum + (size < 0 ? 0 : size), 0);
  if (x.shape.length === 1 && x.fill === undefined) return cutVector(graph, x, sizes);
  let start = 0;
  return sizes.map((length) => {
    const begin = x.shape.map((_, i) => (i === axis ? start : 0));
    start += length;
    return slice(
      graph,
      x,
      begin,
      x.shape.map((whole, i) => (i === axis ? length : whole)),
    );
  });
};

const unpack: Lowering = ({ graph, inputs: { value }, attributes }) => {
  const axis = axesOf(attributes.axis, value.shape.length)[0];
  const size = value.shape.map((length, i) => (i === axis ? 1 : length));
  const shape = value.shape.filter((_, i) => i !== axis);
  return Array.from({ length: value.shape[axis] }, (_, index) => {
    const begin = value.shape.map((_length, i) => (i === axis ? index : 0));
    return reshape(graph, slice(graph, value, begin, size), shape);
  });
};

const mirrorPad: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const paddings = attributes.paddings as Array<[number, number]>;
  const shape = x.shape.map((length, axis) => paddings[axis][0] + length + paddings[axis][1]);
  const mirror = (x: Value) => {
    const pads = graph.shape([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    return graph.node('Pad', [x, pads], { type: x.type, shape, attributes: { mode: 'reflect' } });
  };
  if (attributes.mode === 'reflect') return mirror(x);
  // A symmetric border repeats the edge: joined from the reversed ends, axis by axis.
  return paddings.reduce<Value>((padded, [before, after], axis) => {
    const length = padded.shape[axis];
    const part = (start: number, count: number) =>
      slice(
        graph,
        padded,
        padded.shape.map((_, i) => (i === axis ? start : 0)),
        padded.shape.map((whole, i) => (i === axis ? count : whole)),
        padded.shape.map((_, i) => (i === axis ? -1 : 1)),
      );
    return concat(
      graph,
      [part(before - 1, before), padded, part(length - 1, after)].filter((p) => p.shape[axis] > 0),
      axis,
    );
  }, x);
};

const reverse: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const axes = axesOf(attributes.dims, x.shape.length);
  const begin = x.shape.map((length, axis) => (axes.includes(axis) ? length - 1 : 0));
  return slice(
    graph,
    x,
    begin,
    x.shape,
    x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1)),
  );
};

const tile: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const reps = attributes.reps as number[];
  const shape = x.shape.map((length, axis) => length * reps[axis]);
  if (x.shape.every((length, axis) => length === 1 || reps[axis] === 1)) return expand(graph, x, shape);
  return graph.node('Tile', [x, graph.shape(reps)], { type: x.type, shape });
};

const range: Lowering = ({ graph, attributes }) => {
  const { start, stop, step, dtype } = attributes as {
    start: number;
    stop: number;
    step: number;
    dtype: DataType;
  };
  const values = Array.from(
    { length: Math.max(0, Math.ceil((stop - start) / step)) },
    (_, i) => start + i * step,
  );
  const data = dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  return graph.constant(data, dtype === 'int32' ? 'int32' : 'float32', [values.length]);
};

const oneHot: Lowering = ({ graph, inputs: { indices }, attributes }) => {
  const { depth, onValue, offValue } = attributes as { depth: number; onValue: number; offValue: number };
  const type = (attributes.dtype as ValueType | undefined) ?? 'int32';
  const classes = graph.constant(
    Int32Array.from({ length: depth }, (_, i) => i),
    'int32',
    [depth],
  );
  const column = reshape(graph, cast(graph, indices, 'int32'), [...indices.shape, 1]);
  const shape = [...indices.shape, depth];
  const hit = graph.node('Equal', [column, classes], { type: 'bool', shape });
  return graph.node('Where', [hit, graph.scalar(onValue, type), graph.scalar(offValue, type)], {
    type,
    shape,
  });
};

/** Kernels that move, repeat, cut or make data without computing with it. */
export const shapes: Lowerings = {
  Identity: ({ inputs: { x } }) => x,
  Cast: ({ graph, inputs: { x }, attributes }) => cast(graph, x, attributes.dtype as ValueType),
  Reshape: reshaped,
  ExpandDims: ({ graph, inputs: { input }, attributes }) => {
    const dim = Number(attributes.dim);
    const axis = dim < 0 ? dim + input.shape.length + 1 : dim;
    return reshape(graph, input, [...input.shape.slice(0, axis), 1, ...input.shape.slice(axis)]);
  },
  Transpose: ({ graph, inputs: { x }, attributes }) => transpose(graph, x, attributes.perm as number[]),
  Slice: sliced,
  StridedSlice: stridedSlice,
  SplitV: split,
  Concat: ({ graph, inputs, attributes }) => {
    const parts = Object.values(inputs);
    return concat(graph, parts, axesOf(attributes.axis, parts[0].shape.length)[0]);
  },
  Pack: ({ graph, inputs, attributes }) => {
    const parts = Object.values(inputs);
    const axis = axesOf(attributes.axis, parts[0].shape.length + 1)[0];
    const rows = parts.map((part) =>
      reshape(graph, part, [...part.shape.slice(0, axis), 1, ...part.shape.slice(axis)]),
    );
    return concat(graph, rows, axis);
  },
  Unpack: unpack,
  PadV2: ({ graph, inputs: { x }, attributes }) =>
    pad(graph, x, attributes.paddings as Array<[number, number]>, Number(attributes.constantValue)),
  MirrorPad: mirrorPad,
  Reverse: reverse,
  Tile: tile,
  Fill: ({ graph, attributes }) =>
    graph.fill(
      Number(attributes.value),
      (attributes.dtype as ValueType | undefined) ?? 'float32',
      attributes.shape as number[],
    ),
  ZerosLike: filled(0),
  OnesLike: filled(1),
  Range: range,
  OneHot: oneHot,
};
