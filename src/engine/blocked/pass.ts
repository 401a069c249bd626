import type { Captured } from '../capture.ts';
import { type GraphNode, reachable, type Value } from '../graph.ts';
import { withInputs } from '../passes/rewrite.ts';
import { Blocker } from './blocker.ts';
import { imageShape } from './emit.ts';
import { inMemory } from './forms.ts';
import { layerRules } from './layers.ts';
import type { StoredWeights } from './layouts.ts';
import { numberRules } from './rules.ts';
import { weightLayouts } from './weights.ts';

/** A captured step whose convolutions and rows are computed in blocks of channels, and the state that stays in them. */
export interface BlockedStep extends Captured {
  /** By path, what of the state is given and handed back in blocks. */
  readonly stored: ReadonlyMap<string, StoredWeights>;
}

const rules = { ...numberRules, ...layerRules };

/**
 * Brings a captured step into blocks of channels, the order of ONNX Runtime's own convolutions: activations from the first
 * convolution, or product of rows with weights, on through all that works channel by channel; weights with their
 * gradients and moments for good, in the state. Whatever else a value meets gets it in public order.
 */
export function toBlocks(captured: Captured, block: number): BlockedStep {
  const { graph, state, nextState, outputs } = captured;
  const results = [...nextState.values(), ...outputs.values()];
  const { nodes } = reachable(results);
  const uses = { consumers: consumersOf(nodes), results: new Set(results) };
  const inputs = [...state.values()];
  const weights = weightLayouts(inputs, uses, block);
  const blocker = new Blocker({ graph, block }, uses, inputs);
  const before = new Map(state);
  const stored = new Map<string, StoredWeights>();
  for (const [path, value] of state) {
    const layout = weights.get(value);
    if (layout === undefined) continue;
    const shape = imageShape(layout, block);
    const given = graph.restate(value, shape);
    before.set(path, given);
    stored.set(path, { layout, shape: value.shape, stored: shape });
    blocker.set(value, inMemory(layout, value.shape, given));
  }
  for (const node of nodes) visit(blocker, node);
  const after = (path: string, value: Value) => {
    const weights = stored.get(path);
    if (value === state.get(path)) return before.get(path)!;
    return weights === undefined ? blocker.plain(value) : blocker.raw(blocker.blocked(value, weights.layout));
  };
  return {
    ...captured,
    stored,
    state: before,
    nextState: new Map([...nextState].map(([path, value]) => [path, after(path, value)])),
    outputs: new Map([...outputs].map(([path, value]) => [path, blocker.plain(value)])),
  };
}

function visit(blocker: Blocker, node: GraphNode): void {
  blocker.graph.part = node.part;
  const form = rules[node.op]?.(blocker, node);
  if (form !== undefined) {
    blocker.set(node.outputs[0], form);
    return;
  }
  const inputs = node.inputs.map((input) => (input === undefined ? undefined : blocker.plain(input)));
  withInputs(blocker.graph, node, inputs).forEach((value, i) => {
    if (value !== node.outputs[i]) blocker.set(node.outputs[i], { kind: 'plain', value });
  });
}

function consumersOf(nodes: readonly GraphNode[]): Map<Value, GraphNode[]> {
  const consumers = new Map<Value, GraphNode[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === undefined) continue;
      const known = consumers.get(input);
      if (known === undefined) consumers.set(input, [node]);
      else known.push(node);
    }
  }
  return consumers;
}
