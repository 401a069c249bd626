import type { Communicator } from './communicator.ts';

/** A text of each rank, in their order, to all of them. */
export async function gatherTexts(communicator: Communicator, text: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  const lengths = new Float32Array(communicator.size);
  await communicator.allGather(Float32Array.of(bytes.length), lengths);
  const words = Math.ceil(Math.max(...lengths) / 4);
  const own = new Float32Array(words);
  new Uint8Array(own.buffer).set(bytes);
  const all = new Float32Array(words * communicator.size);
  if (words > 0) await communicator.allGather(own, all);
  return Array.from(lengths, (length, rank) =>
    new TextDecoder().decode(new Uint8Array(all.buffer, 4 * words * rank, length)),
  );
}
