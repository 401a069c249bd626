/**
 * The points of a sweep as a page gets them: every column quantised to whole codes, the points in passes of which each is
 * spread over the whole sweep, so that the first one is a picture already.
 *
 * A stream is the header (magic and length as uint32, JSON, padded to 4 bytes), then the passes. A pass holds the columns
 * one after the other; a column holds the differences of neighbouring codes, zigzag and modulo 2^(8·bytes), as planes: the
 * lowest bytes of all points, then the next ones. Neighbours in a sweep are neighbours in space, so that most upper planes
 * are zeros and compress to nothing.
 */

import { coderOf, columnHeader, float32Bits, isNumber } from './column-header.ts';

/** A column of numbers, one for each point; NaN where a point has none, and what float32 cannot hold is taken for that. */
export interface Column {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/**
 * How a column's codes become numbers: min + code · step. Where a few numbers are so far from the others that steps over
 * the whole range would be too coarse for those, `step` is 0 and the codes are the bits of the float32 from the origin. The
 * highest code is NaN.
 */
export interface ColumnHeader {
  readonly name: string;
  /** What is subtracted from numbers that are large for their steps, such as places of a map and times of day, which float32 alone would round; 0 otherwise. */
  readonly origin: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly bytes: 1 | 2 | 3 | 4;
}

/** What comes before the points. */
export interface StreamHeader {
  readonly count: number;
  /** x, y, z come first. */
  readonly columns: readonly ColumnHeader[];
  /** Pass p holds the points firsts[p], firsts[p] + stride, … */
  readonly stride: number;
  readonly firsts: readonly number[];
  /** What one should know of how the points were read, a sentence each. */
  readonly notes?: readonly string[];
}

/** A decoded pass. */
export interface Pass {
  /** The points' numbers in the file. */
  readonly indices: Int32Array;
  /** Rows of x, y, z from the columns' origins; NaN for points without a place. */
  readonly positions: Float32Array;
  /** The columns after z by name, from their origins. */
  readonly fields: { readonly [name: string]: Float32Array };
}

const magic = 0x31535050;
/** Points of a pass, about. */
const passPoints = 65536;
const align = (bytes: number) => (bytes + 3) & ~3;

/** Encodes columns, of which the first three are x, y and z in metres; gives the stream in pieces: the header, then one for each pass as it is made. */
export function* encodePoints(
  columns: readonly Column[],
  count: number,
  { notes }: { readonly notes?: readonly string[] } = {},
): Generator<Uint8Array<ArrayBuffer>> {
  const headers = columns.map((column, c) => columnHeader(column, count, c < 3));
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(count / passPoints)));
  const firsts = bitReversed(stride).filter((first) => first < count);
  const header: StreamHeader = { count, columns: headers, stride, firsts, notes };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(align(8 + text.length));
  const words = new DataView(head.buffer);
  words.setUint32(0, magic, true);
  words.setUint32(4, text.length, true);
  head.set(text, 8);
  yield head;
  // Steps over a whole large column leave the processor's cache with each: after the first passes, points of a pass lie side by side.
  const gathered: Array<ArrayLike<number> | undefined> = [];
  for (const [pass, first] of firsts.entries()) {
    const points = Math.ceil((count - first) / stride);
    const bytes = new Uint8Array(points * headers.reduce((sum, each) => sum + each.bytes, 0));
    let at = 0;
    columns.forEach(({ values }, c) => {
      const beside = gathered[c];
      const rows =
        beside === undefined
          ? { values, first, stride, points }
          : { values: beside, first: beginOf(first, count, stride), stride: 1, points };
      writePlanes(bytes.subarray(at), headers[c], rows);
      at += points * headers[c].bytes;
    });
    yield bytes;
    if (stride >= leastGathered && pass < columns.length)
      gathered[pass] = gather(columns[pass].values, count, stride);
  }
}

/** Fewer passes than these are read as they lie. */
const leastGathered = 16;

/** Where the points of the pass that begins with `first` begin in a gathered column. */
function beginOf(first: number, count: number, stride: number): number {
  return first * Math.floor(count / stride) + Math.min(first, count % stride);
}

/** A column with the points of each pass side by side, in the order of the passes' first points. */
function gather(values: ArrayLike<number>, count: number, stride: number): ArrayLike<number> {
  const into = values instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);
  const next = Float64Array.from({ length: stride }, (_, first) => beginOf(first, count, stride));
  for (let from = 0; from < count; from += stride) {
    const end = Math.min(stride, count - from);
    for (let k = 0; k < end; k++) into[next[k]++] = values[from + k];
  }
  return into;
}

/** Takes a stream as it arrives, in pieces of any size. Throws an Error for bytes that are no such stream. */
export class PointDecoder {
  header: StreamHeader | undefined;
  private waiting = new Uint8Array(0);
  private next = 0;

