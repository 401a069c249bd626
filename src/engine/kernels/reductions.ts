import { sizeOf } from '../host-tensor.ts';
import { binary, cast, reduce, unary } from '../operations.ts';
import type { Lowering, Lowerings } from './lowering.ts';

/** tfjs's `axis` (a number, a list or nothing for all) as a list of axes from the front. */
export function axesOf(axis: unknown, rank: number): number[] {
  const axes =
    axis === undefined || axis === null
      ? Array.from({ length: rank }, (_, i) => i)
      : [axis as number | number[]].flat();
  return axes.map((each) => (each < 0 ? each + rank : each));
}

function reduction(op: string, axis: 'axis' | 'reductionIndices' = 'axis'): Lowering {
  return ({ graph, inputs: { x }, attributes }) =>
    reduce(graph, op, x, axesOf(attributes[axis], x.shape.length), attributes.keepDims === true);
}

/** A reduction of truth: whether all (ReduceMin) or any (ReduceMax) are true. */
function truth(op: string): Lowering {
  return ({ graph, inputs: { x }, attributes }) => {
    const whole = cast(graph, x, 'int32');
    return cast(
      graph,
      reduce(graph, op, whole, axesOf(attributes.axis, x.shape.length), attributes.keepDims === true),
      'bool',
    );
  };
}

function extremum(op: string): Lowering {
  return ({ graph, inputs: { x }, attributes }) => {
    const axis = axesOf(attributes.axis, x.shape.length)[0];
    const shape = x.shape.filter((_, i) => i !== axis);
    const index = graph.node(op, [x], {
      type: 'int64',
      shape,
      attributes: { axis, keepdims: 0, select_last_index: 0 },
    });
    return cast(graph, index, 'int32');
  };
}

const cumulativeSum: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const axis = axesOf(attributes.axis, x.shape.length)[0];
  return graph.node('CumSum', [x, graph.scalar(axis, 'int32')], {
    type: x.type,
    shape: x.shape,
    attributes: {
      exclusive: attributes.exclusive === true ? 1 : 0,
      reverse: attributes.reverse === true ? 1 : 0,
    },
  });
};

/** Kernels that sum up, or normalise along, axes. */
export const reductions: Lowerings = {
  Sum: reduction('ReduceSum'),
  Max: reduction('ReduceMax', 'reductionIndices'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  Mean: ({ graph, inputs, attributes }) => {
    const x = cast(graph, inputs.x, 'float32');
    const axes = axesOf(attributes.axis, x.shape.length);
    const sum = reduce(graph, 'ReduceSum', x, axes, attributes.keepDims === true);
    return binary(graph, 'Mul', sum, graph.scalar(1 / sizeOf(axes.map((axis) => x.shape[axis]))));
  },
  All: truth('ReduceMin'),
  Any: truth('ReduceMax'),
  ArgMax: extremum('ArgMax'),
  ArgMin: extremum('ArgMin'),
  Cumsum: cumulativeSum,
  Softmax: ({ graph, inputs: { logits }, attributes }) =>
    unary(graph, 'Softmax', logits, { axis: axesOf(attributes.dim, logits.shape.length)[0] }),
};
