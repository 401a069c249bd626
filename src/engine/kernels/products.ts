import type { Value } from '../graph.ts';
import { broadcastShape, reshape, transpose } from '../operations.ts';
import type { Lowering, Lowerings } from './lowering.ts';

/** The operand without a transposition in front of it, and whether one remains to be done by the product. */
function untransposed(x: Value, transposed: boolean): { operand: Value; transposed: boolean } {
  const permutation = x.node?.op === 'Transpose' ? (x.node.attributes.perm as readonly number[]) : undefined;
  if (permutation?.length === 2) return { operand: x.node!.inputs[0]!, transposed: !transposed };
  return { operand: x, transposed };
}

const matMul: Lowering = ({ graph, inputs: { a, b }, attributes }) => {
  const rank = Math.max(a.shape.length, b.shape.length);
  const matrices =
    a.shape.slice(0, -2).every((length) => length === 1) &&
    b.shape.slice(0, -2).every((length) => length === 1);
  if (matrices && a.type === 'float32') {
    // Gemm takes transposed operands as they lie, but no whole numbers.
    const left = untransposed(reshape(graph, a, a.shape.slice(-2)), attributes.transposeA === true);
    const right = untransposed(reshape(graph, b, b.shape.slice(-2)), attributes.transposeB === true);
    const rows = left.operand.shape[left.transposed ? 1 : 0];
    const columns = right.operand.shape[right.transposed ? 0 : 1];
    const product = graph.node('Gemm', [left.operand, right.operand], {
      type: a.type,
      shape: [rows, columns],
      attributes: { transA: left.transposed ? 1 : 0, transB: right.transposed ? 1 : 0 },
    });
    return reshape(graph, product, [...new Array<number>(rank - 2).fill(1), rows, columns]);
  }
  const swapped = (x: Value) => {
    const axes = x.shape.map((_, axis) => axis);
    const last = axes.length - 1;
    return transpose(graph, x, [...axes.slice(0, -2), last, last - 1]);
  };
  const left = attributes.transposeA === true ? swapped(a) : a;
  const right = attributes.transposeB === true ? swapped(b) : b;
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const shape = [...batch, left.shape[left.shape.length - 2], right.shape[right.shape.length - 1]];
  return graph.node('MatMul', [left, right], { type: a.type, shape });
};

/** Kernels that multiply matrices. */
export const products: Lowerings = { BatchMatMul: matMul };
