import { foreignFunctions } from './native/foreign-functions.ts';

/**
 * glibc's options of `mallopt`: from which size on memory is mapped for itself, how much free memory is kept, and how many
 * heaps there are for threads.
 */
const mmapThreshold = -3;
const trimThreshold = -1;
const arenaMax = -8;

let asked = false;

/**
 * Asks the C library to keep memory that was freed instead of handing it back to the system. A training step frees and
 * allocates the whole state; getting it from the system anew, page by page, takes up to a tenth of a step. All threads share a
 * heap, so that a step finds what an earlier one freed on another thread. Does nothing where there is no glibc, nor where the
 * environment sets MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ itself.
 */
export function keepFreedMemory(): void {
  if (asked || process.platform !== 'linux') return;
  asked = true;
  if ('MALLOC_TRIM_THRESHOLD_' in process.env || 'MALLOC_MMAP_THRESHOLD_' in process.env) return;
  try {
    const mallopt = foreignFunctions()?.load(null).func('int mallopt(int, int)');
    mallopt?.(mmapThreshold, 2 ** 30);
    mallopt?.(trimThreshold, 2 ** 31 - 1);
    if (!('MALLOC_ARENA_MAX' in process.env)) mallopt?.(arenaMax, 1);
  } catch {
    // Another C library has no mallopt: steps run as they did.
  }
}
