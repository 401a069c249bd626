import { closeSync, fstatSync, openSync, readlinkSync } from 'node:fs';
import { foreignFunctions } from '../native/foreign-functions.ts';

/** Where a process of the same host finds memory that another one has made: that process, and its number for the memory. */
export interface MemoryPlace {
  readonly process: number;
  readonly descriptor: number;
}

/** Memory that several processes of one host read and write. */
export interface SharedMemory {
  readonly place: MemoryPlace;
  readonly bytes: Uint8Array;
  /** Gives it back; `bytes` must not be touched after it. It lasts until all processes have closed it, or have ended. */
  close(): void;
}

/** What the system shows of it. */
const NAME = 'pointpair';
/** Programs that this process starts do not inherit it. */
const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;

/** The system's functions, undefined where it has none of that name: `memfd_create` is Linux's. */
function systemFunctions() {
  const koffi = foreignFunctions();
  if (koffi === undefined || process.platform !== 'linux') return undefined;
  try {
    const library = koffi.load(null);
    const create = library.func('int memfd_create(const char *, unsigned int)');
    const resize = library.func('int ftruncate(int, int64_t)');
    const map = library.func('void *mmap(void *, size_t, int, int, int, int64_t)');
    const unmap = library.func('int munmap(void *, size_t)');
    return {
      create: (): number => create(NAME, MFD_CLOEXEC) as number,
      resize: (descriptor: number, length: number): boolean => resize(descriptor, length) === 0,
      map: (descriptor: number, length: number) => {
        const at: unknown = map(null, length, PROT_READ_WRITE, MAP_SHARED, descriptor, 0);
        if (koffi.address(at) === MAP_FAILED) return undefined;
        return { bytes: new Uint8Array(koffi.view(at, length)), unmap: () => void unmap(at, length) };
      },
    };
  } catch {
    return undefined;
  }
}

let functions: ReturnType<typeof systemFunctions> | null = null;
function system() {
  if (functions === null) functions = systemFunctions();
  return functions;
}

/** New memory, all zeros; pages that are never touched take no room. Undefined where the system has none to share. */
export function createSharedMemory(length: number): SharedMemory | undefined {
  const descriptor = system()?.create() ?? -1;
  if (descriptor < 0) return undefined;
  const mapped = system()!.resize(descriptor, length) ? system()!.map(descriptor, length) : undefined;
  if (mapped === undefined) {
    closeSync(descriptor);
    return undefined;
  }
  const close = () => {
    mapped.unmap();
    closeSync(descriptor);
  };
  return { place: { process: process.pid, descriptor }, bytes: mapped.bytes, close };
}

/** The memory that another process has made; undefined where this one cannot see it: it is another user's, or in another container. */
export function openSharedMemory(place: MemoryPlace, length: number): SharedMemory | undefined {
  if (system() === undefined) return undefined;
  const path = `/proc/${place.process}/fd/${place.descriptor}`;
  let descriptor: number;
  try {
    // On another host, or in another container, the same numbers may be any file.
    if (readlinkSync(path) !== `/memfd:${NAME} (deleted)`) return undefined;
    descriptor = openSync(path, 'r+');
    if (fstatSync(descriptor).size !== length) {
      closeSync(descriptor);
      return undefined;
    }
  } catch {
    return undefined;
  }
  try {
    const mapped = system()!.map(descriptor, length);
    return mapped === undefined ? undefined : { place, bytes: mapped.bytes, close: mapped.unmap };
  } finally {
    // What is mapped stays.
    closeSync(descriptor);
  }
}
