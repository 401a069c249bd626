import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

/** ONNX Runtime plans and runs a graph on the stack that a call has; koffi's own is too small for it. */
const STACK_BYTES = 8 << 20;

let loaded: Koffi | null | undefined;

/**
 * koffi, which calls functions of C libraries; undefined where it has no binary for the platform. It takes its settings before
 * the first library is loaded, and never again: whoever needs it gets it here.
 */
export function foreignFunctions(): Koffi | undefined {
  if (loaded === undefined) {
    try {
      const koffi = createRequire(import.meta.url)('koffi') as Koffi;
      koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
      loaded = koffi;
    } catch {
      loaded = null;
    }
  }
  return loaded ?? undefined;
}
