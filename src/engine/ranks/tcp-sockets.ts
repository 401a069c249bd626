import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { InputError, reasonOf } from '../input-error.ts';

const LONGEST_LINE = 1 << 20;
const RETRY_MS = 200;

/** A server at the first of these that this host has; undefined is everywhere. Throws InputError where it cannot listen. */
export async function listen(at: {
  readonly hosts: readonly (string | undefined)[];
  readonly port: number;
}): Promise<Server> {
  const [host, ...others] = at.hosts;
  // Connections wait, unread, until somebody asks what they say.
  const server = createServer({ pauseOnConnect: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port: at.port }, resolve);
    });
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL' && others.length > 0) return listen({ ...at, hosts: others });
    const expected = 'a port that rank 0 can listen at';
    const found = code === 'EADDRINUSE' ? 'one that is taken' : reasonOf(error as Error);
    throw new InputError({ file: `${host ?? '*'}:${at.port}`, expected, found }, { cause: error });
  }
}

/** A connection to one who may not have come yet: tried again until the time, by `performance.now()`, is over. Throws InputError. */
export async function call(
  { host, port }: { readonly host: string; readonly port: number },
  until: number,
  whom: string,
): Promise<Socket> {
  for (;;) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ host, port, timeout: Math.max(1, until - performance.now()) });
        socket.once('error', reject);
        socket.once('timeout', () => socket.destroy(late(`${whom} at ${host}:${port}`, 'no answer')));
        socket.once('connect', () => {
          socket.removeAllListeners('error').removeAllListeners('timeout').setTimeout(0);
          resolve(socket);
        });
      });
    } catch (error) {
      if (error instanceof InputError) throw error;
      if (performance.now() + RETRY_MS > until) {
        throw late(`${whom} at ${host}:${port}`, reasonOf(error as Error));
      }
      await sleep(RETRY_MS);
    }
  }
}

/** Sends a line of JSON. */
export function say(socket: Socket, what: object): void {
  socket.write(`${JSON.stringify(what)}\n`);
}

/** Until when somebody is listened to, and who it should be. */
export interface Listening {
  /** By `performance.now()`. */
  readonly until: number;
  readonly whom: string;
}

/** One line of JSON in a form; what comes behind it stays in the socket. Throws InputError where none comes in time, or another. */
export async function hear<Said>(
  socket: Socket,
  form: z.ZodType<Said>,
  { until, whom }: Listening,
): Promise<Said> {
  const fault = (found: string): InputError =>
    new InputError({ file: 'ranks', expected: `an answer of ${whom}`, found });
  const text = await new Promise<string>((resolve, reject) => {
    let line = Buffer.alloc(0);
    const settle = (then: () => void) => {
      clearTimeout(timer);
      socket.off('readable', read).off('close', gone);
      then();
    };
    const timer = setTimeout(() => settle(() => reject(late(whom, 'no answer'))), until - performance.now());
    const gone = () => settle(() => reject(fault('a closed connection')));
    const read = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read()) {
        line = Buffer.concat([line, chunk]);
        const end = line.indexOf('\n');
        if (end >= 0) {
          return settle(() => {
            socket.unshift(line.subarray(end + 1));
            resolve(line.subarray(0, end).toString());
          });
        }
        if (line.length > LONGEST_LINE) return settle(() => reject(fault('something else')));
      }
    };
    // It is followed by the event of closing.
    socket.on('error', () => {});
    socket.on('readable', read).on('close', gone);
  });
  try {
    return form.parse(JSON.parse(text));
  } catch {
    throw fault('something else');
  }
}

/** Whom a rank waited for until the time was over, and what it saw. */
export function late(whom: string, found: string): InputError {
  return new InputError({ file: 'ranks', expected: `${whom} in time`, found });
}
