import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import { frameTfRecord } from '../../engine/tfrecord-framing.ts';

/** Where and for whom an event file is written. */
export interface EventWriterOptions {
  /** The first step of this file when a run goes on: TensorBoard forgets what older files say from it on. */
  readonly resumeStep?: number;
  readonly host?: string;
  /** The time in seconds since 1970. */
  readonly now?: () => number;
}

/**
 * Writes scalars as a TensorBoard event file, `events.out.tfevents.<seconds>.<host>`, into a folder that exists.
 * Events gather in memory until `flush`.
 */
export class EventWriter {
  readonly file: string;
  private readonly now: () => number;
  private readonly descriptor: number;
  private pending: Uint8Array[] = [];

  constructor(folder: string, { resumeStep, host = hostname(), now = secondsNow }: EventWriterOptions = {}) {
    this.now = now;
    const name = `events.out.tfevents.${String(Math.floor(now())).padStart(10, '0')}.${host}`;
    ({ file: this.file, descriptor: this.descriptor } = openNew(join(folder, name)));
    this.event((event) => event.uint32(26).string('brain.Event:2'));
    if (resumeStep !== undefined) {
      // SessionLog { status = START }
      this.event((event) => event.uint32(16).int64(resumeStep).uint32(58).fork().uint32(8).int32(1).ldelim());
    }
    this.flush();
  }

  /** Adds the values of one step by tag; `wallTime` in seconds since 1970. */
  scalar(step: number, values: Readonly<Record<string, number>>, wallTime = this.now()): void {
    this.event((event) => {
      event.uint32(16).int64(step).uint32(42).fork();
      for (const [tag, value] of Object.entries(values)) {
        event.uint32(10).fork().uint32(10).string(tag).uint32(21).float(value).ldelim();
      }
      return event.ldelim();
    }, wallTime);
  }

  /** Hands all events so far to the operating system, where they outlive this process. */
  flush(): void {
    const bytes = Buffer.concat(this.pending);
    this.pending = [];
    for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
  }

  /** Flushes to the disk and ends the file. */
  close(): void {
    this.flush();
    fdatasyncSync(this.descriptor);
    closeSync(this.descriptor);
  }

  /** The numbers are protobuf tags, field << 3 | wire type: 9 wall_time, 16 step, 26 file_version, 42 summary, 58 session_log. */
  private event(write: (event: protobuf.Writer) => protobuf.Writer, wallTime = this.now()): void {
    const event = protobuf.Writer.create().uint32(9).double(wallTime);
    this.pending.push(frameTfRecord(write(event).finish()));
  }
}

function secondsNow(): number {
  return Date.now() / 1000;
}

/** A run that goes on within the same second must not write into the file that stands there. */
function openNew(path: string): { file: string; descriptor: number } {
  for (let copy = 0; ; copy++) {
    const file = copy === 0 ? path : `${path}.${copy}`;
    try {
      return { file, descriptor: openSync(file, 'wx') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
