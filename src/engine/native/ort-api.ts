import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { foreignFunctions } from './foreign-functions.ts';

/** An address in the process's memory. */
export type Pointer = bigint;

/** The functions of ONNX Runtime's C interface that a session needs. Those that can fail throw what they say. */
export interface OrtApi {
  createEnv(): Pointer;
  createSession(env: Pointer, model: Uint8Array, options: Pointer): Pointer;
  createOptions(): Pointer;
  setThreads(options: Pointer, threads: number): void;
  setOptimization(options: Pointer, level: number): void;
  disableMemoryPattern(options: Pointer): void;
  disableArena(options: Pointer): void;
  setSeverity(options: Pointer, level: number): void;
  setEntry(options: Pointer, key: string, value: string): void;
  enableProfiling(options: Pointer, prefix: string): void;
  endProfiling(session: Pointer): void;
  inputNames(session: Pointer): string[];
  cpuMemory(): Pointer;
  /** A tensor over memory of ours, which has to stay where it is as long as the tensor lives. */
  createTensor(memory: Pointer, data: ArrayBufferView, shape: BigInt64Array, elementType: number): Pointer;
  /** Runs a session in another thread. Names and tensors are lists of addresses, which have to stay until it is done. */
  run(
    session: Pointer,
    inputs: { readonly names: BigUint64Array; readonly values: BigUint64Array },
    outputs: { readonly names: BigUint64Array; readonly values: BigUint64Array },
  ): Promise<void>;
  releaseSession(session: Pointer): void;
  releaseOptions(options: Pointer): void;
  releaseTensor(tensor: Pointer): void;
  /** The address of memory of ours. */
  addressOf(data: ArrayBufferView): Pointer;
}

/** The version of the table of functions that is asked for; it only ever grows. */
const API_VERSION = 13;
/** Where the functions lie in the table. */
const ENTRY = {
  GetErrorMessage: 2,
  CreateEnv: 3,
  CreateSessionFromArray: 8,
  Run: 9,
  CreateSessionOptions: 10,
  EnableProfiling: 14,
  DisableMemPattern: 17,
  DisableCpuMemArena: 19,
  SetSessionLogSeverityLevel: 22,
  SetSessionGraphOptimizationLevel: 23,
  SetIntraOpNumThreads: 24,
  SessionGetInputCount: 30,
  SessionGetInputName: 36,
  CreateTensorWithDataAsOrtValue: 49,
  CreateCpuMemoryInfo: 69,
  AllocatorFree: 76,
  GetAllocatorWithDefaultOptions: 78,
  ReleaseStatus: 93,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseSessionOptions: 100,
  SessionEndProfiling: 110,
  AddSessionConfigEntry: 130,
} as const;
const ENTRIES = 131;

let opened: OrtApi | null | undefined;
/**
 * Held for as long as the process runs: koffi takes a library out of memory when nothing refers to it any more, and functions that
 * were found by their address do not.
 */
let library: ReturnType<typeof import('koffi').load> | undefined;

/**
 * ONNX Runtime's C interface, from the library that onnxruntime-node has with it; undefined where it is not used: on Linux alone it
 * was tried.
 */
export function ortApi(): OrtApi | undefined {
  if (opened === undefined) opened = (process.platform === 'linux' ? openApi() : undefined) ?? null;
  return opened ?? undefined;
}

/** The library that onnxruntime-node's own binding is linked with. */
function libraryFile(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const bin = join(root, 'bin');
  const [version] = readdirSync(bin).filter((name) => name.startsWith('napi-v'));
  const folder = join(bin, version, process.platform, process.arch);
  const name = readdirSync(folder).find((file) => file.startsWith('libonnxruntime.so'));
  if (name === undefined) throw new Error(`${folder} has no libonnxruntime.so`);
  return join(folder, name);
}

