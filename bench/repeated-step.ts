import type { Step } from '../src/engine/capture.ts';
import { type CompileOptions, compile, type ResidentState } from '../src/engine/compile.ts';
import type { HostTensor } from '../src/engine/host-tensor.ts';
import type { Tree } from '../src/engine/tree.ts';

/** A compiled step that runs again and again on one batch, each time on the state that the run before left. */
export interface RepeatedStep {
  run(): Promise<void>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/** Where and how a step of the benches runs. */
export type StepRunOptions = Pick<CompileOptions, 'device' | 'threads' | 'blocked' | 'profileTo'>;

/** A state to begin with, and the batch of every run. */
export interface StepData {
  readonly state: Tree<HostTensor>;
  readonly batch: Tree<HostTensor>;
}

/** Compiles a step for these data. */
export async function repeatedStep(
  step: Step,
  { state: initial, batch }: StepData,
  { device, threads, blocked, profileTo }: StepRunOptions,
): Promise<RepeatedStep> {
  const compiled = await compile(step, {
    state: initial,
    batch,
    device,
    threads,
    blocked,
    profileTo,
  });
  let state: Tree<HostTensor> | ResidentState = initial;
  return {
    run: async () => {
      ({ state } = await compiled.run(state, batch));
    },
    dispose: () => compiled.dispose(),
  };
}

/** A function `(options) => Promise<RepeatedStep>`, named so that another process can import it. */
export interface StepReference {
  /** The URL of its module. */
  readonly module: string;
  /** The name of the exported function. */
  readonly export: string;
  /** What it is called with: plain data and typed arrays. */
  readonly options: unknown;
}

/** The step that a reference names. */
export async function referencedStep({
  module,
  export: name,
  options,
}: StepReference): Promise<RepeatedStep> {
  const found: { readonly [name: string]: (options: unknown) => Promise<RepeatedStep> } = await import(
    module
  );
  return found[name](options);
}
