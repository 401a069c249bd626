import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createSharedMemory, openSharedMemory, type SharedMemory } from './shared-memory.ts';

/** Shorter messages are as fast through the system. */
const SHORTEST = 1 << 16;
/** The longest message: a piece of a sum, shared out between two ranks. */
const LONGEST = 1 << 23;
/** Behind two messages. */
const MARK_AT = 2 * LONGEST;
const MARK_BYTES = 16;

/** What one rank says to another one of the memory that it writes to; null where it has none. */
export const offerSchema = z
  .strictObject({ process: z.int().min(1), descriptor: z.int().min(0), mark: z.string() })
  .nullable();

/**
 * Memory by which long messages go between two ranks of one host, while the connection says that they are there. Each writes
 * to its own and reads the other's, two messages in turn: both ranks send one in a call and receive the other's before they
 * make the next call, so a message has been read when the call after the next one begins.
 */
export class LinkMemory {
  private readonly own: SharedMemory;
  private other: SharedMemory | undefined;
  private written = 0;
  private read = 0;

  private constructor(own: SharedMemory) {
    this.own = own;
  }

  /** Undefined where the system has none to share. */
  static create(): LinkMemory | undefined {
    const own = createSharedMemory(MARK_AT + MARK_BYTES);
    if (own === undefined) return undefined;
    own.bytes.set(randomBytes(MARK_BYTES), MARK_AT);
    return new LinkMemory(own);
  }

  get offer(): z.infer<typeof offerSchema> {
    return { ...this.own.place, mark: markOf(this.own) };
  }

  /** Opens what the other rank offers; whether that is its memory. */
  accept(offer: z.infer<typeof offerSchema>): boolean {
    const other = offer === null ? undefined : openSharedMemory(offer, MARK_AT + MARK_BYTES);
    if (other === undefined) return false;
    this.other = other;
    return markOf(other) === offer!.mark;
  }

  /** Takes a call's message, if it is one that goes this way. Every call is to come here, whatever its message. */
  write(message: Uint8Array): boolean {
    const at = (this.written++ % 2) * LONGEST;
    if (message.length < SHORTEST || message.length > LONGEST) return false;
    this.own.bytes.set(message, at);
    return true;
  }

  /** The other rank's message of so many bytes in this call, until the call after the next one; undefined if it goes the other way. */
  message(length: number): Uint8Array | undefined {
    const at = (this.read++ % 2) * LONGEST;
    if (length < SHORTEST || length > LONGEST) return undefined;
    return this.other!.bytes.subarray(at, at + length);
  }

  close(): void {
    this.own.close();
    this.other?.close();
  }
}

function markOf({ bytes }: SharedMemory): string {
  return Buffer.from(bytes.subarray(MARK_AT)).toString('hex');
}
