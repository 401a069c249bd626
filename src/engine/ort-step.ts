import type * as Ort from 'onnxruntime-node';
import { blockSize } from './blocked/block-size.ts';
import { fromBlocks, toBlocks } from './blocked/layouts.ts';
import type { Step, TensorKind } from './capture.ts';
import { capture } from './capture.ts';
import type { CompiledStep, CompileOptions, StepResult } from './compiled-step.ts';
import type { Device } from './device.ts';
import { DeviceSession, giveBack, giveUp, keepsResults, refuseWrongResults, runtime } from './device.ts';
import { reachable } from './graph.ts';
import type { DType, HostTensor } from './host-tensor.ts';
import { keepFreedMemory } from './keep-memory.ts';
import { type Lowered, lower } from './lower.ts';
import { encodeModel } from './onnx-model.ts';
import type { ResidentState } from './resident-state.ts';
import { consumedError, isResident, otherDeviceError } from './resident-state.ts';
import { TableFeeds } from './row-sums/table-feeds.ts';
import { changedPaths, modelOutputs, type StateLayout, sameLayout } from './step-model.ts';
import type { Tree } from './tree.ts';
import { leavesOf, treeOf } from './tree.ts';
import { checkedLeaves, checkKinds, kindsOf } from './tree-check.ts';

type OrtDevice = Exclude<Device, 'eager'>;
type Tensors = ReadonlyMap<string, Ort.Tensor>;
type Kinds = ReadonlyMap<string, TensorKind>;

/** Where the tensors of a state are, and how they lie. */
interface Place extends StateLayout {
  readonly device: OrtDevice;
}

/** A state in ONNX Runtime's memory. */
class OrtState implements ResidentState {
  readonly place: Place;
  private tensors: Tensors | undefined;
  private reads: Promise<unknown> = Promise.resolve();

  constructor(tensors: Tensors, place: Place) {
    this.place = place;
    this.tensors = tensors;
    dropped.register(this, tensors, this);
  }

  /** Copies a state from host memory. */
  static async from(leaves: ReadonlyMap<string, HostTensor>, place: Place): Promise<OrtState> {
    const { device, block, stored } = place;
    const copies = new Map(
      [...leaves].map(([path, leaf]) => {
        const weights = stored.get(path);
        return [path, toOrt(weights === undefined ? copyOf(leaf) : toBlocks(leaf, weights, block))];
      }),
    );
    return new OrtState(keepsResults(device) ? await transfer(copies, device, 'device') : copies, place);
  }

  get device(): OrtDevice {
    return this.place.device;
  }

  /** The tensors; throws where a step has consumed them. */
  peek(): Tensors {
    if (this.tensors === undefined) throw consumedError(this.device);
    return this.tensors;
  }

  consume(): void {
    this.tensors = undefined;
    dropped.unregister(this);
  }

  /** Takes back what a step that failed had consumed. */
  restore(tensors: Tensors): void {
    if (this.tensors === undefined) dropped.register(this, tensors, this);
    this.tensors = tensors;
  }

  async read(): Promise<Tree<HostTensor>> {
    const tensors = this.peek();
    if (!keepsResults(this.device)) {
      const { block, stored } = this.place;
      return treeOf(
        [...tensors].map(([path, tensor]) => {
          const weights = stored.get(path);
          const host = toHost(tensor);
          return [path, weights === undefined ? copyOf(host) : fromBlocks(host, weights, block)];
        }),
      );
    }
    const reading = transfer(tensors, this.device, 'host');
    this.reads = Promise.allSettled([this.reads, reading]);
    return treeOf([...(await reading)].map(([path, tensor]) => [path, toHost(tensor)]));
  }

  /** Waits for the reads that have begun: until then their tensors have to stay. */
  async settled(): Promise<void> {
    await this.reads;
  }
}

/** A step that ONNX Runtime runs. */
export class OrtStep implements CompiledStep {
  private readonly place: Place;
  private readonly session: DeviceSession;
  private readonly tables: TableFeeds;
  private readonly kinds: { readonly state: Kinds; readonly batch: Kinds };
  private readonly nextState: readonly string[];
  /** Paths of what the step changes of its state; the rest is handed on as it is. */
  private readonly changed: readonly string[];
  private readonly outputs: readonly string[];
  /** Names of the inputs that the results need. */
  private readonly needed: ReadonlySet<string>;
  private running = false;

  private constructor(
    { session, tables }: { readonly session: DeviceSession; readonly tables: TableFeeds },
    captured: Lowered,
    options: CompileOptions & { device: OrtDevice; block?: number },
  ) {
    this.session = session;
    this.tables = tables;
    this.place = { device: options.device, block: options.block ?? 1, stored: captured.stored };
    this.kinds = { state: kindsOf(options.state), batch: kindsOf(options.batch) };
    this.nextState = [...captured.nextState.keys()];
    this.changed = changedPaths(captured);
    this.outputs = [...captured.outputs.keys()];
    this.needed = new Set(session.inputNames);
  }

