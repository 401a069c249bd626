import type { Graph, GraphNode, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { reshape } from '../operations.ts';
import { rewrite } from './rewrite.ts';

const elementwise = new Set(
  'Add Sub Mul Div Max Min Sqrt Reciprocal Neg Abs Exp Log Relu Sigmoid HardSigmoid Tanh Erf Sign'.split(' '),
);

/**
 * Elementwise operations on vectors whatever axes of length 1 these have beside their own: the shapes that statistics of
 * channels go through, to be broadcast and summed, then cancel and take no operations.
 */
export function flatVectors(graph: Graph, outputs: readonly Value[]): (value: Value) => Value {
  return rewrite(graph, outputs, (_, node, inputs) => {
    if (node.op === 'Reshape') return [reshape(graph, inputs[0]!, node.outputs[0].shape)];
    if (!elementwise.has(node.op) || node.domain !== '') return undefined;
    const flat = onVectors(graph, node, inputs as readonly Value[]);
    return flat && [reshape(graph, flat, node.outputs[0].shape)];
  });
}

function onVectors(graph: Graph, node: GraphNode, inputs: readonly Value[]): Value | undefined {
  const { op, attributes, outputs } = node;
  const [{ type, shape }] = outputs;
  const size = sizeOf(shape);
  if (shape.length < 2 || !shape.includes(size) || size === 1) return undefined;
  if (inputs.some((input) => ![1, size].includes(sizeOf(input.shape)))) return undefined;
  const operands = inputs.map((input) => reshape(graph, input, sizeOf(input.shape) === 1 ? [] : [size]));
  return graph.node(op, operands, { type, shape: [size], attributes });
}
