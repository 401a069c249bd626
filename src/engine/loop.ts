import type * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from './capture.ts';
import type { Graph, Value } from './graph.ts';
import { reachable } from './graph.ts';
import { cast } from './operations.ts';
import { toPlain } from './passes/plain.ts';

/** What a loop gives to each of its rounds: its number, int64 [], what goes on from round to round, and what stays. */
type Round = (
  round: Value,
  carried: readonly Value[],
  given: readonly Value[],
) => {
  /** In the order, types and shapes of what went in. */
  readonly carried: readonly Value[];
  /** bool []: whether there is another round; always where it is not given. */
  readonly goOn?: Value;
};

/**
 * ONNX's Loop: at most `rounds` rounds, each made of what the one before left; gives what the last one left. A round sees its own
 * inputs and constants alone: what it takes from outside is `given`. Throws where it takes anything else.
 */
export function loop(
  graph: Graph,
  options: {
    readonly rounds: number;
    readonly carried: readonly Value[];
    readonly given?: readonly Value[];
    readonly body: Round;
  },
): readonly Value[] {
  const { rounds, carried, given = [], body } = options;
  const standIn = ({ type, shape }: Value) => graph.placeholder(type, shape);
  const [round, before] = [graph.placeholder('int64', []), graph.placeholder('bool', [])];
  const [own, outer] = [carried.map(standIn), given.map(standIn)];
  const result = body(round, own, outer);
  const raw = [result.goOn ?? before, ...result.carried];
  const now = toPlain(graph, raw);
  const inputs = [round, before, ...own, ...outer];
  const outputs = [...raw.map(now), ...outer];
  checkClosed(inputs, outputs);
  const kinds = [...carried, ...given].map(({ type, shape }) => ({ type, shape }));
  const operands = [graph.scalar(rounds, 'int64'), undefined, ...carried, ...given];
  const left = graph.nodes('Loop', operands, {
    outputs: kinds,
    attributes: { body: { graph: { inputs, outputs } } },
  });
  return left.slice(0, carried.length);
}

/** `loop` with rounds in tfjs operations: the number of the round is int32 [], and `goOn` bool []. */
export function tensorLoop(
  { graph, tensorOf, asValue }: Tracer,
  options: {
    readonly rounds: number;
    readonly carried: readonly tf.Tensor[];
    readonly given: readonly tf.Tensor[];
    readonly body: (
      round: tf.Tensor,
      carried: readonly tf.Tensor[],
      given: readonly tf.Tensor[],
    ) => { readonly carried: readonly tf.Tensor[]; readonly goOn: tf.Tensor };
  },
): readonly tf.Tensor[] {
  const { rounds, carried, given, body } = options;
  const left = loop(graph, {
    rounds,
    carried: carried.map(asValue),
    given: given.map(asValue),
    body: (round, own, outer) => {
      const number = tensorOf(cast(graph, round, 'int32'));
      const result = body(number, own.map(tensorOf), outer.map(tensorOf));
      return { carried: result.carried.map(asValue), goOn: asValue(result.goOn) };
    },
  });
  return left.map(tensorOf);
}

function checkClosed(inputs: readonly Value[], outputs: readonly Value[]): void {
  const own = new Set(inputs);
  for (const { op, inputs: operands } of reachable(outputs).nodes) {
    const foreign = operands.find(
      (value) =>
        value !== undefined &&
        value.node === undefined &&
        (value.data ?? value.initial) === undefined &&
        !own.has(value),
    );
    if (foreign !== undefined)
      throw new Error(
        `a round of a loop takes '${foreign.name}' from outside (${op}): it belongs to what is given`,
      );
  }
}
