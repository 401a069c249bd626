import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import {
  METRICS,
  type MetricsHeader,
  type MetricsLine,
  parseMetricsLine,
} from '../../training/run/run-folder.ts';
import type { MetricsPoint, MetricsTail, Problem, RunInfo } from '../protocol.ts';
import { CONFIG, problemOf, readRunInfo } from './run-info.ts';

/** Bytes of metrics an answer is made of at most. */
const PIECE = 4 << 20;
/** Bytes before a place that it is known again by. The time that each step took is among them, which no two runs share. */
const KNOWN_BY = 1024;
/** Places that are remembered; who comes back to an older one begins anew. */
const REMEMBERED = 1000;
/** An offset is a byte of the file and, above it, which edition of the file it is of; in the first it is the byte alone. */
const EDITION = 2 ** 40;

/** What the file is until it is cut or replaced: lines are only added to it. */
interface Edition {
  readonly number: number;
  readonly inode: number;
  header: MetricsHeader | undefined;
  /** The place that was read furthest, and the digest of what is before it. */
  known: { readonly byte: number; readonly digest: string };
  /** Of the places that were handed out, the number of lines before each. */
  readonly lines: Map<number, number>;
}

/** A run's folder as it grows: what the run is, and its metrics from where a reader left off. */
export class RunTail {
  readonly folder: string;
  private readonly pieceBytes: number;
  private edition = newEdition(0, 0);

  constructor(folder: string, { pieceBytes = PIECE }: { readonly pieceBytes?: number } = {}) {
    this.folder = folder;
    this.pieceBytes = pieceBytes;
  }

  /** What is read of the run here, whether it is there or not. */
  get files(): readonly string[] {
    return [CONFIG, METRICS, 'checkpoints'].map((name) => join(this.folder, name));
  }

  /** The run as it stands now. */
  info(): Promise<RunInfo> {
    return readRunInfo(this.folder);
  }

  /**
   * The metrics after a byte that an earlier answer ended at, or from the beginning (0), some MiB at most: more may follow
   * at once. A line that is still being written waits for the next time; one that cannot be right ends the answer as its
   * `problem`. Where the file is not the one that the offset was given for, the answer begins anew and says so.
   */
  async metrics(offset: number): Promise<MetricsTail> {
    let file: FileHandle;
    try {
      file = await open(join(this.folder, METRICS), 'r');
    } catch (error) {
      const problem = (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : problemOf(error);
      return { offset: 0, restarted: offset > 0, chance: undefined, lines: [], problem };
    }
    try {
      return await this.read(file, offset);
    } catch (error) {
      if (!isOfTheFile(error)) throw error;
      return { offset, restarted: false, chance: undefined, lines: [], problem: problemOf(error) };
    } finally {
      await file.close();
    }
  }

  private async read(file: FileHandle, offset: number): Promise<MetricsTail> {
    const { ino, size } = await file.stat();
    const edition = await this.editionOf(file, ino);
    const number = Math.floor(offset / EDITION);
    const byte = offset - number * EDITION;
    const isOfThisEdition = number === edition.number || offset === 0;
    const linesBefore = isOfThisEdition ? edition.lines.get(byte) : undefined;
    if (linesBefore === undefined) return { ...(await this.read(file, 0)), restarted: true };

    const before = Math.min(byte, KNOWN_BY);
    const bytes = await readBytes(file, byte - before, Math.min(size - byte, this.pieceBytes) + before);
    const { lines, header, problem, count, end } = parseLines(bytes, {
      from: before,
      linesBefore,
      header: edition.header,
      isFull: bytes.length - before === this.pieceBytes,
    });
    const next = byte - before + end;
    remember(edition, next, count);
    edition.header = header;
    // The bytes at hand reach back as far from the end as they did from the beginning.
    if (next >= edition.known.byte) edition.known = { byte: next, digest: digestBefore(bytes, end) };
    return {
      offset: edition.number * EDITION + next,
      restarted: false,
      chance: header?.chance,
      lines: lines.map(pointOf),
      problem,
    };
  }

  /** The edition that the file is now: the one before where all that is known of it still stands. */
  private async editionOf(file: FileHandle, inode: number): Promise<Edition> {
    const { known, number } = this.edition;
    const before = Math.min(known.byte, KNOWN_BY);
    const bytes = await readBytes(file, known.byte - before, before);
    const isNew =
      known.byte > 0 && (this.edition.inode !== inode || known.digest !== digestBefore(bytes, before));
    if (isNew) this.edition = newEdition(number + 1, inode);
    else if (known.byte === 0) this.edition = newEdition(number, inode);
    return this.edition;
  }
}

function newEdition(number: number, inode: number): Edition {
  return { number, inode, header: undefined, known: { byte: 0, digest: '' }, lines: new Map([[0, 0]]) };
}

function remember({ lines }: Edition, byte: number, count: number): void {
  if (byte === 0) return;
  lines.delete(byte);
  lines.set(byte, count);
  for (const oldest of lines.keys()) {
    if (lines.size <= REMEMBERED) break;
    if (oldest > 0) lines.delete(oldest);
  }
}

interface Parsed {
  readonly lines: readonly MetricsLine[];
  readonly header: MetricsHeader | undefined;
  readonly problem: Problem | undefined;
  /** The number of lines of the file that end where these do. */
  readonly count: number;
  /** The byte after the last line that is whole and right. */
  readonly end: number;
}

function parseLines(
  bytes: Buffer,
  options: { from: number; linesBefore: number; header: MetricsHeader | undefined; isFull: boolean },
): Parsed {
  const lines: MetricsLine[] = [];
  let { from: end, linesBefore: count, header } = options;
  let problem: Problem | undefined;
  for (let next = bytes.indexOf(10, end); next >= 0; next = bytes.indexOf(10, end)) {
    try {
      const parsed = parseMetricsLine(bytes.toString('utf8', end, next), {
        file: METRICS,
        number: count + 1,
      });
      if ('header' in parsed) header = parsed.header;
      else lines.push(parsed.line);
    } catch (error) {
      problem = problemOf(error);
      break;
    }
    end = next + 1;
    count++;
  }
  if (options.isFull && end === options.from && problem === undefined) {
    const expected = 'the metrics of a step';
    const fault = { file: METRICS, place: `line ${count + 1}`, expected, found: 'no end of the line' };
    problem = problemOf(new InputError(fault));
  }
  return { lines, header, problem, count, end };
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

function digestBefore(bytes: Uint8Array, end: number): string {
  return createHash('sha256')
    .update(bytes.subarray(Math.max(0, end - KNOWN_BY), end))
    .digest('hex');
}

function pointOf({
  step,
  time,
  samplesPerSecond,
  loss,
  metric,
  learningRate,
  profile,
}: MetricsLine): MetricsPoint {
  const values: Record<string, number | null> = {};
  for (const [group, numbers] of Object.entries({ loss, metric, learningRate, profile })) {
    for (const [name, value] of Object.entries(numbers ?? {})) values[`${group}/${name}`] = value;
  }
  return { step, time, samplesPerSecond: samplesPerSecond ?? undefined, values };
}

/** Whether the file is at fault, and not this program. */
function isOfTheFile(error: unknown): boolean {
  return error instanceof InputError || (error as NodeJS.ErrnoException).code !== undefined;
}
