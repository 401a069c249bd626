import type { Socket } from 'node:net';
import { z } from 'zod';
import { LinkMemory, offerSchema } from './link-memory.ts';
import { RankError } from './transport.ts';

const names = ['memory', 'exchange', 'gather', 'broadcast', 'close', 'abort'] as const;

/** A call that all ranks have to make together: the same one, as the so manieth, of the same length. */
export interface Call {
  readonly name: (typeof names)[number];
  readonly sequence: number;
  /** Bytes of the whole array; 0 where only the sender knows. */
  readonly bytes: number;
}

/** Call, sequence, bytes of the whole, bytes of the message; little-endian. */
const HEADER_BYTES = 24;
/** After so long without a word a connection is asked whether it still stands; then once a second, ten times. */
const KEEP_ALIVE_MS = 5000;
/** No reason to end is longer. */
const ABORT_BYTES = 1 << 20;
const abortSchema = z.strictObject({ rank: z.int().min(0), what: z.string() });

/**
 * The connection to one other rank: messages of calls, each with a header. A message that is not asked for yet waits in the
 * system's buffers, and then at its sender. Long ones of calls in which both send go through memory, where the two have it in common.
 */
export class Link {
  private readonly socket: Socket;
  private readonly rank: number;
  private memory: LinkMemory | undefined;
  private fault: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(socket: Socket, rank: number) {
    this.socket = socket;
    this.rank = rank;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('readable', () => this.woken());
    socket.on('error', ({ message }) => this.lost(`is gone: ${message}`));
    socket.on('close', () => this.lost('is gone: its process ended or its host is out of reach'));
    // What came with the last line of the rendezvous has been announced already.
    socket.read(0);
  }

  /** Finds out whether the two ranks may have memory in common, if both want it. Both have to call it, before all else. */
  async shareMemory(wanted = true): Promise<void> {
    const call: Call = { name: 'memory', sequence: 0, bytes: 0 };
    const both = async <Said>(said: Said, form: z.ZodType<Said>): Promise<Said> => {
      void this.send(call, Buffer.from(JSON.stringify(said)));
      return form.parse(JSON.parse(Buffer.from(await this.receive(call)).toString()));
    };
    // From one address to another one it is two hosts.
    const { localAddress, remoteAddress } = this.socket;
    const memory = wanted && localAddress === remoteAddress ? LinkMemory.create() : undefined;
    const offered = await both(memory?.offer ?? null, offerSchema);
    const opened = memory?.accept(offered) ?? false;
    if ((await both(opened, z.boolean())) && opened) this.memory = memory;
    else memory?.close();
  }

  /** Resolves when the bytes may change. What goes wrong is thrown where the answer is received. */
  send({ name, sequence, bytes }: Call, message: Uint8Array): Promise<void> {
    const written = goesBothWays(name) && this.memory?.write(message);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(names.indexOf(name), 0);
    header.writeUInt32LE(sequence, 4);
    header.writeDoubleLE(bytes, 8);
    header.writeDoubleLE(message.length, 16);
    return new Promise((resolve) => {
      if (this.socket.writableEnded || this.socket.destroyed) return resolve();
      if (written) {
        this.socket.write(header);
        return resolve();
      }
      this.socket.cork();
      this.socket.write(header);
      this.socket.write(message, () => resolve());
      this.socket.uncork();
    });
  }

  /**
   * The message of a call, in `into` where that is given, which it has to fill. Throws RankError where the rank is gone or has ended
   * itself, and Error where it makes another call.
   */
  async receive(call: Call, into?: Uint8Array): Promise<Uint8Array> {
    const header = Buffer.alloc(HEADER_BYTES);
    await this.fill(header);
    const name = names[header.readUInt32LE(0)];
    const length = header.readDoubleLE(16);
    if (name === 'abort') throw await this.abortOf(length);
    const came: Call = { name, sequence: header.readUInt32LE(4), bytes: header.readDoubleLE(8) };
    if (nameOf(came) !== nameOf(call) || (into !== undefined && into.length !== length)) {
      const here = nameOf(call);
      throw new Error(
        `rank ${this.rank} came to ${nameOf(came)} where this rank came to ${here}: ranks have to make the same calls`,
      );
    }
    const message = into ?? new Uint8Array(length);
    const written = goesBothWays(name) ? this.memory?.message(length) : undefined;
    if (written === undefined) await this.fill(message);
    else message.set(written);
    return message;
  }

  /** Sends nothing more, and resolves when the other rank has closed too, or after so long. */
  end(atMostMs: number): Promise<void> {
    const { socket } = this;
    this.fault ??= new Error(`the connection to rank ${this.rank} is closed`);
    const { memory } = this;
    this.memory = undefined;
    memory?.close();
    socket.removeAllListeners('readable').resume();
    return new Promise((resolve) => {
      if (socket.closed) return resolve();
      const timer = setTimeout(() => socket.destroy(), atMostMs);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
  }

  private async fill(target: Uint8Array): Promise<void> {
    const { socket } = this;
    for (let filled = 0; filled < target.length; ) {
      const available = Math.min(socket.readableLength, target.length - filled);
      if (available === 0) {
        await this.more();
        continue;
      }
      const chunk = socket.read(available) as Buffer;
      target.set(chunk, filled);
      filled += chunk.length;
    }
    // Where the stream has ended behind this, it notices now.
    socket.read(0);
  }

  /** Resolves when there is something to read, and throws when there will not be. */
  private async more(): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.socket.read(0);
    });
    if (this.fault !== undefined && this.socket.readableLength === 0) throw this.fault;
  }

  private async abortOf(length: number): Promise<Error> {
    if (!(length <= ABORT_BYTES)) return new Error(`rank ${this.rank} sent a message that is none`);
    const text = new Uint8Array(length);
    await this.fill(text);
    const { rank, what } = abortSchema.parse(JSON.parse(Buffer.from(text).toString()));
    return new RankError(rank, what);
  }

  private woken(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
    // At the end of the stream it asks for the event of the end, which nobody else does between two calls.
    if (this.socket.readableLength === 0) this.socket.read(0);
  }

  private lost(what: string): void {
    this.fault ??= new RankError(this.rank, what);
    this.woken();
  }
}

/** Whether every rank sends to every other one in such a call, and receives. */
function goesBothWays(name: Call['name']): boolean {
  return name === 'exchange' || name === 'gather';
}

function nameOf({ name, sequence, bytes }: Call): string {
  return `call ${sequence}, ${name ?? 'one that there is not'}${bytes === 0 ? '' : ` of ${bytes} bytes`}`;
}
