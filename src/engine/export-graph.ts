import { type Tracer, trace } from './capture.ts';
import { checkNames } from './export-onnx.ts';
import type { Value } from './graph.ts';
import { type Dimension, encodeModel, type ModelOutput } from './onnx-model.ts';
import { foldNorms } from './passes/fold-norms.ts';
import { toPlain } from './passes/plain.ts';

/** What a file says beside its graph. */
export interface GraphExport {
  /** Texts by name that the file carries. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The lengths of axes, or the names of free ones, of inputs and outputs that have such. */
  readonly axes?: { readonly [name: string]: readonly Dimension[] };
}

/**
 * The bytes of an ONNX file (opset 18, standard operators only) with what `build` appends to a graph: tfjs operations, which are
 * captured, and operations by hand (`handMade`) where tfjs has none, such as for shapes that depend on values. Batch norms become
 * part of the convolutions before them. Throws an InputError where two inputs or outputs have the same name, and
 * what capturing throws (see `compile`).
 */
export function exportGraph(
  build: (tracer: Tracer) => readonly ModelOutput[],
  { metadata, axes = {} }: GraphExport = {},
): Uint8Array {
  return trace((tracer) => {
    const { graph } = tracer;
    const outputs = [toPlain, foldNorms].reduce<readonly ModelOutput[]>((current, pass) => {
      const now = pass(
        graph,
        current.map(({ value }) => value),
      );
      return current.map(({ name, value }) => ({ name, value: now(value) }));
    }, build(tracer));
    checkNames([
      ...graph.inputs.map(({ name }) => ({ root: 'inputs', name })),
      ...outputs.map(({ name }) => ({ root: 'outputs', name })),
    ]);
    const names = new Map<Value, string>(graph.inputs.map((value) => [value, value.name]));
    for (const { name, value } of outputs) names.set(value, name);
    const dimensionsOf = (value: Value) => axes[names.get(value) ?? ''] ?? value.shape;
    return encodeModel(graph, outputs, { metadata, dimensionsOf });
  });
}
