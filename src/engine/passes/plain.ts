import type { Graph, GraphNode, Value } from '../graph.ts';
import { pendingDomain } from '../graph.ts';
import { plainRowSums, plainTabledSums, rowSumsOp, tabledSumsOp } from '../row-sums/row-sums.ts';
import { columnSums } from './column-sums.ts';
import { inputGradient, weightGradient } from './plain-convolutions.ts';
import { averagePoolGradient, maxPoolGradient } from './pool-gradients.ts';
import { rewrite } from './rewrite.ts';

const pending: {
  readonly [op: string]: (graph: Graph, node: GraphNode, inputs: readonly Value[]) => Value;
} = {
  ConvInputGradient: inputGradient,
  ConvWeightGradient: weightGradient,
  MaxPoolGradient: maxPoolGradient,
  AveragePoolGradient: averagePoolGradient,
  [rowSumsOp]: plainRowSums,
  [tabledSumsOp]: plainTabledSums,
};

/** A pending operation in standard ONNX operations. */
function plainOperation(graph: Graph, node: GraphNode, inputs: readonly Value[]): Value {
  return pending[node.op](graph, node, inputs);
}

/** Rewrites what values need in standard ONNX operations alone; gives what stands for each of them then. */
export function toPlain(graph: Graph, outputs: readonly Value[]): (value: Value) => Value {
  return rewrite(graph, outputs, (graph, node, inputs) => {
    if (node.domain === pendingDomain) return [plainOperation(graph, node, inputs as Value[])];
    if (node.op !== 'ReduceSum' || node.inputs[1]?.data === undefined) return undefined;
    const axes = Array.from(node.inputs[1].data, Number);
    const sums = columnSums(graph, inputs[0]!, axes, node.outputs[0].shape);
    return sums && [sums];
  });
}
