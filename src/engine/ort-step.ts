import type * as Ort from 'onnxruntime-node';
import type { Captured, Step, TensorKind } from './capture.ts';
import { capture } from './capture.ts';
import type { CompiledStep, CompileOptions, ResidentState } from './compile.ts';
import type { Device } from './device.ts';
import { openSession, runtime } from './device.ts';
import type { DType, HostTensor } from './host-tensor.ts';
import { sizeOf } from './host-tensor.ts';
import type { ModelOutput } from './onnx-model.ts';
import { encodeModel } from './onnx-model.ts';
import type { Tree } from './tree.ts';
import { treeOf } from './tree.ts';
import { checkedLeaves, kindsOf } from './tree-check.ts';

const storages = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** A state in ONNX Runtime's memory. */
class OrtState implements ResidentState {
  private tensors: ReadonlyMap<string, Ort.Tensor> | undefined;
  readonly #device: Device;

  constructor(tensors: ReadonlyMap<string, Ort.Tensor>, device: Device) {
    this.tensors = tensors;
    this.#device = device;
  }

  /** The tensors; throws where a step has consumed them. */
  peek(): ReadonlyMap<string, Ort.Tensor> {
    if (this.tensors === undefined) throw new Error(`this state was consumed by a later step on device '${this.#device}': read it before`);
    return this.tensors;
  }

  consume(): void {
    this.tensors = undefined;
  }

  async read(): Promise<Tree<HostTensor>> {
    const leaves: Array<[string, HostTensor]> = [];
    for (const [path, tensor] of this.peek()) {
      const data = (await tensor.getData()) as HostTensor['data'];
      leaves.push([path, { dtype: tensor.type as DType, shape: [...tensor.dims], data: data.slice() }]);
    }
    return treeOf(leaves);
  }
}

/** A step that ONNX Runtime runs. */
export class OrtStep implements CompiledStep {
  readonly device: Exclude<Device, 'eager'>;
  private readonly session: Ort.InferenceSession;
  private readonly captured: Captured;
  private readonly kinds: { readonly state: ReadonlyMap<string, TensorKind>; readonly batch: ReadonlyMap<string, TensorKind> };
  /** Memory for the state's next values, by path: what the state before the last one was in. */
  private readonly spare = new Map<string, Ort.Tensor>();
  private running = false;

  private constructor(session: Ort.InferenceSession, captured: Captured, options: CompileOptions & { device: Exclude<Device, 'eager'> }) {
    this.session = session;
    this.captured = captured;
    this.device = options.device;
    this.kinds = { state: kindsOf(options.state), batch: kindsOf(options.batch) };
  }

  static async open(step: Step, options: CompileOptions & { device: Exclude<Device, 'eager'> }): Promise<OrtStep> {
    const captured = capture(step, options.state, options.batch);
    const outputs: ModelOutput[] = [];
    for (const [path, value] of captured.nextState) {
      if (!isKept(captured, path)) outputs.push({ name: `next/${path}`, value });
    }
    for (const [path, value] of captured.outputs) outputs.push({ name: `outputs/${path}`, value });
    if (outputs.length === 0) throw new Error('a compiled step neither changes its state nor gives any output');
    const { device, threads, profileTo } = options;
    const model = encodeModel(captured.graph, outputs);
    return new OrtStep(await openSession(model, { device, threads, profileTo }), captured, options);
  }

  async run(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>) {
    if (this.running) throw new Error('a compiled step was asked to run while it runs: await the run before');
    this.running = true;
    try {
      return await this.runOnce(state, batch);
    } finally {
      this.running = false;
    }
  }

  private async runOnce(state: Tree<HostTensor> | ResidentState, batch: Tree<HostTensor>) {
    const resident = state instanceof OrtState ? state : this.place(state as Tree<HostTensor>);
    const tensors = resident.peek();
    const feeds: { [name: string]: Ort.Tensor } = {};
    for (const [path, tensor] of tensors) feeds[`state/${path}`] = tensor;
    for (const [path, leaf] of checkedLeaves('batch', batch, this.kinds.batch)) feeds[`batch/${path}`] = toOrt(leaf);
    for (const name of Object.keys(feeds)) if (!this.session.inputNames.includes(name)) delete feeds[name];
    const fetches: { [name: string]: Ort.Tensor | null } = {};
    for (const name of this.session.outputNames) fetches[name] = null;
    const changed = [...this.captured.nextState.keys()].filter((path) => !isKept(this.captured, path));
    for (const path of changed) fetches[`next/${path}`] = this.spareFor(path);
    const results = await this.session.run(feeds, fetches);
    const next = new Map<string, Ort.Tensor>();
    for (const path of this.captured.nextState.keys()) next.set(path, results[`next/${path}`] ?? tensors.get(path));
    const outputs: Array<[string, HostTensor]> = [];
    for (const path of this.captured.outputs.keys()) outputs.push([path, toHost(results[`outputs/${path}`])]);
    // A step that hands its state on as it is, such as an encoder's forward pass, consumes nothing.
    if (changed.length === 0) return { state: resident, outputs: treeOf(outputs) };
    for (const path of changed) if (tensors.has(path)) this.spare.set(path, tensors.get(path)!);
    resident.consume();
    return { state: new OrtState(next, this.device), outputs: treeOf(outputs) };
  }

  /** Copies a state from the host. */
  private place(state: Tree<HostTensor>): OrtState {
    const tensors = new Map<string, Ort.Tensor>();
    for (const [path, leaf] of checkedLeaves('state', state, this.kinds.state)) {
      tensors.set(path, toOrt({ ...leaf, data: leaf.data.slice() }));
    }
    return new OrtState(tensors, this.device);
  }

  private spareFor(path: string): Ort.Tensor {
    const spare = this.spare.get(path);
    this.spare.delete(path);
    if (spare !== undefined) return spare;
    const { type, shape } = this.captured.nextState.get(path)!;
    const dtype = type as DType;
    return toOrt({ dtype, shape, data: new storages[dtype](sizeOf(shape)) });
  }

  async dispose(): Promise<void> {
    this.spare.clear();
    await this.session.release();
  }
}

/** Whether a step hands this part of the state on as it was given. */
function isKept(captured: Captured, path: string): boolean {
  return captured.nextState.get(path) === captured.state.get(path);
}

function toOrt({ dtype, data, shape }: HostTensor): Ort.Tensor {
  const { Tensor } = runtime();
  return new Tensor(dtype as 'float32', data as Float32Array, shape);
}

function toHost(tensor: Ort.Tensor): HostTensor {
  return { dtype: tensor.type as DType, shape: [...tensor.dims], data: tensor.data as HostTensor['data'] };
}
