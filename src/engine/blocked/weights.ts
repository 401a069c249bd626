import type { GraphNode, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { sameShape } from '../operations.ts';
import { collectiveNames } from '../ranks/collective-kernels.ts';
import { fitsBlocks, type WeightLayout } from './layouts.ts';

/** Operations that work number by number, and so in any order of the numbers. */
const elementwise: ReadonlySet<string> = new Set([
  ...'Add Sub Mul Div Max Min Sqrt Neg Abs Exp Log Reciprocal Sign Sigmoid Tanh Relu Identity'.split(' '),
  collectiveNames.sum,
]);

/** What takes each value of a graph, and which values are its results. */
export interface Uses {
  readonly consumers: ReadonlyMap<Value, readonly GraphNode[]>;
  readonly results: ReadonlySet<Value>;
}

/** The layout of a value where an operation takes it as the weights of a convolution or of rows, or makes their gradient. */
function asWeights(value: Value, node: GraphNode): WeightLayout | undefined {
  const { op, inputs, outputs, attributes } = node;
  const place = inputs.indexOf(value);
  const filter =
    (op === 'Conv' && place === 1) ||
    (op === 'ConvInputGradient' && place === 1) ||
    (op === 'ConvWeightGradient' && outputs[0] === value);
  if (filter) {
    const [out, inside, height, width] = value.shape;
    const full = attributes.group === 1 && value.shape.length === 4;
    return full ? { kind: 'weights', outputs: out, inputs: inside, window: height * width } : undefined;
  }
  const matrix =
    op === 'Gemm' &&
    ((place === 1 && inputs[0] !== value && attributes.transA === 0) ||
      (outputs[0] === value && attributes.transA === 1 && attributes.transB === 0));
  return matrix ? { kind: 'matrix', inputs: value.shape[0], outputs: value.shape[1], window: 1 } : undefined;
}

/**
 * Which inputs can stay in the blocks of weights from step to step: those that are weights, and those that meet weights
 * number by number alone, as the moments of an optimizer do. One use that wants them in their public order, and all
 * that hang together stay in public order.
 */
export function weightLayouts(
  inputs: readonly Value[],
  { consumers }: Uses,
  block: number,
): ReadonlyMap<Value, WeightLayout> {
  const found = new Map<Value, WeightLayout>();
  const visited = new Set<Value>();
  for (const seed of inputs) {
    if (visited.has(seed) || seed.type !== 'float32') continue;
    const layout = (consumers.get(seed) ?? []).map((node) => asWeights(seed, node)).find(Boolean);
    if (layout === undefined || !fitsBlocks(layout, block)) continue;
    const group = new Set<Value>();
    const fits = connected(seed, consumers, group, layout);
    for (const value of group) {
      visited.add(value);
      if (fits && value.node === undefined) found.set(value, layout);
    }
  }
  return new Map([...found].filter(([value]) => inputs.includes(value)));
}

/** Collects the values that meet `seed` number by number; false where one of them is wanted in public order. */
function connected(
  seed: Value,
  consumers: ReadonlyMap<Value, readonly GraphNode[]>,
  group: Set<Value>,
  layout: WeightLayout,
): boolean {
  const stack: Value[] = [];
  let fits = true;
  const join = (value: Value) => {
    if (group.has(value)) return;
    group.add(value);
    stack.push(value);
  };
  join(seed);
  while (stack.length > 0) {
    const value = stack.pop()!;
    const { node } = value;
    if (node !== undefined && elementwise.has(node.op)) for (const input of node.inputs) meet(input!);
    for (const consumer of consumers.get(value) ?? []) {
      const used = asWeights(value, consumer);
      if (used !== undefined && `${Object.values(used)}` === `${Object.values(layout)}`) continue;
      if (consumer.op === 'ReduceSum' && sizeOf(consumer.outputs[0].shape) === 1) continue;
      if (!elementwise.has(consumer.op)) fits = false;
      else {
        for (const input of consumer.inputs) meet(input!);
        join(consumer.outputs[0]);
      }
    }
  }
  function meet(operand: Value): void {
    if (sameShape(operand.shape, seed.shape)) join(operand);
    else if (sizeOf(operand.shape) !== 1) fits = false;
  }
  return fits;
}
