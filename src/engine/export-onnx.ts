import type * as tf from '@tensorflow/tfjs-core';
import { trace } from './capture.ts';
import { withFreeAxes } from './free-axes.ts';
import type { HostTensor } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import { encodeModel } from './onnx-model.ts';
import { foldNorms } from './passes/fold-norms.ts';
import { toPlain } from './passes/plain.ts';
import type { Tree } from './tree.ts';
import { leavesOf, mapTree } from './tree.ts';
import type { TensorKind, TensorsOf } from './typed-trees.ts';

/** A function of parameters and inputs, such as an encoder, written in plain tfjs operations. */
export type Forward<Parameters = Tree<tf.Tensor>, Inputs = Tree<tf.Tensor>> = (
  parameters: Parameters,
  inputs: Inputs,
) => Tree<tf.Tensor>;

/** What the exported function is given. */
export interface ExportOptions<Parameters = Tree<HostTensor>, Inputs = Tree<TensorKind>> {
  /** Given with the file, as initializers. */
  readonly parameters: Parameters;
  /** The types and shapes of what is given at every run; an example will do. */
  readonly inputs: Inputs;
  /**
   * Names of axes that may have any length, by the path of an input: `{ image: ['batch'] }` for its first axis, `undefined` between
   * names for one that stays. Two lengths are tried, `step` apart where a name has one (`{ height: 32 }`).
   */
  readonly freeAxes?: { readonly [input: string]: ReadonlyArray<string | undefined> };
  readonly axisSteps?: { readonly [axis: string]: number };
  /** Whether convolutions take up the multiplications and shifts of their channels that follow them (batch norms). */
  readonly foldNorms?: boolean;
  /** Texts by name that the file carries. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of an ONNX file (opset 18, standard operators only) that computes a function. Inputs, parameters and outputs
 * have their tree paths as names (`image/mean`); inputs and parameters that no output needs are left out.
 * Throws an InputError where two of them have the same name, and what capturing throws (see `compile`).
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * const bytes = exportOnnx((parameters, inputs) => ({ y: tf.matMul(inputs.x, parameters.weight) }), {
 *   parameters: { weight: float32([1, 0, 0, 1], [2, 2]) },
 *   inputs: { x: { dtype: 'float32', shape: [8, 2] } },
 * });
 * await writeFile('product.onnx', bytes);
 */
export function exportOnnx<Parameters extends Tree<HostTensor>, Inputs extends Tree<TensorKind>>(
  forward: Forward<TensorsOf<Parameters>, TensorsOf<Inputs>>,
  options: ExportOptions<Parameters, Inputs>,
): Uint8Array;
export function exportOnnx(forward: Forward, options: ExportOptions): Uint8Array {
  const { metadata, freeAxes } = options;
  if (freeAxes === undefined) {
    const { graph, outputs } = built(forward, options);
    return encodeModel(graph, outputs, { metadata });
  }
  const sized = [31, 37].map((count) => {
    const lengths: { [axis: string]: number } = {};
    const inputs = mapTree(options.inputs, ({ dtype, shape }, path): TensorKind => {
      const named = shape.map((length, i) => {
        const axis = freeAxes[path]?.[i];
        if (axis === undefined) return length;
        // Every axis has a length of its own, so that none is taken for another.
        lengths[axis] ??= (options.axisSteps?.[axis] ?? 1) * (count + 12 * Object.keys(lengths).length);
        return lengths[axis];
      });
      return { dtype, shape: named };
    });
    return { ...built(forward, { ...options, inputs }), lengths };
  });
  const { outputs, dimensionsOf } = withFreeAxes(sized[0], sized[1]);
  return encodeModel(sized[0].graph, outputs, { metadata, dimensionsOf });
}

/** What an exported function computes, as a graph of plain operations. */
function built(forward: Forward, { parameters, inputs, foldNorms: folds }: ExportOptions) {
  return trace(({ graph, tensorOf, valuesOf }) => {
    const given = mapTree(parameters, ({ dtype, shape, data }, path) =>
      tensorOf(graph.parameter(path, dtype, shape, data)),
    );
    const placeholders = mapTree(inputs, ({ dtype, shape }, path) =>
      tensorOf(graph.input(path, dtype, shape)),
    );
    const outputs = [...valuesOf(forward(given, placeholders), 'outputs')].map(([name, value]) => ({
      name,
      value,
    }));
    const roots = {
      parameters: leavesOf(parameters),
      inputs: leavesOf(inputs),
      outputs: outputs.map(({ name }) => [name]),
    };
    checkNames(
      Object.entries(roots).flatMap(([root, leaves]) =>
        leaves.map(([name]) => ({ root, name: String(name) })),
      ),
    );
    const passes = folds ? [toPlain, foldNorms] : [toPlain];
    const plain = passes.reduce((current, pass) => {
      const now = pass(
        graph,
        current.map(({ value }) => value),
      );
      return current.map(({ name, value }) => ({ name, value: now(value) }));
    }, outputs);
    return { graph, outputs: plain };
  });
}

/** Throws an InputError where two values have the same name: ONNX knows one name space for all. */
export function checkNames(names: ReadonlyArray<{ readonly root: string; readonly name: string }>): void {
  const seen = new Map<string, string>();
  for (const { root, name } of names) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new InputError({
        file: 'ONNX export',
        place: `${root}/${name}`,
        expected: 'a name that nothing else has',
        found: `the same name among the ${other}`,
      });
    }
    seen.set(name, root);
  }
}
