/** What an all-reduce costs between ranks that each talk to each other: a time a message, and a time a byte. */
export interface LatencyModel {
  /** Milliseconds that each message costs its rank. */
  readonly messageMs: number;
  /** Milliseconds a byte, on its way and in the sum. */
  readonly byteMs: number;
}

/** A network between the ranks, by the two numbers that it is sold by. */
export interface Network {
  /** One way, milliseconds. */
  readonly latencyMs: number;
  /** What a host sends in a second while it receives as much. */
  readonly gigabits: number;
}

/** How long the all-reduce of an array took. */
export interface MeasuredSum {
  readonly ranks: number;
  readonly bytes: number;
  readonly ms: number;
}

/** What goes to the other ranks in a step: an array that is summed, or a rank's own part of what is gathered. */
export interface Travel {
  readonly kind: 'sum' | 'gather';
  readonly bytes: number;
}

/** Arrays of at most so many bytes over all ranks go whole, as `createCommunicator` has them. */
const WHOLE_BYTES = 4 * (1 << 14);

/** Messages that a rank sends one after the other, rounds of them that wait for each other, and bytes that it sends. */
function trafficOf(
  ranks: number,
  { kind, bytes }: Travel,
): { messages: number; rounds: number; sent: number } {
  const others = ranks - 1;
  return kind === 'gather' || bytes * ranks <= WHOLE_BYTES
    ? { messages: others, rounds: Math.min(others, 1), sent: others * bytes }
    : { messages: 2 * others, rounds: 2, sent: (2 * others * bytes) / ranks };
}

/**
 * The milliseconds of an all-reduce, or of a gather: messages · messageMs + bytes sent · byteMs, and over a network each round takes its latency and
 * each byte its time on the wire beside that in the hosts, as if neither went on during the other.
 */
export function sumMs(
  { messageMs, byteMs }: LatencyModel,
  { ranks, kind = 'sum', bytes }: Omit<MeasuredSum, 'ms'> & Partial<Travel>,
  network?: Network,
): number {
  const { messages, rounds, sent } = trafficOf(ranks, { kind, bytes });
  const wireMs =
    network === undefined ? 0 : rounds * network.latencyMs + (sent * 8) / (network.gigabits * 1e6);
  return messages * messageMs + sent * byteMs + wireMs;
}

/** The model with the least squares of relative errors; neither part is below zero. Throws where fewer than two sums are given. */
export function fitLatency(sums: readonly MeasuredSum[]): LatencyModel {
  if (sums.length < 2) throw new Error('a latency and a bandwidth need at least two measured sums');
  // Each sum divided by its own time: a · messageMs + b · byteMs = 1.
  const rows = sums.map(({ ranks, bytes, ms }) => {
    const { messages, sent } = trafficOf(ranks, { kind: 'sum', bytes });
    return { a: messages / ms, b: sent / ms };
  });
  const total = (of: (row: { readonly a: number; readonly b: number }) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0);
  const [aa, ab, bb] = [total(({ a }) => a * a), total(({ a, b }) => a * b), total(({ b }) => b * b)];
  const [a1, b1] = [total(({ a }) => a), total(({ b }) => b)];
  const determinant = aa * bb - ab * ab;
  const messageMs = (a1 * bb - b1 * ab) / determinant;
  const byteMs = (b1 * aa - a1 * ab) / determinant;
  if (messageMs < 0) return { messageMs: 0, byteMs: b1 / bb };
  return byteMs < 0 ? { messageMs: a1 / aa, byteMs: 0 } : { messageMs, byteMs };
}
