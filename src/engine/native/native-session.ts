import type { TensorKind } from '../capture.ts';
import { type SessionOptions, waiting } from '../device.ts';
import type { DType, HostTensor } from '../host-tensor.ts';
import { sizeOf } from '../host-tensor.ts';
import { type OrtApi, ortApi, type Pointer } from './ort-api.ts';

/** The runtime's numbers of element types. */
const ELEMENT_TYPE: Readonly<Record<DType, number>> = { float32: 1, int32: 6, bool: 9 };
const ARRAY = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;
/** Fatal alone: what goes wrong is thrown. */
const SEVERITY = 4;
const ALL_OPTIMIZATIONS = 99;

/** A tensor whose memory is ours and that the runtime reads and writes in place. */
export class NativeTensor {
  readonly tensor: HostTensor;
  /** The runtime's handle. */
  readonly handle: Pointer;

  private constructor(tensor: HostTensor, handle: Pointer) {
    this.tensor = tensor;
    this.handle = handle;
    handles.register(this, handle, this);
  }

  /** New memory of zeros. */
  static empty({ dtype, shape }: TensorKind): NativeTensor {
    // Asked for as a buffer: arrays of a few numbers would lie where the garbage collector moves them.
    const Typed = ARRAY[dtype];
    const data = new Typed(new ArrayBuffer(sizeOf(shape) * Typed.BYTES_PER_ELEMENT));
    return NativeTensor.over({ dtype, shape, data });
  }

  /** New memory with a tensor's values. */
  static copyOf(tensor: HostTensor): NativeTensor {
    const copy = NativeTensor.empty(tensor);
    copy.tensor.data.set(tensor.data);
    return copy;
  }

  /** A host tensor's own memory, which is kept as long as this lives. */
  static over(tensor: HostTensor): NativeTensor {
    const api = ortApi()!;
    const { dtype, shape, data } = tensor;
    // To ask for its buffer moves an array out of the garbage collector's reach.
    void data.buffer;
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = api.createTensor(api.cpuMemory(), data, dimensions, ELEMENT_TYPE[dtype]);
    return new NativeTensor(tensor, handle);
  }

  /** Gives the handle back; the memory stays with whoever holds it. */
  release(): void {
    handles.unregister(this);
    ortApi()!.releaseTensor(this.handle);
  }
}

/** Handles of tensors that nobody holds any more. */
const handles = new FinalizationRegistry((handle: Pointer) => ortApi()!.releaseTensor(handle));

let environment: Pointer | undefined;

/** An ONNX model on the CPU, called through ONNX Runtime's C interface. */
export class NativeSession {
  readonly inputNames: readonly string[];
  private readonly api: OrtApi;
  private session: Pointer | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private readonly profiled: boolean;
  private readonly names: { readonly inputs: CStrings; readonly outputs: CStrings };

  private constructor(api: OrtApi, session: Pointer, outputs: readonly string[], profiled: boolean) {
    this.api = api;
    this.session = session;
    this.profiled = profiled;
    this.inputNames = api.inputNames(session);
    this.names = { inputs: cStrings(api, this.inputNames), outputs: cStrings(api, outputs) };
  }

  /** Opens a model whose outputs are of these names, where `ortApi` is there. */
  static open(
    model: Uint8Array,
    {
      outputs,
      threads,
      profileTo,
      optimize = 'all',
      arena = true,
    }: {
      readonly outputs: readonly string[];
      /** Whether it keeps the memory that it has worked in for itself; without, it is of use to other sessions as well. */
      readonly arena?: boolean;
    } & Pick<SessionOptions, 'threads' | 'profileTo' | 'optimize'>,
  ): NativeSession {
    const api = ortApi()!;
    environment ??= api.createEnv();
    const options = api.createOptions();
    try {
      if (threads !== undefined) api.setThreads(options, threads);
      api.setOptimization(options, optimize === 'none' ? 0 : ALL_OPTIMIZATIONS);
      api.disableMemoryPattern(options);
      if (!arena) api.disableArena(options);
      api.setSeverity(options, SEVERITY);
      const { force_spinning_stop: stop, intra_op: intra } = waiting(threads);
      api.setEntry(options, 'session.force_spinning_stop', stop);
      api.setEntry(options, 'session.intra_op.allow_spinning', intra.allow_spinning);
      if (profileTo !== undefined) api.enableProfiling(options, profileTo);
      const session = api.createSession(environment, model, options);
      return new NativeSession(api, session, outputs, profileTo !== undefined);
    } finally {
      api.releaseOptions(options);
    }
  }

  /** Runs the model in another thread: inputs and outputs in the order of their names, in the memory that they have. The caller holds all of them until it is done. */
  async run(inputs: readonly NativeTensor[], outputs: readonly NativeTensor[]): Promise<void> {
    if (this.session === undefined) throw new Error('this step was disposed of');
    const values = [inputs, outputs].map(handlesOf);
    const run = this.api.run(
      this.session,
      { names: this.names.inputs.addresses, values: values[0] },
      { names: this.names.outputs.addresses, values: values[1] },
    );
    this.running = run.catch(() => {});
    await run;
  }

  /** Waits for a run that has begun, finishes the trace of a session that is profiled, and closes it. */
  async release(): Promise<void> {
    const { session } = this;
    if (session === undefined) return;
    this.session = undefined;
    await this.running;
    if (this.profiled) this.api.endProfiling(session);
    this.api.releaseSession(session);
  }
}

function handlesOf(tensors: readonly NativeTensor[]): BigUint64Array {
  const list = new BigUint64Array(new ArrayBuffer(8 * tensors.length));
  tensors.forEach(({ handle }, i) => {
    list[i] = handle;
  });
  return list;
}

/** Names as C has them, which have to stay in memory with the list of their addresses. */
interface CStrings {
  readonly bytes: Uint8Array;
  readonly addresses: BigUint64Array;
}

function cStrings(api: OrtApi, names: readonly string[]): CStrings {
  const parts = names.map((name) => Buffer.from(`${name}\0`));
  const bytes = new Uint8Array(new ArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0)));
  const addresses = new BigUint64Array(new ArrayBuffer(8 * names.length));
  if (names.length === 0) return { bytes, addresses };
  const start = api.addressOf(bytes);
  let at = 0;
  parts.forEach((part, i) => {
    bytes.set(part, at);
    addresses[i] = start + BigInt(at);
    at += part.length;
  });
  return { bytes, addresses };
}
