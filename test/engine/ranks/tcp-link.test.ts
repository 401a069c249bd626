import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createSharedMemory, openSharedMemory } from '../../../src/engine/ranks/shared-memory.ts';
import { type Call, Link } from '../../../src/engine/ranks/tcp-link.ts';

/** Both ends of a connection between these addresses of this machine, each with what it has in common with the other. */
async function linked(from: string, to: string, wanted: readonly boolean[] = [true, true]) {
  const server = createServer().listen(0, to);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const caller = connect({ host: to, port, localAddress: from });
  const [[called]] = (await Promise.all([once(server, 'connection'), once(caller, 'connect')])) as [
    [Socket],
    [],
  ];
  server.close();
  const links = [new Link(caller, 1), new Link(called, 0)] as const;
  await Promise.all(links.map((link, end) => link.shareMemory(wanted[end])));
  return { links, sockets: [caller, called] as const };
}

function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 17 + (i >> 8);
  return bytes;
}

describe('two ranks', () => {
  const sizes = [1, 0, 65_535, 65_536, 300_001, 1, 300_001, 65_536, 8 << 20, (8 << 20) + 1, 100_000];

  it.each([
    ['on one host', '127.0.0.1', [true, true], [65_536, 300_001, 8 << 20, 100_000]],
    ['on one host, where one does not want to share memory', '127.0.0.1', [true, false], []],
    ['on two hosts', '127.0.0.2', [true, true], []],
  ] as const)('receive what was sent, %s', async (_, from, wanted, through) => {
    const { links, sockets } = await linked(from, '127.0.0.1', wanted);
    for (const [sequence, length] of sizes.entries()) {
      const call: Call = { name: sequence % 3 === 0 ? 'gather' : 'exchange', sequence, bytes: length };
      const before = sockets.map(({ bytesWritten }) => bytesWritten);
      const received = links.map(() => new Uint8Array(length));
      const sent = links.map((_, end) => bytesOf(length, 2 * sequence + end));
      await Promise.all(
        links.flatMap((link, end) => [
          // What was sent may change at once.
          link.send(call, sent[end]).then(() => sent[end].fill(0)),
          link.receive(call, received[end]),
        ]),
      );
      for (const end of [0, 1]) {
        expect(Buffer.compare(received[end], bytesOf(length, 2 * sequence + 1 - end))).toBe(0);
        const overConnection = sockets[end].bytesWritten - before[end];
        expect(overConnection).toBe(24 + ((through as readonly number[]).includes(length) ? 0 : length));
      }
    }
    await Promise.all(links.map((link) => link.end(1000)));
  });

  it('receive what one sends long before the other one asks', async () => {
    const { links } = await linked('127.0.0.1', '127.0.0.1');
    const call = (sequence: number): Call => ({ name: 'gather', sequence, bytes: 100_000 });
    const [one, other] = links;
    const into = () => new Uint8Array(100_000);
    // One is a call ahead: it has the other's message of the first call, and sends its second.
    await other.send(call(0), bytesOf(100_000, 10));
    await one.send(call(0), bytesOf(100_000, 20));
    expect(Buffer.compare(await one.receive(call(0), into()), bytesOf(100_000, 10))).toBe(0);
    await one.send(call(1), bytesOf(100_000, 21));
    expect(Buffer.compare(await other.receive(call(0), into()), bytesOf(100_000, 20))).toBe(0);
    expect(Buffer.compare(await other.receive(call(1), into()), bytesOf(100_000, 21))).toBe(0);
    await Promise.all(links.map((link) => link.end(1000)));
  });
});

describe('memory of two processes', () => {
  it.skipIf(process.platform !== 'linux')('is one (skipped but on Linux)', () => {
    const made = createSharedMemory(10_000)!;
    const opened = openSharedMemory(made.place, 10_000)!;
    made.bytes[7] = 42;
    opened.bytes[9_999] = 43;
    expect([opened.bytes[7], made.bytes[9_999]]).toEqual([42, 43]);
    expect(openSharedMemory(made.place, 10_001)).toBeUndefined();
    const inherited = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
    expect(inherited).not.toContain('memfd:pointpair');
    made.close();
    expect(opened.bytes[7]).toBe(42);
    opened.close();
  });

  it('is not looked for in what else has these numbers', () => {
    // Standard input is no such memory, and there is no process 2³¹.
    expect(openSharedMemory({ process: process.pid, descriptor: 0 }, 10)).toBeUndefined();
    expect(openSharedMemory({ process: 2 ** 31, descriptor: 3 }, 10)).toBeUndefined();
  });
});
