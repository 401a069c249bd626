import type { Communicator } from './communicator.ts';

/** Ranks of one process: what one gives waits until all have given theirs. */
export function inMemoryRanks(size: number): Communicator[] {
  let waiting: Array<{ readonly rank: number; readonly given: unknown; readonly resolve: () => void }> = [];
  /** Runs `together` on what all ranks gave, once, when the last one comes. */
  const meet = <Given>(
    rank: number,
    given: Given,
    together: (all: readonly Given[]) => void,
  ): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ rank, given, resolve });
      if (waiting.length < size) return;
      const met = waiting.sort((a, b) => a.rank - b.rank);
      waiting = [];
      together(met.map((each) => each.given as Given));
      for (const each of met) each.resolve();
    });
  return Array.from({ length: size }, (_, rank): Communicator => {
    // The calls of one rank come one after the other, whether or not it waits for them.
    let last: Promise<unknown> = Promise.resolve();
    const inTurn = <Result>(call: () => Promise<Result>): Promise<Result> => {
      const result = last.then(call);
      last = result.catch(() => {});
      return result;
    };
    return {
      rank,
      size,
      allReduce: (values) =>
        inTurn(() =>
          meet(rank, values, (all) => {
            const sum = all[0].slice();
            for (const each of all.slice(1)) for (let i = 0; i < sum.length; i++) sum[i] += each[i];
            for (const each of all) each.set(sum);
          }),
        ),
      allGather: (own, all) =>
        inTurn(() =>
          meet(rank, { own, all }, (given) => {
            for (const { all: target } of given)
              given.forEach(({ own: rows }, i) => {
                bytesOf(target).set(bytesOf(rows), i * rows.byteLength);
              });
          }),
        ),
      broadcast: async (bytes) => {
        let result = bytes;
        const put = (first: Uint8Array) => {
          result = first.slice();
        };
        await inTurn(() =>
          meet(rank, { bytes, put }, (given) => {
            for (const each of given) each.put(given[0].bytes);
          }),
        );
        return result;
      },
      close: () => inTurn(async () => {}),
    };
  });
}

/** A process that trains by itself. */
export const alone: Communicator = {
  rank: 0,
  size: 1,
  allReduce: async () => {},
  allGather: async (own, all) => bytesOf(all).set(bytesOf(own)),
  broadcast: async (bytes) => bytes,
  close: async () => {},
};

/** As bytes, since what looks like numbers may be others' bits. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
