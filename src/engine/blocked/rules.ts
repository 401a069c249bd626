import type { GraphNode, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, reshape, sameShape } from '../operations.ts';
import { collectiveNames } from '../ranks/collective-kernels.ts';
import { aligned, type Blocker } from './blocker.ts';
import { globalAverage, imageShape, pooled, withMore } from './emit.ts';
import { added, type Blocked, type Form, inMemory, scaled, single } from './forms.ts';
import { channelsOf, isWeights, type Layout } from './layouts.ts';
import { minus, times, type Vector, vectorOf } from './vectors.ts';

/** Gives what stands for the output of an operation, or undefined where it is done in public order. */
export type BlockRule = (blocker: Blocker, node: GraphNode) => Form | undefined;

/** The axis of the channels in the shape that the model sees. */
function channelAxis(form: Blocked): number {
  return form.layout.kind === 'image' ? 1 : form.shape.length - 1;
}

/** An operand beside one in blocks: in blocks as well, or a number a channel. */
function besides(blocker: Blocker, form: Blocked, value: Value): Blocked | Vector | undefined {
  const other = blocker.form(value);
  if (other.kind === 'blocked') return other;
  if (other.kind !== 'plain') return undefined;
  const { rank, axis } = { rank: form.shape.length, axis: channelAxis(form) };
  const vector = vectorOf(blocker.graph, other.value, { rank, axis, channels: channelsOf(form.layout) });
  if (vector !== undefined) return vector;
  if (sameShape(value.shape, form.shape)) return blocker.blocked(value, form.layout);
  const grouped =
    form.layout.kind === 'rows' && rank === 3 && sameShape(value.shape, [form.shape[0], 1, form.shape[2]]);
  return grouped ? blocker.blocked(value, { ...form.layout, rows: form.shape[0] } as Layout) : undefined;
}

const isBlocked = (operand: Blocked | Vector): operand is Blocked => 'kind' in operand;

/** Operands of an operation on numbers of which one of the result's shape is in blocks, in the order given. */
function operandsOf(
  blocker: Blocker,
  { inputs: [a, b], outputs: [{ shape }] }: GraphNode,
): readonly [Blocked | Vector, Blocked | Vector] | undefined {
  const [left, right] = [a!, b!].map((value) => blocker.form(value));
  // The larger one says how the other one lies.
  const leads = left.kind === 'blocked' && (right.kind !== 'blocked' || sizeOf(a!.shape) >= sizeOf(b!.shape));
  if (leads) {
    const other = sameShape(left.shape, shape) ? besides(blocker, left, b!) : undefined;
    return other && [left, other];
  }
  if (right.kind !== 'blocked' || !sameShape(right.shape, shape)) return undefined;
  const other = besides(blocker, right, a!);
  return other && [other, right];
}

const addition: BlockRule = (blocker, node) => {
  const { graph } = blocker;
  const operands = operandsOf(blocker, node);
  if (operands === undefined) return undefined;
  const negated = node.op === 'Sub' ? graph.scalar(-1) : undefined;
  const [a, b] = operands;
  if (!isBlocked(a)) return scaled(graph, b as Blocked, negated, a);
  if (!isBlocked(b)) {
    const shift = negated === undefined ? b : minus(graph, undefined, b)!;
    const biased = byConvolution(blocker, node, a, { bias: shift });
    if (biased !== undefined) return biased;
    const shifted = scaled(graph, a, undefined, shift);
    // The variance as the mean of squares less the square of the mean would be rounding where the mean is large.
    return isSquared(blocker, node.outputs[0]) ? inMemory(a.layout, a.shape, blocker.raw(shifted)) : shifted;
  }
  if (aligned(a, b)) return added(graph, a, negated === undefined ? b : scaled(graph, b, negated));
  return overGroups(blocker, node, a, b);
};

/**
 * What is left of a convolution's results for the convolution to do, where they are used for nothing else; undefined where
 * a value comes from somewhere else.
 */
function byConvolution(
  blocker: Blocker,
  { inputs: [x] }: GraphNode,
  form: Blocked,
  more: { readonly bias?: Vector; readonly relu?: boolean },
): Blocked | undefined {
  const term = single(form);
  const alone = x!.node?.op !== 'Reshape' && blocker.usesOf(x!) === 1;
  if (term === undefined || term.factor !== undefined || isWeights(form.layout) || !alone) return undefined;
  const raw = withMore(blocker, term.raw, more);
  return raw && inMemory(form.layout, form.shape, raw);
}

function isSquared(blocker: Blocker, value: Value): boolean {
  return blocker.consumersOf(value).some(({ op, inputs }) => op === 'Mul' && inputs[0] === inputs[1]);
}

