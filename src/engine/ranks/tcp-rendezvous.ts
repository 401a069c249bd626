import { isIP, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import { InputError } from '../input-error.ts';
import { call, hear, late, listen, say } from './tcp-sockets.ts';

/** Where rank 0 waits for the others, who this one is, and how long they wait for each other. */
export interface Rendezvous {
  readonly rank: number;
  readonly size: number;
  /** A name or an address of rank 0's host that all others reach. */
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

const protocol = 1;
const address = z.strictObject({ host: z.string(), port: z.int().min(1).max(65535) });
/** What a rank says to rank 0, with where it waits for others itself. */
const joining = z.strictObject({
  pointpair: z.literal(protocol),
  rank: z.int().min(1),
  size: z.int().min(2),
  at: address,
});
/** What rank 0 answers when all are there: where each waits, itself left out; or why it will not. */
const answer = z.union([
  z.strictObject({ ranks: z.array(address.nullable()) }),
  z.strictObject({ refused: z.string() }),
]);
/** What a rank says to another one. */
const meeting = z.strictObject({ pointpair: z.literal(protocol), from: z.int().min(1), to: z.int().min(1) });

/**
 * A connection to every other rank, by its number. All ranks come to rank 0, say where they wait themselves, and learn where the
 * others do; of two ranks the higher one calls. Whoever says something else is not let in. Throws InputError, with who was missing,
 * when the time is over.
 */
export async function connectRanks(rendezvous: Rendezvous): Promise<ReadonlyMap<number, Socket>> {
  const until = performance.now() + rendezvous.timeoutMs;
  return rendezvous.rank === 0 ? receiveRanks(rendezvous, until) : joinRanks(rendezvous, until);
}

async function receiveRanks({ size, host, port }: Rendezvous, until: number): Promise<Map<number, Socket>> {
  const server = await listen({ hosts: hostsOf(host), port });
  const sockets = new Map<number, Socket>();
  const places: ({ readonly host: string; readonly port: number } | null)[] = Array(size).fill(null);
  await accept(server, until, {
    missing: () => missing(sockets, 1, size),
    admit: (socket, text) => {
      const { success, data } = joining.safeParse(text);
      if (!success) return false;
      const { rank, at } = data;
      const refused =
        data.size !== size
          ? `it was started as one of ${data.size}, and rank 0 as one of ${size}`
          : rank >= size || sockets.has(rank)
            ? `rank ${rank} of ${size} is there already`
            : undefined;
      if (refused !== undefined) {
        say(socket, { refused });
        return false;
      }
      places[rank] = at;
      sockets.set(rank, socket);
      return true;
    },
    full: () => sockets.size === size - 1,
  });
  for (const socket of sockets.values()) say(socket, { ranks: places });
  return sockets;
}

async function joinRanks(
  { rank, size, host, port }: Rendezvous,
  until: number,
): Promise<Map<number, Socket>> {
  const master = await call({ host, port }, until, 'rank 0');
  const own = master.localAddress ?? '0.0.0.0';
  const server = await listen({ hosts: isLoopback(own) && !isLoopback(host) ? [undefined] : [own], port: 0 });
  const { port: ownPort } = server.address() as { port: number };
  const sockets = new Map([[0, master]]);
  const others = accept(server, until, {
    missing: () => missing(sockets, rank + 1, size),
    admit: (socket, text) => {
      const { success, data } = meeting.safeParse(text);
      if (!success || data.to !== rank || data.from <= rank || data.from >= size || sockets.has(data.from))
        return false;
      sockets.set(data.from, socket);
      return true;
    },
    full: () => missing(sockets, rank + 1, size).length === 0,
  });
  // Its error is thrown below; until then it may come before somebody looks.
  others.catch(() => {});
  try {
    say(master, { pointpair: protocol, rank, size, at: { host: own, port: ownPort } });
    const answered = answer.parse(await hear(master, until, 'rank 0'));
    if ('refused' in answered) {
      throw new InputError({
        file: `${host}:${port}`,
        expected: 'a place among the ranks',
        found: answered.refused,
      });
    }
    for (let other = 1; other < rank; other++) {
      const at = answered.ranks[other]!;
      // A rank on the host of rank 0 may know itself by an address that means another host elsewhere.
      const reached = isLoopback(at.host) && !isLoopback(own) ? { ...at, host } : at;
      const socket = await call(reached, until, `rank ${other}`);
      say(socket, { pointpair: protocol, from: rank, to: other });
      sockets.set(other, socket);
    }
    await others;
    return sockets;
  } catch (error) {
    server.close();
    for (const socket of sockets.values()) socket.destroy();
    throw error;
  }
}

interface Door {
  missing(): readonly number[];
  /** Whether one who said this line comes in. */
  admit(socket: Socket, said: unknown): boolean;
  full(): boolean;
}

/** Lets ranks in until all are there, and closes the door behind them. */
function accept(server: Server, until: number, { missing, admit, full }: Door): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(late(`rank ${missing().join(', ')}`, 'nobody')),
      until - performance.now(),
    );
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if (full()) return done();
    server.on('connection', async (socket) => {
      const said = await hear(socket, until, 'a rank').catch(() => undefined);
      if (said === undefined || !admit(socket, said)) socket.end().resume();
      else if (full()) done();
    });
  }).finally(() => server.close());
}

function missing(sockets: ReadonlyMap<number, Socket>, from: number, size: number): number[] {
  return Array.from({ length: size }, (_, rank) => rank)
    .slice(from)
    .filter((rank) => !sockets.has(rank));
}

/** Where rank 0 may listen, best first; undefined is everywhere. A name can mean a loopback address on its own host: it does not bind. */
function hostsOf(host: string): readonly (string | undefined)[] {
  return isIP(host) !== 0 || isLoopback(host) ? [host, undefined] : [undefined];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\./.test(host);
}