function openApi(): OrtApi | undefined {
  const koffi = foreignFunctions();
  if (koffi === undefined) return undefined;
  let table: readonly Pointer[];
  try {
    library = koffi.load(libraryFile());
    const base = library.func('OrtGetApiBase', 'void *', [])() as Pointer;
    const [getApi] = koffi.decode(base, koffi.array('void *', 1)) as [Pointer];
    const api = koffi.call(getApi, koffi.proto('void *', ['uint32_t']), API_VERSION) as Pointer | null;
    if (api === null) return undefined;
    table = koffi.decode(api, koffi.array('void *', ENTRIES)) as Pointer[];
  } catch {
    return undefined;
  }
  const entry = (name: keyof typeof ENTRY, result: string, types: readonly string[]) =>
    koffi.decode(table[ENTRY[name]], koffi.proto(result, [...types])) as ReturnType<
      ReturnType<typeof koffi.load>['func']
    >;
  const message = entry('GetErrorMessage', 'const char *', ['void *']);
  const releaseStatus = entry('ReleaseStatus', 'void', ['void *']);
  const check = (status: Pointer | null) => {
    if (status === null) return;
    const text = message(status) as string;
    releaseStatus(status);
    throw new Error(text);
  };
  /** A function that gives a status, whose last argument is where its result goes. */
  const made = (name: keyof typeof ENTRY, types: readonly string[]) => {
    const call = entry(name, 'void *', [...types, 'void *']);
    return (...args: unknown[]): Pointer => {
      const result = new BigUint64Array(new ArrayBuffer(8));
      check(call(...args, result) as Pointer | null);
      return result[0];
    };
  };
  /** A function that gives a status alone. */
  const done = (name: keyof typeof ENTRY, types: readonly string[]) => {
    const call = entry(name, 'void *', types);
    return (...args: unknown[]): void => check(call(...args) as Pointer | null);
  };
  const release = (name: keyof typeof ENTRY) => entry(name, 'void', ['void *']) as (pointer: Pointer) => void;

  const createEnv = made('CreateEnv', ['int', 'const char *']);
  const createSession = made('CreateSessionFromArray', ['void *', 'void *', 'size_t', 'void *']);
  const createOptions = made('CreateSessionOptions', []);
  const createCpuMemory = made('CreateCpuMemoryInfo', ['int', 'int']);
  const createTensor = made('CreateTensorWithDataAsOrtValue', [
    ...['void *', 'void *', 'size_t', 'void *', 'size_t', 'int'],
  ]);
  const inputCount = made('SessionGetInputCount', ['void *']);
  const inputName = made('SessionGetInputName', ['void *', 'size_t', 'void *']);
  const endProfiling = made('SessionEndProfiling', ['void *', 'void *']);
  const allocator = made('GetAllocatorWithDefaultOptions', [])();
  const free = done('AllocatorFree', ['void *', 'void *']);
  const run = entry('Run', 'void *', [
    ...['void *', 'void *', 'void *', 'void *', 'size_t', 'void *', 'size_t', 'void *'],
  ]);
  const memory = createCpuMemory(DEVICE_ALLOCATOR, DEFAULT_MEMORY);
  return {
    createEnv: () => createEnv(ERRORS_ALONE, 'pointpair'),
    createSession: (env, model, options) => createSession(env, model, model.byteLength, options),
    createOptions: () => createOptions(),
    setThreads: done('SetIntraOpNumThreads', ['void *', 'int']),
    setOptimization: done('SetSessionGraphOptimizationLevel', ['void *', 'int']),
    disableMemoryPattern: done('DisableMemPattern', ['void *']),
    disableArena: done('DisableCpuMemArena', ['void *']),
    setSeverity: done('SetSessionLogSeverityLevel', ['void *', 'int']),
    setEntry: done('AddSessionConfigEntry', ['void *', 'const char *', 'const char *']),
    enableProfiling: done('EnableProfiling', ['void *', 'const char *']),
    endProfiling: (session) => free(allocator, endProfiling(session, allocator)),
    inputNames: (session) =>
      Array.from({ length: Number(inputCount(session)) }, (_, i) => {
        const text = inputName(session, i, allocator);
        const name = koffi.decode.string(text);
        free(allocator, text);
        return name;
      }),
    cpuMemory: () => memory,
    createTensor: (info, data, shape, elementType) =>
      createTensor(info, data, data.byteLength, shape, shape.length, elementType),
    run: (session, inputs, outputs) =>
      new Promise((resolve, reject) => {
        run.async(
          ...[session, null, inputs.names, inputs.values, inputs.names.length],
          ...[outputs.names, outputs.names.length, outputs.values],
          (error: Error | null, status: Pointer | null) => {
            try {
              if (error) throw error;
              check(status);
              resolve();
            } catch (reason) {
              reject(reason as Error);
            }
          },
        );
      }),
    releaseSession: release('ReleaseSession'),
    releaseOptions: release('ReleaseSessionOptions'),
    releaseTensor: release('ReleaseValue'),
    addressOf: (data) => koffi.address(data),
  };
}

/** Values of enumerations: what is logged, and which memory is meant. */
const ERRORS_ALONE = 3;
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;
