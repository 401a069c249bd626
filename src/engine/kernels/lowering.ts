import type { Graph, Value } from '../graph.ts';

/** The attributes that tfjs gives a kernel. */
export type KernelAttributes = { readonly [name: string]: unknown };

/** What a lowering is given: the graph to append to, the kernel's inputs by tfjs's names, and its attributes. */
export interface LoweringContext {
  readonly graph: Graph;
  readonly inputs: { readonly [name: string]: Value };
  readonly attributes: KernelAttributes;
}

/** Says a tfjs kernel in ONNX operations. */
export type Lowering = (context: LoweringContext) => Value | readonly Value[];

/** Lowerings by the name of the tfjs kernel. */
export type Lowerings = { readonly [kernelName: string]: Lowering };
