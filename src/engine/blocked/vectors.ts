import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, expand, reshape } from '../operations.ts';

/** One number a channel [C], or one for all []; as a factor, undefined stands for 1, and as a summand for 0. */
export type Vector = Value;

/** A plain value that has one number a channel, or one in all, as a vector; undefined where it is neither. */
export function vectorOf(
  graph: Graph,
  value: Value,
  { rank, axis, channels }: { readonly rank: number; readonly axis: number; readonly channels: number },
): Vector | undefined {
  const size = sizeOf(value.shape);
  if (size === 1) return reshape(graph, value, []);
  if (size !== channels) return undefined;
  const channelAxis = axis - (rank - value.shape.length);
  return value.shape[channelAxis] === channels ? reshape(graph, value, [channels]) : undefined;
}

/** A vector with a number for each channel. */
export function spread(graph: Graph, vector: Vector, channels: number): Vector {
  return expand(graph, vector.shape.length === 0 ? reshape(graph, vector, [1]) : vector, [channels]);
}

export function times(graph: Graph, a: Vector | undefined, b: Vector | undefined): Vector | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return binary(graph, 'Mul', a, b);
}

export function plus(graph: Graph, a: Vector | undefined, b: Vector | undefined): Vector | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return binary(graph, 'Add', a, b);
}

/** a − b, where undefined stands for 0. */
export function minus(graph: Graph, a: Vector | undefined, b: Vector | undefined): Vector | undefined {
  if (b === undefined) return a;
  return a === undefined ? binary(graph, 'Mul', b, graph.scalar(-1)) : binary(graph, 'Sub', a, b);
}
