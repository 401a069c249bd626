import { sizeOf } from '../host-tensor.ts';
import { cast, reshape, scatterAddRows } from '../operations.ts';
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
    return graph.node(
      'ScatterND',
      [graph.fill(0, updates.type, shape), cast(graph, indices, 'int64'), updates],
      {
        type: updates.type,
        shape,
        attributes: { reduction: 'add' },
      },
    );
  },
  UnsortedSegmentSum: ({ graph, inputs: { x, segmentIds }, attributes }) =>
    scatterAddRows(graph, x, segmentIds, Number(attributes.numSegments)),
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
