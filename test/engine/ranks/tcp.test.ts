import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  type CommunicatorOptions,
  createCommunicator,
} from '../../../src/engine/ranks/ordered-communicator.ts';
import { freePort } from '../../../src/engine/ranks/start-ranks.ts';
import { openTcp } from '../../../src/engine/ranks/tcp.ts';
import { RankError, type Transport } from '../../../src/engine/ranks/transport.ts';
import { sumInOrder, valuesOf } from './rank-values.ts';

const timeoutMs = 10_000;

/** So many ranks in this process, which come in the order of their numbers backwards. */
async function opened(size: number, host = '127.0.0.1'): Promise<Transport[]> {
  const port = await freePort();
  const ranks = Array.from({ length: size }, (_, i) => size - 1 - i);
  const transports = await Promise.all(
    ranks.map(async (rank) => {
      await sleep(rank === 0 ? 50 : 0);
      return openTcp({ rank, size, host, port, timeoutMs });
    }),
  );
  return transports.reverse();
}

const closed = (transports: readonly { close(): Promise<void> }[]) =>
  Promise.all(transports.map((transport) => transport.close()));

function faultsOf(results: readonly PromiseSettledResult<unknown>[]): string[] {
  return results.map((result) => (result.status === 'rejected' ? String(result.reason.message) : 'none'));
}

describe('a sum', () => {
  const cases: readonly [size: number, options: CommunicatorOptions][] = [
    [2, { wholeLength: 0, pieceLength: 7 }],
    [3, { wholeLength: 0 }],
    [4, { wholeLength: 40, pieceLength: 5 }],
    [5, { wholeLength: 0, pieceLength: 3 }],
  ];
  it.each(cases)('over %i ranks is that of plain loops however it is cut: %o', async (size, options) => {
    const transports = await opened(size, 'localhost');
    const ranks = transports.map((transport) => createCommunicator(transport, options));
    for (const length of [0, 1, 2, 3, 4, 6, 7, 8, 14, 23]) {
      const arrays = ranks.map(({ rank }) => valuesOf(rank, length));
      const expected = Array.from(sumInOrder(arrays));
      await Promise.all(ranks.map((each, r) => each.allReduce(arrays[r])));
      for (const sum of arrays) expect(Array.from(sum)).toEqual(expected);
    }
    await closed(ranks);
  });

  it('leaves what is beside its array, and may be followed by others at once', async () => {
    const ranks = (await opened(3)).map((transport) => createCommunicator(transport, { wholeLength: 8 }));
    const arrays = ranks.map(({ rank }) => new Float32Array(30).fill(rank + 1));
    await Promise.all(
      ranks.flatMap((each, r) => [
        each.allReduce(arrays[r].subarray(1, 12)),
        each.allReduce(arrays[r].subarray(13, 15)),
        each.allReduce(arrays[r].subarray(1, 12)),
      ]),
    );
    for (const [r, array] of arrays.entries()) {
      const beside = r + 1;
      const expected = Array.from({ length: 30 }, (_, i) =>
        i >= 1 && i < 12 ? 18 : i === 13 || i === 14 ? 6 : beside,
      );
      expect(Array.from(array)).toEqual(expected);
    }
    await closed(ranks);
  });
});

describe('ranks that do not do the same', () => {
  it('end with what each does, and stay ended', async () => {
    const transports = await opened(2);
    const ranks = transports.map((transport) => createCommunicator(transport, { wholeLength: 0 }));
    const results = await Promise.allSettled(
      ranks.map((each, r) => each.allReduce(new Float32Array(10 + r))),
    );
    expect(faultsOf(results)[0]).toMatch(
      /^rank 1 came to call 0, exchange of 44 bytes where this rank came to call 0, exchange of 40 bytes/,
    );
    const again = await Promise.allSettled([ranks[0].broadcast(new Uint8Array(1))]);
    expect(faultsOf(again)).toEqual([faultsOf(results)[0]]);
    await Promise.all(transports.map((transport) => transport.abort(new Error('the test is over'))));
  });

  it('cannot go on after they were closed', async () => {
    const ranks = (await opened(2)).map((transport) => createCommunicator(transport));
    await closed(ranks);
    await expect(ranks[1].allReduce(new Float32Array(2))).rejects.toThrow('the ranks have been closed');
  });

  it('learn that one has ended already', async () => {
    const [zero, one] = (await opened(2)).map((transport) => createCommunicator(transport));
    const results = await Promise.allSettled([zero.allReduce(new Float32Array(2)), one.close()]);
    expect(faultsOf(results)[0]).toMatch(/^rank 1 came to call 0, close where/);
  });

  it('are told where arrays do not fit', async () => {
    const ranks = (await opened(2)).map((transport) => createCommunicator(transport));
    const results = await Promise.allSettled(
      ranks.map((each) => each.allGather(new Float32Array(2), new Float32Array(5))),
    );
    expect(faultsOf(results)).toEqual(Array(2).fill('2 ranks with 2 values each do not fill 5'));
  });
});