/** An operation on rows (M, K, C) and rows (M, 1, C). */
function overGroups(blocker: Blocker, node: GraphNode, a: Blocked, b: Blocked): Blocked | undefined {
  const lead = sizeOf(a.shape) >= sizeOf(b.shape) ? a : b;
  const other = lead === a ? b : a;
  const fits =
    lead.layout.kind === 'rows' &&
    other.layout.kind === 'rows' &&
    lead.shape.length === 3 &&
    sameShape(other.shape, [lead.shape[0], 1, lead.shape[2]]);
  if (!fits) return undefined;
  const raw = blocker.overGroups(node.op, a, b);
  return inMemory(
    lead.layout,
    lead.shape,
    reshape(blocker.graph, raw, imageShape(lead.layout, blocker.block)),
  );
}

const multiplication: BlockRule = (blocker, node) => {
  const { graph } = blocker;
  const operands = operandsOf(blocker, node);
  if (operands === undefined) return undefined;
  const [a, b] = operands;
  if (!isBlocked(a)) return scaled(graph, b as Blocked, a);
  if (!isBlocked(b)) return scaled(graph, a, b);
  if (!aligned(a, b)) return overGroups(blocker, node, a, b);
  if (blocker.onlySummed(node.outputs[0], a.layout)) return { kind: 'product', a, b };
  return numberByNumber(blocker, 'Mul', a, b, times);
};

const division: BlockRule = (blocker, node) => {
  const { graph } = blocker;
  const operands = operandsOf(blocker, node);
  if (operands === undefined) return undefined;
  const [a, b] = operands;
  const reciprocal = (vector: Vector) =>
    graph.node('Reciprocal', [vector], { type: 'float32', shape: vector.shape });
  if (!isBlocked(b)) return scaled(graph, a as Blocked, reciprocal(b));
  if (!isBlocked(a)) {
    const raw = blocker.raw(b);
    return inMemory(
      b.layout,
      b.shape,
      graph.node('Reciprocal', [raw], { type: 'float32', shape: raw.shape }),
      a,
    );
  }
  if (!aligned(a, b)) return overGroups(blocker, node, a, b);
  return numberByNumber(blocker, 'Div', a, b, (graph, left, right) =>
    right === undefined ? left : binary(graph, 'Div', left ?? graph.scalar(1), right),
  );
};

/** An operation of which a factor of either operand can be taken out. */
function numberByNumber(
  blocker: Blocker,
  op: string,
  a: Blocked,
  b: Blocked,
  factorOf: (graph: Blocker['graph'], a: Vector | undefined, b: Vector | undefined) => Vector | undefined,
): Blocked {
  const [left, right] = [a, b].map((form) => single(form) ?? { raw: blocker.raw(form), factor: undefined });
  const shape = imageShape(a.layout, blocker.block);
  const [x, y] = [left, right].map(({ raw }) => reshape(blocker.graph, raw, shape));
  return inMemory(
    a.layout,
    a.shape,
    binary(blocker.graph, op, x, y),
    factorOf(blocker.graph, left.factor, right.factor),
  );
}

/** The larger or the smaller of two values, or of a value and one number. */
const extreme: BlockRule = (blocker, node) => {
  const { graph } = blocker;
  const operands = operandsOf(blocker, node);
  if (operands === undefined) return undefined;
  const forms = operands.filter(isBlocked);
  const [lead] = forms;
  if (forms.length === 2 && !aligned(forms[0], forms[1])) return undefined;
  const raws = operands.map((operand) => (isBlocked(operand) ? blocker.raw(operand) : operand));
  if (raws.some(({ shape }) => shape.length === 1)) return undefined;
  return inMemory(lead.layout, lead.shape, binary(graph, node.op, raws[0], raws[1]));
};

/** An operation on one operand, number by number. */
const unary: BlockRule = (blocker, { op, domain, attributes, inputs: [x] }) => {
  const form = blocker.form(x!);
  if (form.kind !== 'blocked') return undefined;
  const raw = blocker.raw(form);
  const value = blocker.graph.node(op, [raw], { domain, type: 'float32', shape: raw.shape, attributes });
  return inMemory(form.layout, form.shape, value);
};

const negation: BlockRule = (blocker, { inputs: [x] }) => {
  const form = blocker.form(x!);
  return form.kind === 'blocked' ? scaled(blocker.graph, form, blocker.graph.scalar(-1)) : undefined;
};

const relu: BlockRule = (blocker, node) => {
  const form = blocker.form(node.inputs[0]!);
  if (form.kind !== 'blocked') return undefined;
  return byConvolution(blocker, node, form, { relu: true }) ?? blocker.relu(form);
};

const positive: BlockRule = (blocker, { inputs: [x, bound] }) => {
  const form = blocker.form(x!);
  return form.kind === 'blocked' && bound!.fill === 0 ? { kind: 'test', x: form } : undefined;
};

