import { blockSize } from '../blocked/block-size.ts';
import { fromBlocks, toBlocks } from '../blocked/layouts.ts';
import { type Captured, capture, type Step, type TensorKind } from '../capture.ts';
import type { CompiledStep, CompileOptions, StepResult } from '../compiled-step.ts';
import type { Value } from '../graph.ts';
import type { DType, HostTensor } from '../host-tensor.ts';
import { keepFreedMemory } from '../keep-memory.ts';
import { lower } from '../lower.ts';
import { encodeModel } from '../onnx-model.ts';
import { consumedError, isResident, otherDeviceError, type ResidentState } from '../resident-state.ts';
import { TableFeeds } from '../row-sums/table-feeds.ts';
import { changedPaths, modelOutputs, type StateLayout, sameLayout } from '../step-model.ts';
import { leavesOf, type Tree, treeOf } from '../tree.ts';
import { checkedLeaves, checkKinds, kindsOf } from '../tree-check.ts';
import { NativeSession, NativeTensor } from './native-session.ts';
import { ortApi } from './ort-api.ts';

type Kinds = ReadonlyMap<string, TensorKind>;
type Tensors = ReadonlyMap<string, NativeTensor>;

/** A state in memory that the runtime reads in place. */
class NativeState implements ResidentState {
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

/**
 * A step that ONNX Runtime runs on the CPU through its C interface: in another thread, its state in two sets of memory that take
 * turns. What is read of a state and what is written never share memory, and nothing is copied.
 */
export class NativeStep implements CompiledStep {
  readonly device = 'cpu';
  private readonly place: StateLayout;
  private readonly session: NativeSession;
  private readonly tables: TableFeeds;
  private readonly kinds: { readonly state: Kinds; readonly batch: Kinds };
  private readonly nextState: readonly string[];
  /** What the step changes of its state; the rest is handed on as it is. */
  private readonly changed: Kinds;
  private readonly outputs: Kinds;
  /** The memory that the next state is written into: that of the state before last. */
  private spare: Tensors | undefined;
  private running = false;

  private constructor(
    { session, tables }: { readonly session: NativeSession; readonly tables: TableFeeds },
    captured: Captured,
    options: CompileOptions & { readonly place: StateLayout },
  ) {
    this.session = session;
    this.tables = tables;
    this.place = options.place;
    this.kinds = { state: kindsOf(options.state), batch: kindsOf(options.batch) };
    this.nextState = [...captured.nextState.keys()];
    const changed = changedPaths(captured).map((path) => [path, captured.nextState.get(path)!] as const);
    this.changed = kindsOfValues(new Map(changed));
    this.outputs = kindsOfValues(captured.outputs);
  }

  /** Captures a step and opens it; undefined where the C interface is not used. */
  static async open(step: Step, options: CompileOptions): Promise<NativeStep | undefined> {
    const { threads, profileTo, blocked = true } = options;
    if (ortApi() === undefined) return undefined;
    keepFreedMemory();
    const block = blocked ? await blockSize() : undefined;
    const captured = lower(capture(step, options.state, options.batch), { block });
    const results = modelOutputs(captured);
    const session = NativeSession.open(encodeModel(captured.graph, results), {
      outputs: results.map(({ name }) => name),
      threads,
      profileTo,
      optimize: block === undefined ? 'all' : 'none',
    });
    const tables = await TableFeeds.open(captured.graph, captured.tabled);
    const place = { block: block ?? 1, stored: captured.stored };
    return new NativeStep({ session, tables }, captured, { ...options, place });
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>): Promise<StepResult> {
    if (this.running) throw new Error('a compiled step was asked to run while it runs: await the run before');
    const leaves = checkedLeaves('batch', batch, this.kinds.batch);
    const given = isResident(state) ? this.checked(state) : checkedLeaves('state', state, this.kinds.state);
    this.running = true;
    try {
      if (given instanceof NativeState && sameLayout(given.place, this.place))
        return await this.advance(given, leaves);
      const host = given instanceof NativeState ? new Map(leavesOf(await given.read())) : given;
      const result = await this.advance(NativeState.from(host, this.place), leaves);
      if (given instanceof NativeState && this.changed.size > 0) given.consume();
      return result;
    } finally {
      this.running = false;
    }
  }

  private async advance(before: NativeState, batch: ReadonlyMap<string, HostTensor>): Promise<StepResult> {
    const tensors = before.peek();
    // A step that hands its state on as it is, such as an encoder's forward pass, consumes nothing.
    if (this.changed.size > 0) before.consume();
    const next = this.spare ?? emptyTensors(this.changed);
    this.spare = undefined;
    const outputs = emptyTensors(this.outputs);
    const given: NativeTensor[] = [];
    try {
      const tables = await this.tables.of(batch);
      const inputs = this.session.inputNames.map((name) => {
        const [root, path] = split(name);
        if (root === 'state') return tensors.get(path)!;
        const tensor = NativeTensor.over(root === 'batch' ? batch.get(path)! : tables.get(name)!);
        given.push(tensor);
        return tensor;
      });
      await this.session.run(inputs, [...next.values(), ...outputs.values()]);
    } catch (error) {
      before.restore(tensors);
      this.spare = next;
      throw error;
    } finally {
      for (const tensor of [...given, ...outputs.values()]) tensor.release();
    }
    const results = treeOf([...outputs].map(([path, { tensor }]) => [path, tensor] as const));
    if (this.changed.size === 0) return { state: before, outputs: results };
    this.spare = new Map([...this.changed.keys()].map((path) => [path, tensors.get(path)!]));
    const after = new Map(
      this.nextState.map((path) => [path, next.get(path) ?? tensors.get(path)!] as const),
    );
    return { state: new NativeState(after, this.place), outputs: results };
  }

  /** A resident state, after holding it against this step's device and what it was compiled for. */
  private checked(state: ResidentState): NativeState {
    if (!(state instanceof NativeState)) throw otherDeviceError(state.device, this.device);
    const { stored } = state.place;
    const kinds = [...state.peek()].map(([path, { tensor }]) => {
      const { dtype, shape } = tensor;
      return [path, { dtype, shape: stored.get(path)?.shape ?? shape }] as const;
    });
    checkKinds('state', new Map(kinds), this.kinds.state);
    return state;
  }

  async dispose(): Promise<void> {
    await this.session.release();
    this.spare = undefined;
    await this.tables.release();
  }
}

function emptyTensors(kinds: Kinds): Tensors {
  return new Map([...kinds].map(([path, kind]) => [path, NativeTensor.empty(kind)] as const));
}

/** `state/params/weight` as its root and its path. */
function split(name: string): [root: string, path: string] {
  const at = name.indexOf('/');
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}

function kindsOfValues(values: ReadonlyMap<string, Value>): Kinds {
  return new Map(
    [...values].map(([path, { type, shape }]) => [path, { dtype: type as DType, shape }] as const),
  );
}
