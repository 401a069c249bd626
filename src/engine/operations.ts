import { type Attributes, elementTypes, type Graph, type Value, type ValueType } from './graph.ts';

/** ONNX operations with their shapes worked out, and with what cancels or changes nothing left out. */

/** Axes in another order; two in a row become one, and none where the order of the data does not change. */
export function transpose(graph: Graph, x: Value, permutation: readonly number[]): Value {
  if (x.node?.op === 'Transpose') {
    const inner = x.node.attributes.perm as readonly number[];
    return transpose(
      graph,
      x.node.inputs[0]!,
      permutation.map((axis) => inner[axis]),
    );
  }
  const shape = permutation.map((axis) => x.shape[axis]);
  const moving = permutation.filter((axis) => x.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1])) return reshape(graph, x, shape);
  return graph.node('Transpose', [x], { type: x.type, shape, attributes: { perm: permutation } });
}

/** The same data under another shape of the same size. */
export function reshape(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  if (x.data !== undefined) return graph.constant(x.data, x.type, shape);
  if (x.fill !== undefined) return graph.fill(x.fill, x.type, shape);
  if (x.node?.op === 'Reshape') return reshape(graph, x.node.inputs[0]!, shape);
  // ONNX reads a 0 in a target shape as "keep that axis", unless `allowzero` makes it an empty axis.
  return graph.node('Reshape', [x, graph.shape(shape)], {
    type: x.type,
    shape,
    attributes: { allowzero: 1 },
  });
}

/** The values as another type; numbers become whole by dropping their fraction. */
export function cast(graph: Graph, x: Value, type: ValueType): Value {
  if (x.type === type) return x;
  if (x.fill !== undefined && Number.isFinite(x.fill)) {
    return graph.fill(
      type === 'float32' || type === 'float64'
        ? x.fill
        : type === 'bool'
          ? Number(x.fill !== 0)
          : Math.trunc(x.fill),
      type,
      x.shape,
    );
  }
  return graph.node('Cast', [x], {
    type,
    shape: x.shape,
    attributes: { to: elementTypes[type] },
  });
}

/** Repeats along axes of length 1, or in front, to reach a shape. */
export function expand(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  if (x.fill !== undefined) return graph.fill(x.fill, x.type, shape);
  return graph.node('Expand', [x, graph.shape(shape)], { type: x.type, shape });
}

/** An operation that works element by element and keeps shape and type. */
export function unary(graph: Graph, op: string, x: Value, attributes?: Attributes): Value {
  return graph.node(op, [x], { type: x.type, shape: x.shape, attributes });
}

/** The shape of two operands broadcast against each other. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    return left === 1 ? right : left;
  });
}

/** The number that leaves the other operand as it is: on the right, and whether also on the left. */
const neutral: { readonly [op: string]: { readonly value: number; readonly left: boolean } } = {
  Add: { value: 0, left: true },
  Sub: { value: 0, left: false },
  Mul: { value: 1, left: true },
  Div: { value: 1, left: false },
};

/** An operation on two broadcast operands, with a result of the operands' type or of `type`. */
export function binary(graph: Graph, op: string, a: Value, b: Value, type: ValueType = a.type): Value {
  const shape = broadcastShape(a.shape, b.shape);
  const rule = neutral[op];
  if (rule !== undefined && type === a.type) {
    if (b.fill === rule.value) return expand(graph, a, shape);
    if (rule.left && a.fill === rule.value) return expand(graph, b, shape);
  }
  // An operand that is one number everywhere need not be as large as the other one.
  if (b.fill !== undefined && b.shape.length > 0 && sameShape(a.shape, shape))
    return binary(graph, op, a, graph.scalar(b.fill, b.type), type);
  if (a.fill !== undefined && a.shape.length > 0 && sameShape(b.shape, shape))
    return binary(graph, op, graph.scalar(a.fill, a.type), b, type);
  return graph.node(op, [a, b], { type, shape });
}

/** A reduction over axes (ReduceSum, ReduceMax and their like). */
export function reduce(graph: Graph, op: string, x: Value, axes: readonly number[], keepAxes = false): Value {
  if (axes.length === 0) return x;
  const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  if (axes.every((axis) => x.shape[axis] === 1)) {
    return reshape(graph, x, keepAxes ? kept : x.shape.filter((_, axis) => !axes.includes(axis)));
  }
  const shape = keepAxes ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return graph.node(op, [x, graph.shape(axes)], {
    type: x.type,
    shape,
    attributes: { keepdims: keepAxes ? 1 : 0 },
  });
}

/** A part of each axis: from `begin`, `size` elements, every `step`-th (which may be negative). */
export function slice(
  graph: Graph,
  x: Value,
  begin: readonly number[],
  size: readonly number[],
  step?: readonly number[],
): Value {
  const steps = step ?? begin.map(() => 1);
  if (sameShape(x.shape, size) && steps.every((stride, axis) => stride === 1 || size[axis] === 1)) return x;
  if (x.fill !== undefined) return graph.fill(x.fill, x.type, size);
  // An end far below zero means: backwards past the first element.
  const ends = begin.map((start, axis) => {
    const end = start + size[axis] * steps[axis];
    return end < 0 ? -(2 ** 31) : end;
  });
  const axes = begin.map((_, axis) => axis);
  return graph.node(
    'Slice',
    [x, graph.shape(begin), graph.shape(ends), graph.shape(axes), graph.shape(steps)],
    {
      type: x.type,
      shape: size,
    },
  );
}

/** Joins values along an axis. */
export function concat(graph: Graph, parts: readonly Value[], axis: number): Value {
  const filled = parts.filter((part) => part.shape[axis] > 0);
  if (filled.length === 0) return parts[0];
  if (filled.length === 1) return filled[0];
  const shape = filled[0].shape.map((length, i) =>
    i === axis ? filled.reduce((sum, part) => sum + part.shape[i], 0) : length,
  );
  return graph.node('Concat', filled, { type: filled[0].type, shape, attributes: { axis } });
}

/** Adds `before` and `after` elements of a constant around each axis. */
export function pad(
  graph: Graph,
  x: Value,
  paddings: ReadonlyArray<readonly [before: number, after: number]>,
  value: number,
): Value {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((length, axis) => paddings[axis][0] + length + paddings[axis][1]);
  const pads = graph.shape([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  return graph.node('Pad', [x, pads, graph.scalar(value, x.type)], {
    type: x.type,
    shape,
    attributes: { mode: 'constant' },
  });
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}