/** Whether rows are at the maximum over their group. */
const atMaximum: BlockRule = (blocker, { inputs: [x, highest] }) => {
  const [form, maximum] = [x!, highest!].map((value) => blocker.form(value));
  const { node } = highest!;
  const ofGroup = node?.op === 'ReduceMax' && node.inputs[0] === x;
  if (!ofGroup || form.kind !== 'blocked' || maximum.kind !== 'blocked') return undefined;
  const [groups, , channels] = form.shape;
  if (!sameShape(maximum.shape, [groups, 1, channels])) return undefined;
  return { kind: 'test', x: form, above: maximum };
};

const casting: BlockRule = (blocker, node) => {
  const form = blocker.form(node.inputs[0]!);
  return form.kind === 'test' && node.outputs[0].type === 'float32' ? blocker.indicator(form) : undefined;
};

const summation: BlockRule = (blocker, node) => {
  const { graph } = blocker;
  const [x, axesInput] = node.inputs;
  const [output] = node.outputs;
  const form = blocker.form(x!);
  if ((form.kind !== 'blocked' && form.kind !== 'product') || axesInput?.data === undefined) return undefined;
  const axes = new Set(Array.from(axesInput.data, Number));
  const operand = form.kind === 'product' ? form.a : form;
  const rank = operand.shape.length;
  if (isWeights(operand.layout)) {
    if (form.kind === 'product' || axes.size < rank) return undefined;
    const raw = blocker.raw(form);
    const all = raw.shape.map((_, axis) => axis);
    const sum = graph.node('ReduceSum', [raw, graph.shape(all)], {
      type: 'float32',
      shape: [],
      attributes: { keepdims: 0 },
    });
    return { kind: 'plain', value: reshape(graph, sum, output.shape) };
  }
  const channel = channelAxis(operand);
  if (axes.size === rank - 1 && !axes.has(channel)) {
    return { kind: 'plain', value: reshape(graph, blocker.channelSums(form), output.shape) };
  }
  if (form.kind === 'product') return undefined;
  if (operand.layout.kind === 'image' && axes.size === 2 && axes.has(2) && axes.has(3)) {
    const raw = blocker.raw(operand);
    const means = globalAverage(blocker, raw);
    const sums = binary(graph, 'Mul', means, graph.scalar(raw.shape[2] * raw.shape[3]));
    return { kind: 'plain', value: reshape(graph, sums, output.shape) };
  }
  return overNeighbors(blocker, node, form, 'AveragePool');
};

/** The maximum, or the sum, of rows (M, K, C) over the K neighbours. */
function overNeighbors(
  blocker: Blocker,
  node: GraphNode,
  form: Blocked,
  op: 'MaxPool' | 'AveragePool',
): Form | undefined {
  const axes = Array.from(node.inputs[1]?.data ?? [], Number);
  if (form.layout.kind !== 'rows' || form.shape.length !== 3 || `${axes}` !== '1') return undefined;
  const { graph } = blocker;
  const [groups, neighbors, channels] = form.shape;
  const x = reshape(graph, blocker.raw(form), [1, channels, groups, neighbors]);
  const raw = pooled(blocker, op, x, {
    shape: [1, channels, groups, 1],
    kernel: [1, neighbors],
    strides: [1, neighbors],
  });
  const layout: Layout = { kind: 'rows', rows: groups, channels };
  const factor = op === 'AveragePool' ? graph.scalar(neighbors) : undefined;
  return inMemory(layout, node.outputs[0].shape, raw, factor);
}

const maximum: BlockRule = (blocker, node) => {
  const form = blocker.form(node.inputs[0]!);
  return form.kind === 'blocked' ? overNeighbors(blocker, node, form, 'MaxPool') : undefined;
};

/** Rows (R, C) as groups of rows (M, K, C), and back. */
const reshaping: BlockRule = (blocker, { inputs: [x], outputs: [{ shape }] }) => {
  const form = blocker.form(x!);
  if (form.kind !== 'blocked' || form.layout.kind !== 'rows') return undefined;
  const rows = shape.length === 2 || shape.length === 3;
  return rows && shape[shape.length - 1] === form.layout.channels ? { ...form, shape } : undefined;
};

/** Operations number by number, reductions, and changes of shape. */
export const numberRules: { readonly [op: string]: BlockRule } = {
  Add: addition,
  Sub: addition,
  Mul: multiplication,
  Div: division,
  Max: extreme,
  Min: extreme,
  Neg: negation,
  Relu: relu,
  Greater: positive,
  Equal: atMaximum,
  Cast: casting,
  ReduceSum: summation,
  ReduceMax: maximum,
  Reshape: reshaping,
  [collectiveNames.sum]: unary,
  ...Object.fromEntries(
    'Sqrt Abs Exp Log Reciprocal Sign Sigmoid Tanh Erf Softplus Elu LeakyRelu'
      .split(' ')
      .map((op) => [op, unary]),
  ),
};
