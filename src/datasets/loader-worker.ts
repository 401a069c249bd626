import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { type SampleRequest, type SourceSetting, sampleMaker } from './loader-source.ts';

const make = sampleMaker<unknown>(workerData as SourceSetting);

let turn: Promise<unknown> = Promise.resolve();

/**
 * What a loader's worker thread does: makes one sample after the other, in the order in which they were asked for, and
 * moves their arrays to the loader instead of copying them.
 */
export function makeSample(request: SampleRequest): Promise<unknown> {
  const made = turn.then(() => makeAndMove(request));
  turn = made.catch(() => {});
  return made;
}

async function makeAndMove(request: SampleRequest): Promise<unknown> {
  const outcome = await make(request);
  const buffers = new Set<ArrayBuffer>();
  collectBuffers(outcome, buffers);
  return move({ [transferableSymbol]: [...buffers], [valueSymbol]: outcome });
}

/** Buffers that belong to one array alone; Node's own Buffers share theirs and cannot be moved. */
function collectBuffers(value: unknown, buffers: Set<ArrayBuffer>): void {
  if (typeof value !== 'object' || value === null) return;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    if (whole && !Buffer.isBuffer(value)) buffers.add(buffer);
  } else if (value instanceof ArrayBuffer) buffers.add(value);
  else for (const part of Object.values(value)) collectBuffers(part, buffers);
}
