import * as ort from 'onnxruntime-node';
import type { Tracer } from '../../src/engine/capture.ts';
import { exportGraph, type GraphExport } from '../../src/engine/export-graph.ts';
import type { Value } from '../../src/engine/graph.ts';

/** What ONNX Runtime makes of a graph that is built by hand, given inputs by name. */
export async function runGraph(
  build: (tracer: Tracer) => { readonly [output: string]: Value },
  feeds: { readonly [input: string]: ort.Tensor },
  options?: GraphExport,
): Promise<{ readonly [output: string]: ort.Tensor }> {
  const bytes = exportGraph(
    (tracer) => Object.entries(build(tracer)).map(([name, value]) => ({ name, value })),
    options,
  );
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  return session.run(feeds);
}

/** Rows of floats as an input. */
export function floats(data: Float32Array, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', data, shape);
}
