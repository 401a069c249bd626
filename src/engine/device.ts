import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type * as Ort from 'onnxruntime-node';
import type { GraphNode } from './graph.ts';
import { InputError } from './input-error.ts';
import { releaseMemory } from './release-memory.ts';

/** Where a step runs: by ONNX Runtime on the CPU, on any GPU through WebGPU, on an NVIDIA GPU through CUDA; or by tfjs, operation by operation. */
export type Device = 'cpu' | 'webgpu' | 'cuda' | 'eager';

/** Every device by name. */
export const devices: readonly Device[] = ['cpu', 'webgpu', 'cuda', 'eager'];

type Runtime = typeof Ort;

let loaded: Runtime | undefined;

/** ONNX Runtime, loaded when it is first needed: its native library is large. */
export function runtime(): Runtime {
  loaded ??= createRequire(import.meta.url)('onnxruntime-node') as Runtime;
  return loaded;
}

export interface SessionOptions {
  readonly device: Exclude<Device, 'eager'>;
  /** Threads of one operation; by default one a physical core. */
  readonly threads?: number;
  /** Writes a Chrome trace of every operation's time to a file that begins so. */
  readonly profileTo?: string;
  /**
   * Whether ONNX Runtime tries its optimizations. A step in blocks is already written as it is to be run: it is as fast
   * without them, and opens in half the time.
   */
  readonly optimize?: 'none' | 'all';
  /** Names of the outputs to leave in the device's memory, where `keepsResults` says that it can be done. */
  readonly keptOutputs?: readonly string[];
}

/**
 * Whether results can stay in a device's memory and be given to the next run from there. On the CPU every memory is host
 * memory; of the others, onnxruntime-node 1.30 can name WebGPU's memory and no other.
 */
export function keepsResults(device: Device): boolean {
  return device === 'webgpu';
}

/**
 * Throws an InputError for an operation that a device is known to compute wrongly without a word. ONNX Runtime 1.30's
 * WebGPU provider does so for slices that run backwards from another element than the last, and for transposed convolutions
 * whose groups take several channels each.
 */
export function refuseWrongResults(device: Device, nodes: readonly GraphNode[]): void {
  if (device !== 'webgpu') return;
  for (const { op, inputs, attributes } of nodes) {
    const values = inputs.map((input) => [...(input?.data ?? [])].map(Number));
    const shapes = inputs.map((input) => input?.shape ?? []);
    if (op === 'Slice') {
      const [, starts, , axes, steps = []] = values;
      const wrong = steps.some((step, i) => step < 0 && starts[i] !== shapes[0][axes[i]] - 1);
      if (wrong) throw wrongResult(device, 'backward slices that begin at the last element', `${starts}`);
    } else if (op === 'ConvTranspose') {
      const group = attributes.group as number;
      const [channels] = shapes[1];
      if (group > 1 && channels > group) {
        const expected = 'transposed convolutions with one group, or with one channel to each';
        throw wrongResult(device, expected, `${channels} channels in ${group} groups`);
      }
    }
  }
}

function wrongResult(device: Device, expected: string, found: string): InputError {
  return new InputError({
    file: `device '${device}'`,
    place: 'what this device computes rightly',
    expected,
    found: `${found}: use device 'cpu'`,
  });
}

/**
 * An ONNX model on a device. Results that stay there lie in memory of the session's own, and giving them back to a
 * session that is closed ends the process: it is closed when it was released and its last result was given back.
 */
export class DeviceSession {
  private readonly session: Ort.InferenceSession;
  private readonly kept = new Set<Ort.Tensor>();
  private readonly profiled: boolean;
  private released = false;

  private constructor(session: Ort.InferenceSession, profiled: boolean) {
    this.session = session;
    this.profiled = profiled;
  }

