import { blockSize } from '../blocked/block-size.ts';
import { type Captured, capture, type Step } from '../capture.ts';
import type { CompiledStep, CompileOptions, StepResult } from '../compiled-step.ts';
import type { HostTensor } from '../host-tensor.ts';
import { keepFreedMemory } from '../keep-memory.ts';
import { lower } from '../lower.ts';
import { encodeModel } from '../onnx-model.ts';
import { isResident, type ResidentState } from '../resident-state.ts';
import { TableFeeds } from '../row-sums/table-feeds.ts';
import { changedPaths, modelOutputs, type StateLayout, sameLayout } from '../step-model.ts';
import { leavesOf, type Tree, treeOf } from '../tree.ts';
import { checkedLeaves, kindsOf } from '../tree-check.ts';
import { NativeSession, NativeTensor } from './native-session.ts';
import {
  checkedState,
  emptyTensors,
  type Kinds,
  kindsOfValues,
  NativeState,
  splitName,
  type Tensors,
} from './native-state.ts';
import { ortApi } from './ort-api.ts';

/** What computes the results of a step in memory that they have: one model, or several with ranks talking in between. */
export interface Computation {
  /** `results` are the step's by name, `next/…` and `outputs/…`; there is a batch for each rank of this process. */
  run(
    state: Tensors,
    batches: ReadonlyArray<ReadonlyMap<string, HostTensor>>,
    results: ReadonlyMap<string, NativeTensor>,
  ): Promise<void>;
  release(): Promise<void>;
}

/**
 * A step that ONNX Runtime runs on the CPU through its C interface: in another thread, its state in two sets of memory that take
 * turns. What is read of a state and what is written never share memory, and nothing is copied.
 */
export class NativeStep implements CompiledStep {
  readonly device = 'cpu';
  private readonly place: StateLayout;
  private readonly computation: Computation;
  private readonly kinds: { readonly state: Kinds; readonly batch: Kinds };
  private readonly nextState: readonly string[];
  /** What the step changes of its state; the rest is handed on as it is. */
  private readonly changed: Kinds;
  private readonly outputs: Kinds;
  /** The memory that the next state is written into: that of the state before last. */
  private spare: Tensors | undefined;
  private running = false;

  constructor(
    computation: Computation,
    captured: Captured,
    options: Pick<CompileOptions, 'state' | 'batch'> & { readonly place: StateLayout },
  ) {
    this.computation = computation;
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
    return new NativeStep(new OneModel(session, tables), captured, { ...options, place });
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>): Promise<StepResult> {
    return this.runAll(state, [batch]);
  }

  /** Runs the step with a batch for each rank of this process. */
  async runAll(
    state: Tree<HostTensor> | ResidentState,
    batches: ReadonlyArray<Tree<HostTensor>>,
  ): Promise<StepResult> {
    if (this.running) throw new Error('a compiled step was asked to run while it runs: await the run before');
    const leaves = batches.map((batch) => checkedLeaves('batch', batch, this.kinds.batch));
    const given = isResident(state)
      ? checkedState(state, this.kinds.state)
      : checkedLeaves('state', state, this.kinds.state);
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

  private async advance(
    before: NativeState,
    batches: ReadonlyArray<ReadonlyMap<string, HostTensor>>,
  ): Promise<StepResult> {
    const tensors = before.peek();
    // A step that hands its state on as it is, such as an encoder's forward pass, consumes nothing.
    if (this.changed.size > 0) before.consume();
    const next = this.spare ?? emptyTensors(this.changed);
    this.spare = undefined;
    const outputs = emptyTensors(this.outputs);
    const named = (root: string, results: Tensors) =>
      [...results].map(([path, tensor]) => [`${root}/${path}`, tensor] as const);
    try {
      const results = new Map([...named('next', next), ...named('outputs', outputs)]);
      await this.computation.run(tensors, batches, results);
    } catch (error) {
      before.restore(tensors);
      this.spare = next;
      throw error;
    } finally {
      for (const tensor of outputs.values()) tensor.release();
    }
    const results = treeOf([...outputs].map(([path, { tensor }]) => [path, tensor] as const));
    if (this.changed.size === 0) return { state: before, outputs: results };
    this.spare = new Map([...this.changed.keys()].map((path) => [path, tensors.get(path)!]));
    const after = new Map(
      this.nextState.map((path) => [path, next.get(path) ?? tensors.get(path)!] as const),
    );
    return { state: new NativeState(after, this.place), outputs: results };
  }

  async dispose(): Promise<void> {
    await this.computation.release();
    this.spare = undefined;
  }
}

/** A step in one model. */
class OneModel implements Computation {
  private readonly session: NativeSession;
  private readonly tables: TableFeeds;

  constructor(session: NativeSession, tables: TableFeeds) {
    this.session = session;
    this.tables = tables;
  }

  async run(...[state, [batch], results]: Parameters<Computation['run']>): Promise<void> {
    const given: NativeTensor[] = [];
    try {
      const tables = await this.tables.of(batch);
      const inputs = this.session.inputNames.map((name) => {
        const [root, path] = splitName(name);
        if (root === 'state') return state.get(path)!;
        const tensor = NativeTensor.over(root === 'batch' ? batch.get(path)! : tables.get(name)!);
        given.push(tensor);
        return tensor;
      });
      await this.session.run(inputs, [...results.values()]);
    } finally {
      for (const tensor of given) tensor.release();
    }
  }

  async release(): Promise<void> {
    await this.session.release();
    await this.tables.release();
  }
}
