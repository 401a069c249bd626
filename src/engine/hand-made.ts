import type { Graph, Value, ValueType } from './graph.ts';
import { binary, broadcastShape, cast, concat, reduce } from './operations.ts';

/** An operand: a value, or a number of the other operand's type. */
type Operand = Value | number;

/**
 * ONNX operations by hand, for what tfjs has no operation for: double precision, and lengths that are known only when the file
 * runs. Axes of such a length have a placeholder in `shape`, which nothing is worked out from.
 */
export function handMade(graph: Graph) {
  const like = (operand: Operand, { type }: Value) =>
    typeof operand === 'number' ? graph.scalar(operand, type) : operand;
  const two =
    (op: string, type?: ValueType) =>
    (a: Value, b: Operand): Value =>
      binary(graph, op, a, like(b, a), type ?? a.type);
  const one = (op: string) => (x: Value) => graph.node(op, [x], { type: x.type, shape: x.shape });
  const add = two('Add');
  const vector = (values: readonly number[]) => graph.shape(values);
  return {
    add,
    sub: two('Sub'),
    mul: two('Mul'),
    div: two('Div'),
    max: two('Max'),
    min: two('Min'),
    less: two('Less', 'bool'),
    atMost: two('LessOrEqual', 'bool'),
    atLeast: two('GreaterOrEqual', 'bool'),
    equal: two('Equal', 'bool'),
    and: two('And', 'bool'),
    or: two('Or', 'bool'),
    floor: one('Floor'),
    ceil: one('Ceil'),
    abs: one('Abs'),
    square: (x: Value) => binary(graph, 'Mul', x, x),
    cast: (x: Value, type: ValueType) => cast(graph, x, type),
    where: (condition: Value, a: Value, b: Operand) => {
      const other = like(b, a);
      const shape = broadcastShape(condition.shape, broadcastShape(a.shape, other.shape));
      return graph.node('Where', [condition, a, other], { type: a.type, shape });
    },
    sum: (x: Value, axis: number) => reduce(graph, 'ReduceSum', x, [axis], true),
    join: (parts: readonly Value[], axis: number) => concat(graph, parts, axis),
    /** Numbers as a constant. */
    numbers: (values: readonly number[], type: ValueType, shape: readonly number[]) =>
      graph.constant(
        type === 'float32'
          ? Float32Array.from(values)
          : type === 'int64'
            ? BigInt64Array.from(values, BigInt)
            : type === 'int32'
              ? Int32Array.from(values)
              : Float64Array.from(values),
        type,
        shape,
      ),
    /** The lengths of all axes, int64 [rank]. */
    lengths: (x: Value) => graph.node('Shape', [x], { type: 'int64', shape: [x.shape.length] }),
    /** The whole numbers 0 to `length` - 1, int64 [length]; `length` int64 []. */
    upTo: (length: Value, placeholder: number) =>
      graph.node('Range', [graph.scalar(0, 'int64'), length, graph.scalar(1, 'int64')], {
        type: 'int64',
        shape: [placeholder],
      }),
    /** Under another shape, in which one length may be -1. */
    shaped: (x: Value, shape: readonly number[], placeholder = 0) =>
      graph.node('Reshape', [x, vector(shape)], {
        type: x.type,
        shape: shape.map((length) => (length === -1 ? placeholder : length)),
      }),
    turned: (x: Value, order: readonly number[]) =>
      graph.node('Transpose', [x], {
        type: x.type,
        shape: order.map((axis) => x.shape[axis]),
        attributes: { perm: order },
      }),
    /** Rows by their numbers, or elements along another axis. */
    taken: (x: Value, indices: Value, axis = 0) =>
      graph.node('Gather', [x, indices], {
        type: x.type,
        shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
        attributes: { axis },
      }),
    /** The parts `from` to `to` (not included) of an axis. */
    part: (x: Value, axis: number, from: number, to: number) =>
      graph.node('Slice', [x, vector([from]), vector([to]), vector([axis])], {
        type: x.type,
        shape: x.shape.map((length, i) => (i === axis ? to - from : length)),
      }),
    product: (a: Value, b: Value, shape: readonly number[]) =>
      graph.node('MatMul', [a, b], { type: a.type, shape }),
    /** The place of the largest along an axis, of equals the first, int64; the axis stays with a length of 1. */
    largestAt: (x: Value, axis: number) =>
      graph.node('ArgMax', [x], {
        type: 'int64',
        shape: x.shape.map((length, i) => (i === axis ? 1 : length)),
        attributes: { axis, keepdims: 1, select_last_index: 0 },
      }),
    /** The `count` least along the last axis in rising order, of equals the first, and their places, int64; `count` int64 [1]. */
    least: (x: Value, count: Value, placeholder: number) => {
      const shape = [...x.shape.slice(0, -1), placeholder];
      return graph.nodes('TopK', [x, count], {
        outputs: [
          { type: x.type, shape },
          { type: 'int64', shape },
        ],
        attributes: { axis: x.shape.length - 1, largest: 0, sorted: 1 },
      });
    },
    /** Sums of all up to each, along an axis. */
    runningSums: (x: Value, axis: number) =>
      graph.node('CumSum', [x, graph.scalar(axis, 'int32')], { type: x.type, shape: x.shape }),
    /** The rows where the condition [rows] holds. */
    rowsWhere: (x: Value, condition: Value) =>
      graph.node('Compress', [x, condition], { type: x.type, shape: x.shape, attributes: { axis: 0 } }),
  };
}

/** Operations by hand, of one graph. */
export type HandMade = ReturnType<typeof handMade>;