  /** Captures a step and opens it on a device. */
  static async open(step: Step, options: CompileOptions & { device: OrtDevice }): Promise<OrtStep> {
    const { device, threads, profileTo, blocked = true } = options;
    keepFreedMemory();
    const block = device === 'cpu' && blocked ? await blockSize() : undefined;
    const captured = lower(capture(step, options.state, options.batch), { block, device });
    const outputs = modelOutputs(captured);
    const keptOutputs = keepsResults(device) ? changedPaths(captured).map((path) => `next/${path}`) : [];
    refuseWrongResults(device, reachable(outputs.map(({ value }) => value)).nodes);
    const model = encodeModel(captured.graph, outputs);
    const optimize = block === undefined ? 'all' : 'none';
    const session = await DeviceSession.open(model, { device, threads, profileTo, optimize, keptOutputs });
    const tables = await TableFeeds.open(captured.graph, captured.tabled);
    return new OrtStep({ session, tables }, captured, { ...options, block });
  }

  get device(): OrtDevice {
    return this.place.device;
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>): Promise<StepResult> {
    if (this.running) throw new Error('a compiled step was asked to run while it runs: await the run before');
    const leaves = checkedLeaves('batch', batch, this.kinds.batch);
    const given = isResident(state) ? this.checked(state) : checkedLeaves('state', state, this.kinds.state);
    this.running = true;
    try {
      if (given instanceof OrtState && sameLayout(given.place, this.place))
        return await this.advance(given, leaves);
      const host = given instanceof OrtState ? new Map(leavesOf(await given.read())) : given;
      const result = await this.advance(await OrtState.from(host, this.place), leaves);
      if (given instanceof OrtState && this.changed.length > 0) given.consume();
      return result;
    } finally {
      this.running = false;
    }
  }

  private async advance(before: OrtState, batch: ReadonlyMap<string, HostTensor>): Promise<StepResult> {
    const tensors = before.peek();
    // A step that hands its state on as it is, such as an encoder's forward pass, consumes nothing.
    if (this.changed.length > 0) before.consume();
    try {
      // ONNX Runtime would also fill tensors that it is given, but hands out copies of them all the same.
      const results = await this.session.run(await this.feedsOf(tensors, batch));
      const outputs = treeOf(this.outputs.map((path) => [path, toHost(results[`outputs/${path}`])] as const));
      if (this.changed.length === 0) return { state: before, outputs };
      const after = new Map(
        this.nextState.map((path) => [path, results[`next/${path}`] ?? tensors.get(path)!] as const),
      );
      await before.settled();
      const kept = new Set(after.values());
      await giveUp([...tensors.values()].filter((tensor) => !kept.has(tensor)));
      return { state: new OrtState(after, this.place), outputs };
    } catch (error) {
      before.restore(tensors);
      throw error;
    }
  }

  /** A resident state, after holding it against this step's device and what it was compiled for. */
  private checked(state: ResidentState): OrtState {
    if (!(state instanceof OrtState) || state.device !== this.device)
      throw otherDeviceError(state.device, this.device);
    checkKinds(
      'state',
      new Map(
        [...state.peek()].map(([path, tensor]) => {
          const { shape = tensor.dims } = state.place.stored.get(path) ?? {};
          return [path, { ...kindOf(tensor), shape }];
        }),
      ),
      this.kinds.state,
    );
    return state;
  }

  private async feedsOf(state: Tensors, batch: ReadonlyMap<string, HostTensor>) {
    const feeds: { [name: string]: Ort.Tensor } = {};
    for (const [path, tensor] of state) if (this.needed.has(`state/${path}`)) feeds[`state/${path}`] = tensor;
    for (const [path, leaf] of batch)
      if (this.needed.has(`batch/${path}`)) feeds[`batch/${path}`] = toOrt(leaf);
    for (const [name, table] of await this.tables.of(batch)) feeds[name] = toOrt(table);
    return feeds;
  }

  async dispose(): Promise<void> {
    await this.session.release();
    await this.tables.release();
  }
}

/** States that were dropped before a step consumed them: nothing else would give their memory on a device back. */
const dropped = new FinalizationRegistry((tensors: Tensors) => giveBack(tensors.values()));

/**
 * Copies tensors to a device's memory or from there to the host's. onnxruntime-node cannot copy by itself (`getData` of
 * a tensor on a device ends the process), so a model of nothing but identities does it.
 */
async function transfer(tensors: Tensors, device: OrtDevice, to: 'device' | 'host'): Promise<Tensors> {
  if (tensors.size === 0) return tensors;
  const kinds = treeOf([...tensors].map(([path, tensor]) => [path, kindOf(tensor)] as const));
  const { graph, outputs } = capture((state) => [{}, state], kinds, {});
  const model = encodeModel(
    graph,
    [...outputs].map(([name, value]) => ({ name, value })),
  );
  const session = await DeviceSession.open(model, {
    device,
    keptOutputs: to === 'device' ? [...tensors.keys()] : [],
  });
  try {
    const feeds = Object.fromEntries([...tensors].map(([path, tensor]) => [`state/${path}`, tensor]));
    return new Map(Object.entries(await session.run(feeds)));
  } finally {
    await session.release();
  }
}

function kindOf({ type, dims }: Ort.Tensor): TensorKind {
  return { dtype: type as DType, shape: dims };
}

function copyOf(tensor: HostTensor): HostTensor {
  return { ...tensor, data: tensor.data.slice() };
}

function toOrt({ dtype, data, shape }: HostTensor): Ort.Tensor {
  const { Tensor } = runtime();
  return new Tensor(dtype as 'float32', data as Float32Array, shape);
}

function toHost(tensor: Ort.Tensor): HostTensor {
  return { dtype: tensor.type as DType, shape: [...tensor.dims], data: tensor.data as HostTensor['data'] };
}
