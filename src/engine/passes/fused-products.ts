import type { Graph, Value } from '../graph.ts';
import { broadcastShape, sameShape } from '../operations.ts';
import { rewrite } from './rewrite.ts';

/** An operand without the transposition of its last two axes in front of it, and whether one remains for the product to do. */
export function untransposed(
  x: Value,
  transposed: boolean,
): { readonly x: Value; readonly transposed: boolean } {
  const rank = x.shape.length;
  const lastTwo = [...Array(rank).keys()].map((axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  const turned = x.node?.op === 'Transpose' && `${x.node.attributes.perm}` === `${lastTwo}`;
  return turned ? { x: x.node!.inputs[0]!, transposed: !transposed } : { x, transposed };
}

/** The product of two lists of matrices, either of which may be transposed on the way, by ONNX Runtime's own operation. */
export function fusedMatMul(
  graph: Graph,
  [x, y]: readonly [Value, Value],
  { transA, transB }: { readonly transA: boolean; readonly transB: boolean },
): Value {
  const batch = broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2));
  return graph.node('FusedMatMul', [x, y], {
    domain: 'com.microsoft',
    type: x.type,
    shape: [...batch, x.shape.at(transA ? -1 : -2)!, y.shape.at(transB ? -2 : -1)!],
    attributes: { transA: transA ? 1 : 0, transB: transB ? 1 : 0 },
  });
}

/**
 * Products of many matrices, as of attention, take transposed ones as they lie. ONNX Runtime's own optimizations do that
 * too, but a step in blocks runs without them.
 */
export function fusedProducts(graph: Graph, outputs: readonly Value[]): (value: Value) => Value {
  return rewrite(graph, outputs, (graph, { op, domain }, inputs) => {
    if (op !== 'MatMul' || domain !== '') return undefined;
    const [a, b] = inputs.map((x) => untransposed(x!, false));
    const alike = sameShape(a.x.shape.slice(0, -2), b.x.shape.slice(0, -2));
    if (!alike || a.x.type !== 'float32' || !(a.transposed || b.transposed)) return undefined;
    return [fusedMatMul(graph, [a.x, b.x], { transA: a.transposed, transB: b.transposed })];
  });
}
