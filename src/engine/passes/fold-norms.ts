import type { Graph, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { rewrite } from './rewrite.ts';

/**
 * Says convolutions whose outputs are multiplied and shifted channel by channel, as batch norms with running statistics do, as
 * convolutions of other weights with a bias. Gives what stands for each value then. What is folded must be known: parameters.
 */
export function foldNorms(graph: Graph, outputs: readonly Value[]): (value: Value) => Value {
  const known = new Map<Value, Float64Array | undefined>();
  return rewrite(graph, outputs, (_, node, inputs) => {
    if (node.op !== 'Add') return undefined;
    const product = inputs.find((input) => input?.node?.op === 'Mul');
    const shift = inputs.find((input) => input !== product);
    const factored = product?.node?.inputs ?? [];
    const conv = factored.find((input) => input?.node?.op === 'Conv');
    const scale = factored.find((input) => input !== conv);
    const { node: convolution } = conv ?? {};
    const [x, weights, bias] = convolution?.inputs ?? [];
    if (convolution === undefined || shift === undefined || scale === undefined) return undefined;
    if (weights?.initial === undefined || bias !== undefined) return undefined;
    const [count] = weights.shape;
    const [factors, shifts] = [scale, shift].map((each) => channelsOf(each, count, known));
    if (factors === undefined || shifts === undefined) return undefined;
    const each = sizeOf(weights.shape) / count;
    const folded = Float32Array.from(
      weights.initial as Float32Array,
      (weight, i) => weight * factors[Math.floor(i / each)],
    );
    const { attributes, outputs: made } = convolution;
    const operands = [
      x,
      graph.parameter(`${weights.name}:folded`, 'float32', weights.shape, folded),
      graph.parameter(`${weights.name}:shift`, 'float32', [count], Float32Array.from(shifts)),
    ];
    return [graph.node('Conv', operands, { type: 'float32', shape: made[0].shape, attributes })];
  });
}

/** The numbers of a value [1, C, 1, 1] or alike, where they follow from parameters. */
function channelsOf(
  value: Value,
  count: number,
  known: Map<Value, Float64Array | undefined>,
): Float64Array | undefined {
  const { shape } = value;
  if (shape.length !== 4 || shape[1] !== count || sizeOf(shape) !== count) return undefined;
  return evaluated(value, known);
}

const operations: { readonly [op: string]: (a: number, b: number) => number } = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Sqrt: (a) => Math.sqrt(a),
  Reciprocal: (a) => 1 / a,
  Neg: (a) => -a,
  Reshape: (a) => a,
};

/** The numbers of a value that is made of parameters and single numbers, element by element; undefined for any other. */
function evaluated(value: Value, known: Map<Value, Float64Array | undefined>): Float64Array | undefined {
  if (!known.has(value)) known.set(value, worked(value, known));
  return known.get(value);
}

function worked(value: Value, known: Map<Value, Float64Array | undefined>): Float64Array | undefined {
  const held = value.initial ?? value.data;
  if (held !== undefined) return Float64Array.from(held as Float32Array);
  if (value.fill !== undefined) return Float64Array.of(value.fill);
  const operation = operations[value.node?.op ?? ''];
  if (operation === undefined) return undefined;
  const { op, inputs } = value.node!;
  const operands = (op === 'Reshape' ? inputs.slice(0, 1) : inputs).map((input) => evaluated(input!, known));
  const [a, b = a] = operands;
  if (a === undefined || b === undefined || operands.includes(undefined)) return undefined;
  const size = sizeOf(value.shape);
  if ([a, b].some(({ length }) => length !== size && length !== 1)) return undefined;
  return Float64Array.from({ length: size }, (_, i) => operation(a[i % a.length], b[i % b.length]));
}
