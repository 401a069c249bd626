import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { InputError } from './input-error.ts';

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
}

/** Opens an ONNX model on a device. Throws an InputError that says what was looked for where the device is not there. */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<Ort.InferenceSession> {
  const { device, threads, profileTo } = options;
  try {
    return await runtime().InferenceSession.create(model, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      graphOptimizationLevel: 'all',
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      ...(profileTo === undefined ? {} : { enableProfiling: true, profileFilePrefix: profileTo }),
      // What goes wrong is thrown: it need not be printed as well.
      logSeverityLevel: 4,
      // Threads that wait for work leave the cores to the loader between two steps.
      extra: { session: { force_spinning_stop: '1' } },
    });
  } catch (error) {
    if (device === 'cpu') throw error;
    throw new InputError(
      { file: `device '${device}'`, expected: lookedFor[device], found: `none (${firstLine(error)})` },
      { cause: error },
    );
  }
}

const lookedFor = {
  webgpu: "a GPU with a Vulkan, Metal or Direct3D 12 driver that onnxruntime-node's WebGPU provider can open",
  cuda: "an NVIDIA GPU with CUDA 12 and cuDNN 9, and onnxruntime-node's CUDA provider (ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false fetches it)",
};

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
