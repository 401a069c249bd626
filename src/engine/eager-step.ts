import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import './tfjs-gradients.ts';
import type { Step, TensorKind } from './capture.ts';
import { withBackend } from './capture.ts';
import type { CompiledStep, CompileOptions, ResidentState } from './compile.ts';
import type { DType, HostTensor } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import type { Tree } from './tree.ts';
import { mapTree } from './tree.ts';
import { checkedLeaves, kindsOf } from './tree-check.ts';

/** A state as tensors of a tfjs backend. */
class EagerState implements ResidentState {
  private tensors: Tree<tf.Tensor> | undefined;

  constructor(tensors: Tree<tf.Tensor>) {
    this.tensors = tensors;
  }

  peek(): Tree<tf.Tensor> {
    if (this.tensors === undefined) throw new Error("this state was consumed by a later step on device 'eager': read it before");
    return this.tensors;
  }

  consume(): void {
    mapTree(this.peek(), (tensor) => tensor.dispose());
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
  private readonly kinds: { readonly state: ReadonlyMap<string, TensorKind>; readonly batch: ReadonlyMap<string, TensorKind> };

  constructor(step: Step, options: CompileOptions) {
    this.step = step;
    this.backendName = options.eagerBackend ?? (tf.engine().registryFactory.tensorflow === undefined ? 'cpu' : 'tensorflow');
    this.kinds = { state: kindsOf(options.state), batch: kindsOf(options.batch) };
    const registered = Object.keys(tf.engine().registryFactory);
    if (!registered.includes(this.backendName)) {
      throw new InputError({ file: "device 'eager'", expected: `a tfjs backend '${this.backendName}', imported beforehand`, found: `only ${registered.join(', ')}` });
    }
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>) {
    const resident = state instanceof EagerState ? state : undefined;
    if (resident === undefined) checkedLeaves('state', state as Tree<HostTensor>, this.kinds.state);
    checkedLeaves('batch', batch, this.kinds.batch);
    return withBackend(this.backendName, () => {
      const before = resident?.peek() ?? mapTree(state as Tree<HostTensor>, toTensor);
      let next: Tree<tf.Tensor> = {};
      let outputs: Tree<HostTensor> = {};
      tf.tidy(() => {
        const [after, results] = this.step(before, mapTree(batch, toTensor));
        // Leaves that are handed on share their memory with the state before, which is given up below.
        next = mapTree(after, (tensor) => tf.keep(tensor.clone()));
        outputs = mapTree(results, toHost);
      });
      if (resident === undefined) mapTree(before, (tensor) => tensor.dispose());
      else resident.consume();
      return { state: new EagerState(next), outputs };
    });
  }

  async dispose(): Promise<void> {}
}

function toTensor({ data, shape, dtype }: HostTensor): tf.Tensor {
  // tfjs keeps the array that it is given, and the caller may write into it later.
  return tf.tensor(data.slice(), [...shape], dtype);
}

function toHost(tensor: tf.Tensor): HostTensor {
  const data = tensor.dataSync() as HostTensor['data'];
  return { dtype: tensor.dtype as DType, shape: [...tensor.shape], data: data.slice() };
}