describe('a rank that ends the others', () => {
  it('says why to all', async () => {
    const transports = await opened(3);
    const ranks = transports.map((transport) => createCommunicator(transport));
    const waiting = Promise.allSettled([0, 2].map((r) => ranks[r].allReduce(new Float32Array(4))));
    const ending = transports[1].abort(new Error('no space left'));
    expect(faultsOf(await waiting)).toEqual(Array(2).fill('rank 1 ended: no space left'));
    await Promise.all([ending, ...[0, 2].map((r) => transports[r].abort(new Error('heard of it')))]);
  });

  it('names the one that it heard of, not itself', async () => {
    const transports = await opened(3);
    const two = createCommunicator(transports[2]).allReduce(new Float32Array(4));
    const ending = transports[0].abort(new RankError(1, 'is gone'));
    expect(faultsOf(await Promise.allSettled([two]))).toEqual(['rank 1 is gone']);
    await Promise.all([ending, ...[1, 2].map((r) => transports[r].abort(new Error('heard of it')))]);
  });
});

describe('the rendezvous', () => {
  const size = 2;
  const host = '127.0.0.1';

  it('lets no stranger in', async () => {
    const port = await freePort();
    const zero = openTcp({ rank: 0, size, host, port, timeoutMs });
    await sleep(50);
    for (const said of ['GET / HTTP/1.1\r\n\r\n', '{"pointpair":1,"rank":1}\n', `${'x'.repeat(3000)}\n`]) {
      const stranger = connect({ host, port });
      stranger.on('error', () => {}).write(said);
      stranger.resume();
      await once(stranger, 'close');
    }
    const ranks = await Promise.all([zero, openTcp({ rank: 1, size, host, port, timeoutMs })]);
    await closed(ranks);
  });

  it('says which ranks did not come', async () => {
    const port = await freePort();
    const zero = openTcp({ rank: 0, size: 4, host, port, timeoutMs: 600 });
    const two = openTcp({ rank: 2, size: 4, host, port, timeoutMs: 600 });
    const faults = faultsOf(await Promise.allSettled([zero, two]));
    expect(faults[0]).toBe('ranks: expected rank 1, 3 in time, found nobody');
    expect(faults[1]).toMatch(/^ranks: expected (an answer of rank 0|rank 0 in time)/);
  });

  it('says that rank 0 is not there', async () => {
    const port = await freePort();
    await expect(openTcp({ rank: 1, size, host, port, timeoutMs: 300 })).rejects.toThrow(
      `ranks: expected rank 0 at ${host}:${port} in time, found`,
    );
  });

  it('refuses a rank that was started with others', async () => {
    const port = await freePort();
    const zero = openTcp({ rank: 0, size, host, port, timeoutMs });
    await expect(openTcp({ rank: 1, size: 3, host, port, timeoutMs })).rejects.toThrow(
      `${host}:${port}: expected a place among the ranks, found it was started as one of 3, and rank 0 as one of 2`,
    );
    await closed(await Promise.all([zero, openTcp({ rank: 1, size, host, port, timeoutMs })]));
  });

  it('says that the port is taken', async () => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(openTcp({ rank: 0, size, host, port, timeoutMs })).rejects.toThrow(
      `${host}:${port}: expected a port that rank 0 can listen at, found one that is taken`,
    );
    server.close();
  });
});
