import type { Captured } from '../capture.ts';
import { type Graph, type GraphNode, pendingDomain, reachable, type Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, cast, expand, reduce, reshape, slice } from '../operations.ts';
import { rewrite } from '../passes/rewrite.ts';
import { isCollective } from '../ranks/collective-kernels.ts';
import { chunkedSums } from './chunked-sums.ts';
import { planSums, type SumPlan, tableLengths } from './sum-tables.ts';

/**
 * Sums of rows by number are captured as `RowSums`: updates [rows, ...] and numbers [rows] to [sums, ...]. ONNX Runtime's
 * own operation for that, ScatterND that adds, loses additions to the same row on several threads of the CPU, and adds in
 * another order each time on a GPU. Where the numbers hang on the batch alone the sums are made by tables that come with
 * the batch, otherwise by ScatterElements, which one thread runs.
 */
export const rowSumsOp = 'RowSums';

/** Appends sums of rows by number. `strict`: a number that names no sum is an error; otherwise its row is left out. */
export function rowSums(
  graph: Graph,
  updates: Value,
  numbers: Value,
  { sums, strict }: { readonly sums: number; readonly strict: boolean },
): Value {
  const rows = sizeOf(numbers.shape);
  const rest = updates.shape.slice(numbers.shape.length);
  const shape = [sums, ...rest];
  if (rows === 0 || sizeOf(shape) === 0) return graph.fill(0, updates.type, shape);
  const inputs = [
    reshape(graph, updates, [rows, ...rest]),
    reshape(graph, cast(graph, numbers, 'int32'), [rows]),
  ];
  const attributes = { strict: strict ? 1 : 0 };
  return graph.node(rowSumsOp, inputs, { domain: pendingDomain, type: updates.type, shape, attributes });
}

/** Sums whose tables come with the batch: where the numbers are, and the inputs that the tables are given as. */
export interface TabledSums {
  readonly numbers: Value;
  readonly plan: SumPlan;
  readonly strict: boolean;
  readonly tables: readonly Value[];
}

/** A captured step whose sums of rows have their tables as inputs, as far as they can. */
export interface WithTables extends Captured {
  readonly tabled: readonly TabledSums[];
}

/** Gives the sums of rows of a step inputs for their tables. */
export function withTables(captured: Captured): WithTables {
  const { graph, nextState, outputs } = captured;
  const batch = new Set(captured.batch.values());
  const tabled = new Map<string, TabledSums>();
  const tablesFor = ({ inputs, outputs: [{ shape }], attributes }: GraphNode): TabledSums => {
    const numbers = inputs[1]!;
    const strict = attributes.strict === 1;
    const key = `${numbers.name} ${shape[0]} ${strict}`;
    const known = tabled.get(key);
    if (known !== undefined) return known;
    const plan = planSums(numbers.shape[0], shape[0]);
    const tables = tableLengths(plan).map((length, i) =>
      graph.input(`sums/${tabled.size}/${i}`, 'int32', [length]),
    );
    const made = { numbers, plan, strict, tables };
    tabled.set(key, made);
    return made;
  };
  const now = rewrite(graph, [...nextState.values(), ...outputs.values()], (_, node, [updates]) => {
    if (node.op !== rowSumsOp || !hangsOn(node.inputs[1]!, batch)) return undefined;
    const { type, shape } = node.outputs[0];
    const inputs = [updates, ...tablesFor(node).tables];
    return [graph.node(tabledSumsOp, inputs, { domain: pendingDomain, type, shape })];
  });
  const each = (values: ReadonlyMap<string, Value>) =>
    new Map([...values].map(([path, value]) => [path, now(value)] as const));
  return { ...captured, nextState: each(nextState), outputs: each(outputs), tabled: [...tabled.values()] };
}

/** Sums of rows by the tables that follow the rows among its inputs. */
export const tabledSumsOp = 'TabledSums';

/** Whether a value is computed from these inputs, and constants, alone. */
function hangsOn(value: Value, inputs: ReadonlySet<Value>): boolean {
  const { nodes } = reachable([value]);
  if (nodes.some(isCollective)) return false;
  const given = [value, ...nodes.flatMap((node) => node.inputs)];
  return given.every(
    (each) => each === undefined || each.node !== undefined || each.data !== undefined || inputs.has(each),
  );
}

/** Sums by tables in standard operations. */
export function plainTabledSums(graph: Graph, { outputs: [{ shape }] }: GraphNode, inputs: readonly Value[]) {
  const [updates, ...tables] = inputs;
  const rows = updates.shape[0];
  const flat = reshape(graph, updates, [1, rows, sizeOf(updates.shape) / rows]);
  return reshape(
    graph,
    chunkedSums(graph, flat, tables, (chunks) => reduce(graph, 'ReduceSum', chunks, [2])),
    shape,
  );
}

/** Sums by numbers that are known in the graph alone. */
export function plainRowSums(
  graph: Graph,
  { outputs: [{ type, shape }], attributes }: GraphNode,
  [updates, numbers]: readonly Value[],
): Value {
  const [sums] = shape;
  const rows = numbers.shape[0];
  const channels = sizeOf(shape) / sums;
  // What names no sum goes to one more, which is cut off again.
  const spare = attributes.strict === 1 ? 0 : 1;
  const target = spare === 0 ? numbers : inRange(graph, numbers, sums);
  const index = expand(graph, reshape(graph, target, [rows, 1]), [rows, channels]);
  const flat = reshape(graph, updates, [rows, channels]);
  const size = [sums + spare, channels];
  const added = graph.node('ScatterElements', [graph.fill(0, type, size), index, flat], {
    type,
    shape: size,
    attributes: { axis: 0, reduction: 'add' },
  });
  return reshape(graph, slice(graph, added, [0, 0], [sums, channels]), shape);
}

/** Numbers from 0 to below `sums` as they are, all others as `sums`. */
function inRange(graph: Graph, numbers: Value, sums: number): Value {
  const scalar = (value: number) => graph.scalar(value, 'int32');
  const among = (op: string, bound: number, x: Value) => {
    const outside = binary(graph, op, x, scalar(bound), 'bool');
    return graph.node('Where', [outside, scalar(sums), x], { type: 'int32', shape: x.shape });
  };
  return among('Less', 0, among('GreaterOrEqual', sums, numbers));
}
