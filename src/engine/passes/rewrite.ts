import type { Graph, GraphNode, Value } from '../graph.ts';
import { reachable } from '../graph.ts';

/** Gives what stands for the outputs of an operation on these inputs, or undefined where it stays as it is. */
export type Rule = (
  graph: Graph,
  node: GraphNode,
  inputs: ReadonlyArray<Value | undefined>,
) => readonly Value[] | undefined;

/** Goes over the operations that values need and says each anew by a rule; gives what stands for each value then. */
export function rewrite(graph: Graph, outputs: readonly Value[], rule: Rule): (value: Value) => Value {
  const replaced = new Map<Value, Value>();
  const now = (value: Value) => replaced.get(value) ?? value;
  for (const node of reachable(outputs).nodes) {
    const inputs = node.inputs.map((input) => (input === undefined ? undefined : now(input)));
    graph.part = node.part;
    const results = rule(graph, node, inputs) ?? withInputs(graph, node, inputs);
    node.outputs.forEach((output, i) => {
      if (results[i] !== output) replaced.set(output, results[i]);
    });
  }
  return now;
}

/** The same operation on other inputs of the same types and shapes. */
export function withInputs(
  graph: Graph,
  node: GraphNode,
  inputs: ReadonlyArray<Value | undefined>,
): readonly Value[] {
  if (inputs.every((input, i) => input === node.inputs[i])) return node.outputs;
  const { op, domain, attributes } = node;
  const outputs = node.outputs.map(({ type, shape }) => ({ type, shape }));
  return graph.nodes(op, inputs, { domain, attributes, outputs });
}
