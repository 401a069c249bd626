import type { TensorKind } from './capture.ts';
import type { Device } from './device.ts';
import type { HostTensor } from './host-tensor.ts';
import type { ResidentState } from './resident-state.ts';
import type { Tree } from './tree.ts';

/** What a step leaves: its next state, on the device, and its outputs, in host memory. */
export interface StepResult<State = Tree<HostTensor>, Outputs = Tree<HostTensor>> {
  readonly state: ResidentState<State>;
  readonly outputs: Outputs;
}

/** A step that is ready to run on a device, for one set of types and shapes. */
export interface CompiledStep<
  State = Tree<HostTensor>,
  Batch = Tree<HostTensor>,
  NextState = Tree<HostTensor>,
  Outputs = Tree<HostTensor>,
> {
  readonly device: Device;
  /**
   * Runs the step. A state in host memory is copied and stays as it is; a resident one is consumed, unless the step
   * hands it on unchanged. Throws an InputError where a type or a shape is another than the one that the step was
   * compiled for; a resident state is then as it was before. The arrays of the batch are read while the step runs.
   */
  run(state: State | NextState | ResidentState, batch: Batch): Promise<StepResult<NextState, Outputs>>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/** What calls ONNX Runtime. */
export type Runner = 'native' | 'binding';

/** What a step is compiled for, and how it is to run. */
export interface CompileOptions<State = Tree<TensorKind>, Batch = Tree<TensorKind>> {
  /** The types and shapes of the state; a state itself will do. */
  readonly state: State;
  /** The types and shapes of a batch; a batch itself will do. */
  readonly batch: Batch;
  /** Default: `cpu`. */
  readonly device?: Device;
  /** Threads of one operation on the CPU; by default one a core. */
  readonly threads?: number;
  /** The tfjs backend of device `eager`; default `cpu`, and `tensorflow` where @tensorflow/tfjs-node is loaded. */
  readonly eagerBackend?: string;
  /** Whether the CPU may compute in blocks of channels, which is faster and rounds differently; true by default. */
  readonly blocked?: boolean;
  /**
   * What calls ONNX Runtime on the CPU: its C interface (`native`), in another thread and without copies of the state, or
   * onnxruntime-node's binding (`binding`); both give the same bits. By default the first where it can be had.
   */
  readonly runner?: Runner;
  /** Writes a Chrome trace of every operation's time to a file whose name begins so. */
  readonly profileTo?: string;
}
