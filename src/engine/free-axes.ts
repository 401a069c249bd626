import type { Graph, GraphNode, Value } from './graph.ts';
import { attributesKey, reachable } from './graph.ts';
import type { Dimension, ModelOutput } from './onnx-model.ts';
import { rewrite } from './passes/rewrite.ts';

/** A function captured with free axes at one length each. */
export interface Sized {
  readonly graph: Graph;
  readonly outputs: readonly ModelOutput[];
  /** The lengths by the names of the axes. */
  readonly lengths: { readonly [axis: string]: number };
}

/** The largest end that a slice can have. */
const WHOLE = 2 ** 31 - 1;

/**
 * The first of two captures of one function, at different lengths of its free axes, so that it takes them at any length: shapes
 * that follow from them are worked out when it runs. Throws where the captures differ in anything else.
 */
export function withFreeAxes(first: Sized, second: Sized) {
  const [nodes, others] = [first, second].map(
    ({ outputs }) => reachable(outputs.map(({ value }) => value)).nodes,
  );
  const twins = new Map(nodes.map((node, i) => [node, others[i]]));
  if (nodes.length !== others.length || nodes.some(({ op }, i) => op !== others[i].op))
    throw new Error(`what is captured depends on the lengths of ${Object.keys(first.lengths).join(', ')}`);
  const now = rewrite(
    first.graph,
    first.outputs.map(({ value }) => value),
    (graph, node, inputs) => {
      const twin = twins.get(node)!;
      if (attributesKey(node.attributes) !== attributesKey(twin.attributes)) throw depends(node, first);
      const free = inputs.map((input, i) => {
        const [own, other] = [node.inputs[i], twin.inputs[i]];
        if (own?.data === undefined || `${own.data}` === `${other?.data}`) return input;
        return graph.shape(freed(node, first, i, [own, other!]));
      });
      if (free.every((input, i) => input === inputs[i])) return undefined;
      const { op, domain, attributes } = node;
      const outputs = node.outputs.map(({ type, shape }) => ({ type, shape }));
      return graph.nodes(op, free, { domain, attributes, outputs });
    },
  );
  const outputs = first.outputs.map(({ name, value }) => ({ name, value: now(value) }));
  const dimensions = new Map<Value, readonly Dimension[]>();
  const name = (value: Value, twin: Value) =>
    dimensions.set(
      now(value),
      value.shape.map((length, i) => nameOf(length, twin.shape[i], [first, second])),
    );
  first.outputs.forEach(({ value }, i) => {
    name(value, second.outputs[i].value);
  });
  first.graph.inputs.forEach((input, i) => {
    name(input, second.graph.inputs[i]);
  });
  return { outputs, dimensionsOf: (value: Value) => dimensions.get(value) ?? value.shape };
}

/** A list of lengths in which what differs between two captures is left to the run. */
function freed(
  node: GraphNode,
  sized: Sized,
  input: number,
  [own, other]: readonly [Value, Value],
): number[] {
  const [a, b] = [own, other].map(({ data }) => Array.from(data ?? [], Number));
  const differing = a.filter((value, i) => value !== b[i]).length;
  const replace = (value: number) => a.map((each, i) => (each === b[i] ? each : value));
  if (a.length === b.length && node.op === 'Reshape' && input === 1 && differing === 1) return replace(-1);
  if (a.length === b.length && node.op === 'Slice' && input === 2) return replace(WHOLE);
  throw depends(node, sized);
}

function depends({ op }: GraphNode, { lengths }: Sized): Error {
  return new Error(`${op} depends on the lengths of ${Object.keys(lengths).join(', ')}: they cannot be free`);
}

/** The length of an axis, or its name: that of the free axis that it is as long as, or a share of. */
function nameOf(length: number, other: number, [first, second]: readonly [Sized, Sized]): Dimension {
  if (length === other) return length;
  for (const [axis, whole] of Object.entries(first.lengths)) {
    if (length / whole !== other / second.lengths[axis]) continue;
    return length === whole
      ? axis
      : length < whole
        ? `${axis}/${whole / length}`
        : `${length / whole}*${axis}`;
  }
  return 'free';
}