  /** Opens a model. Throws an InputError that says what was looked for where the device is not there. */
  static async open(model: Uint8Array, options: SessionOptions): Promise<DeviceSession> {
    return new DeviceSession(await openSession(model, options), options.profileTo !== undefined);
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  /** Runs the model once; gives its outputs by name. */
  async run(feeds: Readonly<Record<string, Ort.Tensor>>): Promise<Readonly<Record<string, Ort.Tensor>>> {
    const results = (await this.session.run(feeds)) as Record<string, Ort.Tensor>;
    for (const tensor of Object.values(results)) {
      if (tensor.location !== 'gpu-buffer') continue;
      this.kept.add(tensor);
      makers.set(tensor, this);
    }
    return results;
  }

  /** Gives back the memory of a result that stayed on the device. */
  async giveBack(tensor: Ort.Tensor): Promise<void> {
    if (!this.kept.delete(tensor)) return;
    tensor.dispose();
    await this.closeWhenUnused();
  }

  /** Finishes the trace of a session that is profiled, and closes it as soon as no result of it is left. */
  async release(): Promise<void> {
    this.released = true;
    if (this.profiled) this.session.endProfiling();
    await this.closeWhenUnused();
  }

  private async closeWhenUnused(): Promise<void> {
    if (this.released && this.kept.size === 0) await this.session.release();
  }
}

/** The sessions that results on a device came from. */
const makers = new WeakMap<Ort.Tensor, DeviceSession>();

/** Gives the memory of tensors on a device back, which garbage collection does not. */
export async function giveBack(tensors: Iterable<Ort.Tensor>): Promise<void> {
  for (const tensor of tensors) await makers.get(tensor)?.giveBack(tensor);
}

/** As `giveBack`, for tensors that nobody else holds: those of the host are empty afterwards. */
export async function giveUp(tensors: readonly Ort.Tensor[]): Promise<void> {
  await giveBack(tensors);
  for (const tensor of tensors) {
    if (tensor.location === 'cpu') releaseMemory((tensor.data as Float32Array<ArrayBuffer>).buffer);
  }
}

async function openSession(model: Uint8Array, options: SessionOptions): Promise<Ort.InferenceSession> {
  const { device, threads, profileTo, optimize = 'all', keptOutputs = [] } = options;
  try {
    return await runtime().InferenceSession.create(model, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      graphOptimizationLevel: optimize === 'none' ? 'disabled' : 'all',
      // A plan that lays all intermediate results out in one piece of memory takes up to half as much again, and no less time.
      enableMemPattern: false,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      ...(profileTo === undefined ? {} : { enableProfiling: true, profileFilePrefix: profileTo }),
      preferredOutputLocation: Object.fromEntries(keptOutputs.map((name) => [name, 'gpu-buffer'] as const)),
      // What goes wrong is thrown: it need not be printed as well.
      logSeverityLevel: 4,
      extra: { session: waiting(threads) },
    });
  } catch (error) {
    if (device === 'cpu') throw error;
    throw new InputError(
      { file: `device '${device}'`, expected: lookedFor[device], found: `none (${firstLine(error)})` },
      { cause: error },
    );
  }
}

/**
 * How threads wait for work. Between two steps they leave the cores to the loader. Within a step they spin, but not where
 * there are more of them than cores: then one that spins keeps another one from its work. Where other programs want the
 * cores too, OpenMP's variable `OMP_WAIT_POLICY=PASSIVE` has them sleep.
 */
export function waiting(threads = 1) {
  const passive = process.env.OMP_WAIT_POLICY?.toUpperCase() === 'PASSIVE';
  const spinning = threads <= availableParallelism() && !passive;
  return { force_spinning_stop: '1', intra_op: { allow_spinning: spinning ? '1' : '0' } };
}

const lookedFor = {
  webgpu: "a GPU with a Vulkan, Metal or Direct3D 12 driver that onnxruntime-node's WebGPU provider can open",
  cuda: "an NVIDIA GPU with CUDA 12 and cuDNN 9, and onnxruntime-node's CUDA provider (ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false fetches it)",
};

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
