import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import './kernels/cpu-filter-gradient.ts';
import './tfjs-gradients.ts';
import type { Step, TensorKind } from './capture.ts';
import { withBackend } from './capture.ts';
import type { CompiledStep, CompileOptions, StepResult } from './compiled-step.ts';
import type { DType, HostTensor } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import type { ResidentState } from './resident-state.ts';
import { consumedError, isResident, otherDeviceError } from './resident-state.ts';
import type { Tree } from './tree.ts';
import { leavesOf, mapTree } from './tree.ts';
import { checkedLeaves, checkKinds, kindsOf } from './tree-check.ts';

/** A state as tensors of a tfjs backend. */
class EagerState implements ResidentState {
  readonly device = 'eager';
  private tensors: Tree<tf.Tensor> | undefined;

  constructor(tensors: Tree<tf.Tensor>) {
    this.tensors = tensors;
  }

  /** The tensors; throws where a step has consumed them. */
  peek(): Tree<tf.Tensor> {
    if (this.tensors === undefined) throw consumedError(this.device);
    return this.tensors;
  }

  consume(): void {
    for (const [, tensor] of leavesOf(this.peek())) tensor.dispose();
    this.tensors = undefined;
  }

  async read(): Promise<Tree<HostTensor>> {
    return mapTree(this.peek(), toHost);
  }
}

/** A step that tfjs runs operation by operation on one of its backends: the reference for the compiled ones. */
export class EagerStep implements CompiledStep {
  readonly device = 'eager';
  private readonly step: Step;
  private readonly backendName: string;
  private readonly kinds: {
    readonly state: ReadonlyMap<string, TensorKind>;
    readonly batch: ReadonlyMap<string, TensorKind>;
  };

  constructor(step: Step, { state, batch, eagerBackend }: CompileOptions) {
    const registered = Object.keys(tf.engine().registryFactory);
    this.step = step;
    this.backendName = eagerBackend ?? (registered.includes('tensorflow') ? 'tensorflow' : 'cpu');
    this.kinds = { state: kindsOf(state), batch: kindsOf(batch) };
    if (!registered.includes(this.backendName)) {
      const expected = `a tfjs backend '${this.backendName}', imported beforehand`;
      throw new InputError({ file: "device 'eager'", expected, found: `only ${registered.join(', ')}` });
    }
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>): Promise<StepResult> {
    const before = this.checked(state);
    checkedLeaves('batch', batch, this.kinds.batch);
    const result = withBackend(this.backendName, () => {
      let next: Tree<tf.Tensor> = {};
      let outputs: Tree<HostTensor> = {};
      tf.tidy(() => {
        const given = before instanceof EagerState ? before.peek() : mapTree(before, toTensor);
        const [after, results] = this.step(given, mapTree(batch, toTensor));
        outputs = mapTree(results, toHost);
        // Leaves that are handed on share their memory with the state before, which is given up below.
        next = mapTree(after, (tensor) => tf.keep(tensor.clone()));
      });
      return { state: new EagerState(next), outputs };
    });
    if (before instanceof EagerState) before.consume();
    return result;
  }

  private checked(state: Tree<HostTensor> | ResidentState): EagerState | Tree<HostTensor> {
    if (!isResident(state)) {
      checkedLeaves('state', state, this.kinds.state);
      return state;
    }
    if (!(state instanceof EagerState)) throw otherDeviceError(state.device, this.device);
    checkKinds('state', kindsOf(mapTree(state.peek(), kindOf)), this.kinds.state);
    return state;
  }

  /** Nothing to give back: tfjs keeps nothing for a step. */
  async dispose(): Promise<void> {}
}

function kindOf(tensor: tf.Tensor): TensorKind {
  return { dtype: tensor.dtype as DType, shape: tensor.shape };
}

function toTensor({ data, shape, dtype }: HostTensor): tf.Tensor {
  // tfjs keeps the array that it is given, and the caller may write into it later.
  return tf.tensor(data.slice(), [...shape], dtype);
}

function toHost(tensor: tf.Tensor): HostTensor {
  const data = tensor.dataSync() as HostTensor['data'];
  return { dtype: tensor.dtype as DType, shape: [...tensor.shape], data: data.slice() };
}
