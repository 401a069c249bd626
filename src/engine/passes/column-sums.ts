import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { reshape } from '../operations.ts';

/** The number of values behind the axes where these are the first ones, else 0. */
function columnsBehind(shape: readonly number[], axes: readonly number[]): number {
  const leading = axes.every((axis) => axis < axes.length) && axes.length < shape.length;
  return leading ? sizeOf(shape.slice(axes.length)) : 0;
}

/**
 * Sums over all rows as products with ones, a block of rows each: ReduceSum takes some ten times as long over leading
 * axes, and one product alone keeps to one thread.
 */
function productWithOnes(graph: Graph, x: Value, columns: number): Value {
  const rows = sizeOf(x.shape) / columns;
  const blocks = [64, 32, 16, 8, 4, 2].find((count) => rows % count === 0 && rows / count >= 64) ?? 1;
  const ones = graph.fill(1, 'float32', [blocks, 1, rows / blocks]);
  const sums = graph.node('MatMul', [ones, reshape(graph, x, [blocks, rows / blocks, columns])], {
    type: 'float32',
    shape: [blocks, 1, columns],
  });
  if (blocks === 1) return sums;
  return graph.node('ReduceSum', [sums, graph.shape([0])], {
    type: 'float32',
    shape: [1, columns],
    attributes: { keepdims: 0 },
  });
}

/** The sum over leading axes as products with ones, of the shape given; undefined where that gains nothing. */
export function columnSums(
  graph: Graph,
  x: Value,
  axes: readonly number[],
  shape: readonly number[],
): Value | undefined {
  const columns = columnsBehind(x.shape, axes);
  if (x.type !== 'float32' || columns < 4) return undefined;
  return reshape(graph, productWithOnes(graph, x, columns), shape);
}
