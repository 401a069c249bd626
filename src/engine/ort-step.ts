import type * as Ort from 'onnxruntime-node';
import type { Captured, Step, TensorKind } from './capture.ts';
import { capture } from './capture.ts';
import type { CompiledStep, CompileOptions, StepResult } from './compile.ts';
import type { Device } from './device.ts';
import { openSession, runtime } from './device.ts';
import type { DType, HostTensor } from './host-tensor.ts';
import type { ModelOutput } from './onnx-model.ts';
import { encodeModel } from './onnx-model.ts';
import type { ResidentState } from './resident-state.ts';
import { consumedError, isResident, otherDeviceError } from './resident-state.ts';
import type { Tree } from './tree.ts';
import { treeOf } from './tree.ts';
import { checkedLeaves, checkKinds, kindsOf } from './tree-check.ts';

type OrtDevice = Exclude<Device, 'eager'>;
type Tensors = ReadonlyMap<string, Ort.Tensor>;
type Kinds = ReadonlyMap<string, TensorKind>;

/** A state in ONNX Runtime's memory. */
class OrtState implements ResidentState {
  readonly device: OrtDevice;
  private tensors: Tensors | undefined;

  constructor(tensors: Tensors, device: OrtDevice) {
    this.tensors = tensors;
    this.device = device;
  }

  /** The tensors; throws where a step has consumed them. */
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
    return treeOf([...this.peek()].map(([path, tensor]) => [path, copyOf(toHost(tensor))]));
  }
}

/** A step that ONNX Runtime runs. */
export class OrtStep implements CompiledStep {
  readonly device: OrtDevice;
  private readonly session: Ort.InferenceSession;
  private readonly kinds: { readonly state: Kinds; readonly batch: Kinds };
  private readonly nextState: readonly string[];
  /** Paths of what the step changes of its state; the rest is handed on as it is. */
  private readonly changed: readonly string[];
  private readonly outputs: readonly string[];
  /** Names of the inputs that the results need. */
  private readonly needed: ReadonlySet<string>;
  private running = false;

  private constructor(
    session: Ort.InferenceSession,
    captured: Captured,
    options: CompileOptions & { device: OrtDevice },
  ) {
    this.session = session;
    this.device = options.device;
    this.kinds = { state: kindsOf(options.state), batch: kindsOf(options.batch) };
    this.nextState = [...captured.nextState.keys()];
    this.changed = changedPaths(captured);
    this.outputs = [...captured.outputs.keys()];
    this.needed = new Set(session.inputNames);
  }

  /** Captures a step and opens it on a device. */
  static async open(step: Step, options: CompileOptions & { device: OrtDevice }): Promise<OrtStep> {
    const captured = capture(step, options.state, options.batch);
    const outputs: ModelOutput[] = [
      ...changedPaths(captured).map((path) => ({
        name: `next/${path}`,
        value: captured.nextState.get(path)!,
      })),
      ...[...captured.outputs].map(([path, value]) => ({ name: `outputs/${path}`, value })),
    ];
    if (outputs.length === 0)
      throw new Error('a compiled step neither changes its state nor gives any output');
    const { device, threads, profileTo } = options;
    const model = encodeModel(captured.graph, outputs);
    return new OrtStep(await openSession(model, { device, threads, profileTo }), captured, options);
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>): Promise<StepResult> {
    if (this.running) throw new Error('a compiled step was asked to run while it runs: await the run before');
    const leaves = checkedLeaves('batch', batch, this.kinds.batch);
    const before = this.resident(state);
    const tensors = before.peek();
    const feeds = this.feedsOf(tensors, leaves);
    // A step that hands its state on as it is, such as an encoder's forward pass, consumes nothing.
    if (this.changed.length > 0) before.consume();
    this.running = true;
    try {
      // ONNX Runtime would also fill tensors that it is given, but hands out copies of them all the same.
      const results = await this.session.run(feeds);
      const outputs = treeOf(this.outputs.map((path) => [path, toHost(results[`outputs/${path}`])] as const));
      if (this.changed.length === 0) return { state: before, outputs };
      const after = this.nextState.map(
        (path) => [path, results[`next/${path}`] ?? tensors.get(path)!] as const,
      );
      return { state: new OrtState(new Map(after), this.device), outputs };
    } catch (error) {
      before.restore(tensors);
      throw error;
    } finally {
      this.running = false;
    }
  }

  /** A state in this step's memory: one from the host is copied. */
  private resident(state: Tree<HostTensor> | ResidentState): OrtState {
    if (!isResident(state)) {
      const leaves = checkedLeaves('state', state, this.kinds.state);
      return new OrtState(
        new Map([...leaves].map(([path, leaf]) => [path, toOrt(copyOf(leaf))])),
        this.device,
      );
    }
    if (!(state instanceof OrtState) || state.device !== this.device)
      throw otherDeviceError(state.device, this.device);
    checkKinds(
      'state',
      new Map([...state.peek()].map(([path, tensor]) => [path, kindOf(tensor)])),
      this.kinds.state,
    );
    return state;
  }

  private feedsOf(state: Tensors, batch: ReadonlyMap<string, HostTensor>): { [name: string]: Ort.Tensor } {
    const feeds: { [name: string]: Ort.Tensor } = {};
    for (const [path, tensor] of state) if (this.needed.has(`state/${path}`)) feeds[`state/${path}`] = tensor;
    for (const [path, leaf] of batch)
      if (this.needed.has(`batch/${path}`)) feeds[`batch/${path}`] = toOrt(leaf);
    return feeds;
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}

/** The paths of the next state that are not handed on as they were given. */
function changedPaths({ state, nextState }: Captured): string[] {
  return [...nextState].filter(([path, value]) => state.get(path) !== value).map(([path]) => path);
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
