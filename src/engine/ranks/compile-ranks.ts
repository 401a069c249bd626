import type * as tf from '@tensorflow/tfjs-core';
import { blockSize } from '../blocked/block-size.ts';
import { capture, type Step } from '../capture.ts';
import type { StepResult } from '../compiled-step.ts';
import type { HostTensor } from '../host-tensor.ts';
import { InputError } from '../input-error.ts';
import { keepFreedMemory } from '../keep-memory.ts';
import { lower } from '../lower.ts';
import { NativeStep } from '../native/native-step.ts';
import { ortApi } from '../native/ort-api.ts';
import type { ResidentState } from '../resident-state.ts';
import { TableFeeds } from '../row-sums/table-feeds.ts';
import { modelOutputs } from '../step-model.ts';
import type { Tree } from '../tree.ts';
import type { HostResultOf, HostTreeOf, TensorKind, TensorsOf } from '../typed-trees.ts';
import type { Communicator } from './communicator.ts';
import { cut, ofOneRank } from './cut.ts';
import { alone } from './in-memory.ts';
import { Stages, type StepEvent } from './stages.ts';

/** What a step over ranks is compiled for. */
export interface RanksOptions<State = Tree<TensorKind>, Batch = Tree<TensorKind>> {
  /** The types and shapes of the state, which is the same on all ranks. */
  readonly state: State;
  /** The types and shapes of one rank's batch. */
  readonly batch: Batch;
  /** Branches of the batch that are the same on all ranks, such as learning rates. */
  readonly sameBatch?: readonly string[];
  /** The processes; by default this one alone. */
  readonly communicator?: Communicator;
  /** Ranks of each process, run one after another: 1 by default. There are as many ranks as processes times pieces. */
  readonly pieces?: number;
  /** Threads of one operation on the CPU; by default one a core. */
  readonly threads?: number;
  /** Whether the CPU may compute in blocks of channels; true by default. */
  readonly blocked?: boolean;
  /** Receives every segment and collective of a run as it ends. */
  readonly trace?: (event: StepEvent) => void;
}

/** A step that is ready to run over ranks. */
export interface RankedStep<
  State = Tree<HostTensor>,
  Batch = Tree<HostTensor>,
  NextState = Tree<HostTensor>,
  Outputs = Tree<HostTensor>,
> {
  readonly device: 'cpu';
  /**
   * Runs the step with the batch of each of this process's ranks, in their order; all processes do so at the same time. For states
   * all is as `CompiledStep.run` has it.
   */
  run(
    state: State | NextState | ResidentState,
    batches: readonly Batch[],
  ): Promise<StepResult<NextState, Outputs>>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/**
 * Compiles a step in which ranks talk to one another (src/engine/ranks/collectives.ts): it is captured once as what one rank does,
 * and cut where it has to wait for the others. What it returns has to be the same on all ranks. Throws an InputError where it
 * is not, and where ONNX Runtime's C interface cannot be had (on Linux alone).
 *
 * @example
 * const batch = { x: float32([1, 2], [2]) };
 * const step = await compileRanks(
 *   (state, { x }) => [{ mean: allReduceMean(tf.mean(x)) }, {}],
 *   { state: { mean: scalar(0) }, batch, pieces: 2 },
 * );
 * const { state } = await step.run({ mean: scalar(0) }, [batch, { x: float32([3, 4], [2]) }]);
 * (await state.read()).mean.data; // [2.5]
 * await step.dispose();
 */
export async function compileRanks<
  State extends Tree<TensorKind>,
  Batch extends Tree<TensorKind>,
  NextState extends Tree<tf.Tensor>,
  Outputs extends Tree<tf.Tensor>,
>(
  step: Step<TensorsOf<State>, TensorsOf<Batch>, NextState, Outputs>,
  options: RanksOptions<State, Batch>,
): Promise<RankedStep<HostTreeOf<State>, HostTreeOf<Batch>, HostResultOf<NextState>, HostResultOf<Outputs>>>;
export async function compileRanks(step: Step, options: RanksOptions): Promise<RankedStep> {
  const { communicator = alone, pieces = 1, blocked = true, sameBatch = [], threads, trace } = options;
  if (ortApi() === undefined) {
    const expected = 'Linux, and the libraries of koffi and onnxruntime-node, for a step over ranks';
    throw new InputError({ file: 'ranks', expected, found: `${process.platform} ${process.arch}` });
  }
  keepFreedMemory();
  const block = blocked ? await blockSize() : undefined;
  const ranks = communicator.size * pieces;
  const captured = lower(capture(step, options.state, options.batch, { ranks }), { block });
  const results = modelOutputs(captured);
  const same = [...captured.batch].filter(([path]) =>
    sameBatch.some((branch) => path.startsWith(`${branch}/`)),
  );
  const common = new Set([...captured.state.values(), ...same.map(([, value]) => value)]);
  const [different] = ranks === 1 ? [] : ofOneRank(results, common);
  if (different !== undefined) {
    throw new InputError({
      file: 'step over ranks',
      place: different,
      expected: 'the same on all ranks, by allReduceMean or gatherRows',
      found: 'what each rank makes of its own rows',
    });
  }
  const stages = cut(captured.graph, results, { common, several: pieces > 1 });
  const tables = await Promise.all(
    Array.from({ length: pieces }, () => TableFeeds.open(captured.graph, captured.tabled)),
  );
  const optimize = block === undefined ? 'all' : 'none';
  const computation = new Stages(stages, tables, { communicator, pieces, threads, optimize, trace });
  const place = { block: block ?? 1, stored: captured.stored };
  const native = new NativeStep(computation, captured, { ...options, place });
  return {
    device: 'cpu',
    run: async (state, batches) => {
      if (batches.length !== pieces) throw new Error(`${batches.length} batches for ${pieces} ranks`);
      return native.runAll(state, batches);
    },
    dispose: () => native.dispose(),
  };
}