  /** The passes that these bytes complete. */
  push(piece: Uint8Array): Pass[] {
    const bytes = new Uint8Array(this.waiting.length + piece.length);
    bytes.set(this.waiting);
    bytes.set(piece, this.waiting.length);
    let at = 0;
    if (this.header === undefined) {
      if (bytes.length < 8) return this.keep(bytes);
      const words = new DataView(bytes.buffer);
      if (words.getUint32(0, true) !== magic) throw new Error('these bytes are no stream of points');
      const length = words.getUint32(4, true);
      at = align(8 + length);
      if (bytes.length < at) return this.keep(bytes);
      this.header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as StreamHeader;
    }
    const passes: Pass[] = [];
    const { header } = this;
    const rowBytes = header.columns.reduce((sum, column) => sum + column.bytes, 0);
    while (this.next < header.firsts.length) {
      const first = header.firsts[this.next];
      const points = Math.ceil((header.count - first) / header.stride);
      if (bytes.length - at < points * rowBytes) break;
      passes.push(decodePass(bytes.subarray(at, at + points * rowBytes), header, first, points));
      at += points * rowBytes;
      this.next++;
    }
    this.keep(bytes.subarray(at));
    return passes;
  }

  /** Throws an Error unless all points have come. */
  finish(): StreamHeader {
    if (this.header === undefined || this.next < this.header.firsts.length) {
      throw new Error('the stream of points ended too early');
    }
    return this.header;
  }

  private keep(bytes: Uint8Array): Pass[] {
    this.waiting = new Uint8Array(bytes);
    return [];
  }
}

interface Rows {
  readonly values: ArrayLike<number>;
  readonly first: number;
  readonly stride: number;
  readonly points: number;
}

function writePlanes(bytes: Uint8Array, header: ColumnHeader, { values, first, stride, points }: Rows): void {
  const codeOf = coderOf(header);
  const { min, step } = header;
  const missing = 2 ** (8 * header.bytes) - 1;
  const half = 2 ** (8 * header.bytes - 1);
  const modulus = missing + 1;
  const planes = header.bytes;
  let before = 0;
  for (let k = 0, i = first; k < points; k++, i += stride) {
    const value = values[i];
    // Most columns have steps, and a call for each number would cost more than the rest.
    const code = !isNumber(value)
      ? missing
      : step > 0
        ? Math.min(missing - 1, Math.round((value - min) / step))
        : codeOf(value);
    // The difference, in -half … half-1, as 0, -1, 1, -2, 2, …
    let delta = code - before;
    if (delta >= half) delta -= modulus;
    else if (delta < -half) delta += modulus;
    const zigzag = delta >= 0 ? 2 * delta : -2 * delta - 1;
    // Operations on bits take the lowest 32 of them, and no number here has more.
    bytes[k] = zigzag & 255;
    for (let plane = 1, shift = 8; plane < planes; plane++, shift += 8)
      bytes[plane * points + k] = (zigzag >>> shift) & 255;
    before = code;
  }
}

function decodePass(bytes: Uint8Array, header: StreamHeader, first: number, points: number): Pass {
  const indices = new Int32Array(points);
  for (let k = 0; k < points; k++) indices[k] = first + k * header.stride;
  const positions = new Float32Array(3 * points);
  // Without a prototype: a file may call a field `__proto__`.
  const fields: { [name: string]: Float32Array } = Object.create(null);
  let at = 0;
  header.columns.forEach((column, c) => {
    const planes = bytes.subarray(at, at + points * column.bytes);
    if (c < 3) readPlanes(planes, column, { into: positions, offset: c, step: 3 });
    else {
      fields[column.name] = new Float32Array(points);
      readPlanes(planes, column, { into: fields[column.name], offset: 0, step: 1 });
    }
    at += planes.length;
  });
  return { indices, positions, fields };
}

function readPlanes(
  planes: Uint8Array,
  { min, step, bytes, origin }: ColumnHeader,
  target: { readonly into: Float32Array; readonly offset: number; readonly step: number },
): void {
  const points = planes.length / bytes;
  const modulus = 2 ** (8 * bytes);
  const missing = modulus - 1;
  const least = min - origin;
  const { number, bits } = float32Bits();
  let code = 0;
  for (let k = 0, at = target.offset; k < points; k++, at += target.step) {
    let zigzag = planes[k];
    for (let plane = 1, shift = 8; plane < bytes; plane++, shift += 8)
      zigzag |= planes[plane * points + k] << shift;
    code += (zigzag >>> 1) ^ -(zigzag & 1);
    if (code < 0) code += modulus;
    else if (code >= modulus) code -= modulus;
    bits[0] = code;
    target.into[at] = code === missing ? Number.NaN : step > 0 ? least + code * step : number[0];
  }
}

/** 0 … count-1 (a power of two) in the order in which each new one halves a gap. */
function bitReversed(count: number): number[] {
  let order = [0];
  while (order.length < count) order = [...order.map((i) => 2 * i), ...order.map((i) => 2 * i + 1)];
  return order;
}
