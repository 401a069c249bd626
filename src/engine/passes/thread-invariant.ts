import type { Graph, GraphNode, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { concat, pad, reduce, reshape, slice, transpose } from '../operations.ts';
import { fusedMatMul, untransposed } from './fused-products.ts';
import { rewrite } from './rewrite.ts';

/**
 * ONNX Runtime's CPU kernels share one operation out among threads, and a few of them then round by where the shares begin:
 * products whose shares have other widths, convolutions of one image, sums that take another way where threads outnumber
 * the results, logarithms at the end of a share. This pass says those in operations that do not, so that a step gives
 * the same bits at every number of threads, up to `mostThreads`. Tested with ONNX Runtime 1.30 on x64.
 */
export function threadInvariant(graph: Graph, outputs: readonly Value[]): (value: Value) => Value {
  return rewrite(graph, outputs, (graph, node, inputs) => {
    const made = node.domain === '' ? rules[node.op]?.(graph, node, inputs as readonly Value[]) : undefined;
    return made && [made];
  });
}

/** Numbers of threads that are looked after. */
const mostThreads = 128;

/** Multiplications for which a product gets one more thread. */
const workOfThread = 65_536;

/** Sums longer than this are cut into pieces, of a length that hangs on the width of a thread's share. */
const uncutSum = 128;

type Rule = (graph: Graph, node: GraphNode, inputs: readonly Value[]) => Value | undefined;

/** Whether the pieces of the sums in rows (M, K) times (K, N) hang on the number of threads. */
function cutByThreads({ m, k, n, batch }: { m: number; k: number; n: number; batch: number }): boolean {
  if (m === 1 || batch >= mostThreads || m * k * n * batch < workOfThread) return false;
  // One column is made four rows at a time, and what is left of a share by another way.
  if (n === 1) return true;
  if (k <= uncutSum) return false;
  // Shares are of columns where there are more columns than rows, else of rows; one single row is made by another way.
  return n > m || (m < 2 * mostThreads && 2 * n * k >= workOfThread);
}

/** With a transposed first factor sums are cut every 128 terms whatever the shares are: so every product gets one. */
function product(graph: Graph, { op, attributes, outputs }: GraphNode, operands: readonly Value[]) {
  const flags = op === 'Gemm' ? [attributes.transA === 1, attributes.transB === 1] : [false, false];
  const [a, b] = operands.map((x, i) => untransposed(x, flags[i]));
  const { shape, type } = outputs[0];
  const [m, n] = shape.slice(-2);
  const k = a.x.shape.at(a.transposed ? -2 : -1)!;
  const batch = shape.slice(0, -2);
  if (type !== 'float32' || a.x.shape.length < 2 || b.x.shape.length < 2) return undefined;
  if (!cutByThreads({ m, k, n, batch: sizeOf(batch) })) return undefined;
  const multiplied = (x: Value, y: Value, transB: boolean) =>
    fusedMatMul(graph, [x, y], { transA: true, transB });
  if (a.transposed) return multiplied(a.x, b.x, b.transposed);
  if (!b.transposed) return swappedLast(graph, multiplied(b.x, a.x, true));
  // A transposition that ONNX Runtime does not take for one: it would undo it otherwise.
  const turned = graph.node('Einsum', [a.x], {
    type,
    shape: [...a.x.shape.slice(0, -2), k, a.x.shape.at(-2)!],
    attributes: { equation: '...ij->...ji' },
  });
  return multiplied(turned, b.x, true);
}

function swappedLast(graph: Graph, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(graph, x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/**
 * A convolution of one image is shared out by pixels, many images and groups one by one. So one image gets two groups: the
 * channels twice, and for each group half of the weights.
 */
function convolution(graph: Graph, { attributes, outputs: [y] }: GraphNode, inputs: readonly Value[]) {
  const [x, weights, bias] = inputs;
  const [outputs, channels, ...kernel] = weights.shape;
  const pixels = sizeOf(y.shape.slice(2));
  const terms = channels * sizeOf(kernel);
  const shared = y.shape[0] === 1 && (attributes.group ?? 1) === 1;
  if (!shared || bias !== undefined || terms <= uncutSum || pixels >= 64 * mostThreads) return undefined;
  const spare = outputs % 2;
  const even = pad(graph, weights, [[0, spare], ...weights.shape.slice(1).map(() => [0, 0] as const)], 0);
  const shape = [1, outputs + spare, ...y.shape.slice(2)];
  const twice = concat(graph, [x, x], 1);
  const both = graph.node('Conv', [twice, even], {
    type: y.type,
    shape,
    attributes: { ...attributes, group: 2 },
  });
  return slice(
    graph,
    both,
    shape.map(() => 0),
    y.shape,
  );
}

/**
 * Sums over the middle of three axes, or over the first and the last one, take another way where threads outnumber what is
 * kept in the first place or in the middle. The middle is summed up by a product with ones instead, the outer two one by one.
 */
function sum(graph: Graph, { inputs: [given, axes], outputs: [y] }: GraphNode, [x]: readonly Value[]) {
  if (x.type !== 'float32' || axes?.data === undefined) return undefined;
  const reduced = new Set(Array.from(axes.data, Number));
  // Neighbouring axes of a kind as one.
  const runs: Array<{ readonly summed: boolean; length: number }> = [];
  given!.shape.forEach((length, axis) => {
    if (length === 1) return;
    const summed = reduced.has(axis);
    if (runs.at(-1)?.summed === summed) runs.at(-1)!.length *= length;
    else runs.push({ summed, length });
  });
  const [first, middle, last] = runs.map(({ length }) => length);
  if (runs.length !== 3) return undefined;
  const flat = reshape(graph, x, [first, middle, last]);
  if (runs[1].summed) {
    if (first >= mostThreads) return undefined;
    const ones = graph.fill(1, 'float32', [1, 1, middle]);
    const shape = [first, 1, last];
    return reshape(graph, graph.node('MatMul', [ones, flat], { type: 'float32', shape }), y.shape);
  }
  if (middle >= mostThreads) return undefined;
  const rows = reduce(graph, 'ReduceSum', flat, [2]);
  return reshape(graph, reduce(graph, 'ReduceSum', rows, [0]), y.shape);
}

/** A logarithm as that of a sum of one term, which is computed number by number. */
function logarithm(graph: Graph, _: GraphNode, [x]: readonly Value[]): Value {
  const terms = reshape(graph, x, [sizeOf(x.shape), 1]);
  const sums = graph.node('ReduceLogSum', [terms, graph.shape([1])], {
    type: 'float32',
    shape: [terms.shape[0]],
    attributes: { keepdims: 0 },
  });
  return reshape(graph, sums, x.shape);
}

const rules: { readonly [op: string]: Rule } = {
  MatMul: product,
  Gemm: product,
  Conv: convolution,
  ReduceSum: sum,
  Log: logarithm,
};
