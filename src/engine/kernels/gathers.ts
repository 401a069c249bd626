import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, cast, reduce, reshape } from '../operations.ts';
import { rowSums } from '../row-sums/row-sums.ts';
import type { Lowering, Lowerings } from './lowering.ts';
import { axesOf } from './reductions.ts';

const gather: Lowering = ({ graph, inputs: { x, indices }, attributes }) => {
  const axis = axesOf(attributes.axis, x.shape.length)[0];
  const batchAxes = Number(attributes.batchDims ?? 0);
  const index = cast(graph, indices, 'int32');
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchAxes), ...x.shape.slice(axis + 1)];
  if (batchAxes === 0) return graph.node('Gather', [x, index], { type: x.type, shape, attributes: { axis } });
  if (axis !== batchAxes)
    throw new Error(
      `tf.gather with batchDims ${batchAxes} and axis ${axis}: only an axis right behind the batch can be captured`,
    );
  const perBatch = sizeOf(indices.shape.slice(batchAxes));
  const batch = x.shape.slice(0, batchAxes);
  const rows = graph.node(
    'GatherND',
    [x, reshape(graph, cast(graph, index, 'int64'), [...batch, perBatch, 1])],
    {
      type: x.type,
      shape: [...batch, perBatch, ...x.shape.slice(axis + 1)],
      attributes: { batch_dims: batchAxes },
    },
  );
  return reshape(graph, rows, shape);
};

/** Places along the first axes, int32 [..., depth], as numbers of rows; those beyond an axis as -1. */
function rowNumbers(graph: Graph, places: Value, lengths: readonly number[]): Value {
  const vector = (values: readonly number[]) =>
    graph.constant(Int32Array.from(values), 'int32', [values.length]);
  const flat = reshape(graph, places, [sizeOf(places.shape) / lengths.length, lengths.length]);
  const strides = lengths.map((_, axis) => sizeOf(lengths.slice(axis + 1)));
  const numbers = reduce(graph, 'ReduceSum', binary(graph, 'Mul', flat, vector(strides)), [1]);
  const outside = binary(
    graph,
    'Or',
    binary(graph, 'Less', flat, graph.scalar(0, 'int32'), 'bool'),
    binary(graph, 'GreaterOrEqual', flat, vector(lengths), 'bool'),
  );
  const any = cast(graph, reduce(graph, 'ReduceMax', cast(graph, outside, 'int32'), [1]), 'bool');
  const inputs = [any, graph.scalar(-1, 'int32'), numbers];
  return graph.node('Where', inputs, { type: 'int32', shape: numbers.shape });
}

/** Kernels that read or add up rows by index. */
export const gathers: Lowerings = {
  GatherV2: gather,
  GatherNd: ({ graph, inputs: { params, indices } }) => {
    const depth = indices.shape[indices.shape.length - 1];
    const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
    return graph.node('GatherND', [params, cast(graph, indices, 'int64')], { type: params.type, shape });
  },
  ScatterNd: ({ graph, inputs: { indices, updates }, attributes }) => {
    const shape = attributes.shape as number[];
    const depth = indices.shape[indices.shape.length - 1];
    const [lengths, rest] = [shape.slice(0, depth), shape.slice(depth)];
    const rows = sizeOf(lengths);
    const numbers = rowNumbers(graph, cast(graph, indices, 'int32'), lengths);
    const flat = reshape(graph, updates, [sizeOf(numbers.shape), ...rest]);
    return reshape(graph, rowSums(graph, flat, numbers, { sums: rows, strict: true }), shape);
  },
  UnsortedSegmentSum: ({ graph, inputs: { x, segmentIds }, attributes }) =>
    rowSums(graph, x, segmentIds, { sums: Number(attributes.numSegments), strict: false }),
  TopK: ({ graph, inputs: { x }, attributes }) => {
    const k = Number(attributes.k);
    const shape = [...x.shape.slice(0, -1), k];
    const [values, indices] = graph.nodes('TopK', [x, graph.shape([k])], {
      outputs: [
        { type: x.type, shape },
        { type: 'int64', shape },
      ],
      attributes: { axis: x.shape.length - 1, largest: 1, sorted: attributes.sorted === false ? 0 : 1 },
    });
    return [values, cast(graph, indices, 'int32')];
  },
};
