import { fromBlocks, toBlocks } from '../blocked/layouts.ts';
import type { TensorKind } from '../capture.ts';
import type { Value } from '../graph.ts';
import type { DType, HostTensor } from '../host-tensor.ts';
import { consumedError, otherDeviceError, type ResidentState } from '../resident-state.ts';
import type { StateLayout } from '../step-model.ts';
import { type Tree, treeOf } from '../tree.ts';
import { checkKinds } from '../tree-check.ts';
import { NativeTensor } from './native-session.ts';

/** Types and shapes by path. */
export type Kinds = ReadonlyMap<string, TensorKind>;
/** Tensors by path. */
export type Tensors = ReadonlyMap<string, NativeTensor>;

/** A state in memory that the runtime reads in place. */
export class NativeState implements ResidentState {
  readonly device = 'cpu';
  readonly place: StateLayout;
  private tensors: Tensors | undefined;

  constructor(tensors: Tensors, place: StateLayout) {
    this.tensors = tensors;
    this.place = place;
  }

  static from(leaves: ReadonlyMap<string, HostTensor>, place: StateLayout): NativeState {
    const tensors = new Map(
      [...leaves].map(([path, leaf]) => {
        const weights = place.stored.get(path);
        const stored = weights === undefined ? leaf : toBlocks(leaf, weights, place.block);
        return [path, NativeTensor.copyOf(stored)] as const;
      }),
    );
    return new NativeState(tensors, place);
  }

  peek(): Tensors {
    if (this.tensors === undefined) throw consumedError(this.device);
    return this.tensors;
  }

  consume(): void {
    this.tensors = undefined;
  }

  /** Takes back what a step that failed had consumed. */
  restore(tensors: Tensors): void {
    this.tensors = tensors;
  }

  async read(): Promise<Tree<HostTensor>> {
    const { block, stored } = this.place;
    return treeOf(
      [...this.peek()].map(([path, { tensor }]) => {
        const weights = stored.get(path);
        if (weights !== undefined) return [path, fromBlocks(tensor, weights, block)];
        return [path, { ...tensor, data: tensor.data.slice() }];
      }),
    );
  }
}

/** A resident state, after holding it against what a step on the CPU was compiled for. */
export function checkedState(state: ResidentState, expected: Kinds): NativeState {
  if (!(state instanceof NativeState)) throw otherDeviceError(state.device, 'cpu');
  const { stored } = state.place;
  const kinds = [...state.peek()].map(([path, { tensor }]) => {
    const { dtype, shape } = tensor;
    return [path, { dtype, shape: stored.get(path)?.shape ?? shape }] as const;
  });
  checkKinds('state', new Map(kinds), expected);
  return state;
}

/** New memory of zeros for tensors of these kinds. */
export function emptyTensors(kinds: Kinds): Tensors {
  return new Map([...kinds].map(([path, kind]) => [path, NativeTensor.empty(kind)] as const));
}

/** `state/params/weight` as its root and its path. */
export function splitName(name: string): [root: string, path: string] {
  const at = name.indexOf('/');
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}

/** Types and shapes of values by path. */
export function kindsOfValues(values: ReadonlyMap<string, Value>): Kinds {
  return new Map(
    [...values].map(([path, { type, shape }]) => [path, { dtype: type as DType, shape }] as const),
  );
}
