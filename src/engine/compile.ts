import type * as tf from '@tensorflow/tfjs-core';
import type { Step } from './capture.ts';
import type { CompiledStep, CompileOptions } from './compiled-step.ts';
import { devices } from './device.ts';
import { EagerStep } from './eager-step.ts';
import { InputError } from './input-error.ts';
import { NativeStep } from './native/native-step.ts';
import { OrtStep } from './ort-step.ts';
import type { Tree } from './tree.ts';
import type { HostResultOf, HostTreeOf, TensorKind, TensorsOf } from './typed-trees.ts';

export type { CompiledStep, CompileOptions, StepResult } from './compiled-step.ts';
export type { ResidentState } from './resident-state.ts';

/**
 * Compiles a step that is written in plain tfjs operations: it is run once to capture its operations as an ONNX graph,
 * which ONNX Runtime runs from then on; with device `eager` tfjs itself runs it each time. Whatever else the step looks
 * at while it is captured stays as it was then: random numbers and schedules are inputs, in the batch or in the state.
 * Throws UnmappedKernelError, TracedReadError, or an InputError for a device that is not there.
 *
 * The keys of `state` and `batch` are the keys of what the step is given, and those of what it returns are the keys of
 * what a run gives; trees whose keys are not known (`Tree`) are looked into by `leafAt` and `branchAt`.
 *
 * @example
 * const batch = { x: float32([1, 2], [2]) };
 * const step = await compile(
 *   (state, batch) => [{ sum: tf.add(state.sum, tf.sum(batch.x)) }, { twice: tf.mul(batch.x, 2) }],
 *   { state: { sum: scalar(0) }, batch },
 * );
 * const { state, outputs } = await step.run({ sum: scalar(10) }, batch);
 * outputs.twice.data; // [2, 4]
 * (await state.read()).sum.data; // [13]
 * await step.dispose();
 */
export async function compile<
  State extends Tree<TensorKind>,
  Batch extends Tree<TensorKind>,
  NextState extends Tree<tf.Tensor>,
  Outputs extends Tree<tf.Tensor>,
>(
  step: Step<TensorsOf<State>, TensorsOf<Batch>, NextState, Outputs>,
  options: CompileOptions<State, Batch>,
): Promise<
  CompiledStep<HostTreeOf<State>, HostTreeOf<Batch>, HostResultOf<NextState>, HostResultOf<Outputs>>
>;
export async function compile(step: Step, options: CompileOptions): Promise<CompiledStep> {
  const device = options.device ?? 'cpu';
  if (!devices.includes(device)) {
    throw new InputError({ file: 'device', expected: devices.join(', '), found: String(device) });
  }
  if (device === 'eager') return new EagerStep(step, options);
  if (device === 'cpu' && options.runner !== 'binding') {
    const native = await NativeStep.open(step, options);
    if (native !== undefined) return native;
    if (options.runner === 'native') {
      const expected = "Linux, and the libraries of koffi and onnxruntime-node, which runner 'native' needs";
      throw new InputError({ file: 'runner', expected, found: `${process.platform} ${process.arch}` });
    }
  }
  return OrtStep.open(step, { ...options, device });
}
