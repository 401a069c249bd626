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

const protocol = 2;
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

/** What goes on until all have met: who is there, when the time is over, and the end of it all. */
interface Gathering {
  readonly sockets: Map<number, Socket>;
  /** By `performance.now()`. */
  readonly until: number;
  readonly over: AbortSignal;
}

/**
 * A connection to every other rank, by its number. All ranks come to rank 0, say where they wait themselves, and learn where the
 * others do; of two ranks the higher one calls. Whoever says something else is not let in. Throws InputError, with who was missing,
 * when the time is over.
 */
export async function connectRanks(rendezvous: Rendezvous): Promise<ReadonlyMap<number, Socket>> {
  const sockets = new Map<number, Socket>();
  const over = new AbortController();
  const gathering = { sockets, until: performance.now() + rendezvous.timeoutMs, over: over.signal };
  try {
    await (rendezvous.rank === 0 ? receiveRanks : joinRanks)(rendezvous, gathering);
    return sockets;
  } catch (error) {
    for (const socket of sockets.values()) socket.destroy();
    throw error;
  } finally {
    over.abort();
  }
}

async function receiveRanks({ size, host, port }: Rendezvous, gathering: Gathering): Promise<void> {
  const { sockets } = gathering;
  const server = await listen({ hosts: hostsOf(host), port });
  const places: ({ readonly host: string; readonly port: number } | null)[] = Array(size).fill(null);
  await accept(server, gathering, {
    said: joining,
    refusal: ({ rank, size: found }) => {
      if (found !== size) return `it was started as one of ${found}, and rank 0 as one of ${size}`;
      return rank >= size || sockets.has(rank) ? `rank ${rank} of ${size} is there already` : undefined;
    },
    admit: (socket, { rank, at }) => {
      places[rank] = at;
      sockets.set(rank, socket);
    },
    missing: () => missing(sockets, 1, size),
  });
  for (const socket of sockets.values()) say(socket, { ranks: places });
}

async function joinRanks({ rank, size, host, port }: Rendezvous, gathering: Gathering): Promise<void> {
  const { sockets, until } = gathering;
  const master = await call({ host, port }, until, 'rank 0');
  sockets.set(0, master);
  const own = master.localAddress ?? '0.0.0.0';
  const server = await listen({ hosts: isLoopback(own) && !isLoopback(host) ? [undefined] : [own], port: 0 });
  const { port: ownPort } = server.address() as { port: number };
  const others = accept(server, gathering, {
    said: meeting,
    refusal: ({ from, to }) =>
      to === rank && missing(sockets, rank + 1, size).includes(from) ? undefined : 'it is not waited for',
    admit: (socket, { from }) => sockets.set(from, socket),
    missing: () => missing(sockets, rank + 1, size),
  });
  // Its error is thrown below; until then it may come before somebody looks.
  others.catch(() => {});
  say(master, { pointpair: protocol, rank, size, at: { host: own, port: ownPort } });
  const answered = await hear(master, answer, { until, whom: 'rank 0' });
  if ('refused' in answered) {
    const found = answered.refused;
    throw new InputError({ file: `${host}:${port}`, expected: 'a place among the ranks', found });
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
}

interface Door<Said> {
  /** What one has to say who wants to come in. */
  readonly said: z.ZodType<Said>;
  /** Why one who says this does not come in. */
  refusal(said: Said): string | undefined;
  admit(socket: Socket, said: Said): void;
  missing(): readonly number[];
}

/** Lets ranks in until all are there, and closes the door behind them. */
function accept<Said>(server: Server, { until, over }: Gathering, door: Door<Said>): Promise<void> {
  const before = new Set<Socket>();
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(late(`rank ${door.missing().join(', ')}`, 'nobody')),
      until - performance.now(),
    );
    over.addEventListener('abort', () => {
      clearTimeout(timer);
      server.close();
      for (const socket of before) socket.destroy();
    });
    if (door.missing().length === 0) return resolve();
    server.on('connection', async (socket) => {
      before.add(socket);
      const said = await hear(socket, door.said, { until, whom: 'a rank' }).catch(() => undefined);
      const refused = said === undefined ? 'it is no rank' : door.refusal(said);
      if (said === undefined || refused !== undefined) {
        say(socket, { refused });
        socket.end().resume();
        return;
      }
      before.delete(socket);
      door.admit(socket, said);
      if (door.missing().length === 0) resolve();
    });
  });
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
