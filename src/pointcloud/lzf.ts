import { InputError } from '../engine/input-error.ts';

/*
 * LZF, the compression of binary_compressed PCD files. A control byte c starts each run:
 *   c < 32   c + 1 literal bytes follow;
 *   c >= 32  a copy of (c >> 5) + 2 bytes (c >> 5 = 7 adds a further length byte), from
 *            ((c & 31) << 8 | next byte) + 1 bytes back in what was written so far.
 */
const longestLiteral = 32;
const longestCopy = 264;
const longestDistance = 8192;
const hashBits = 14;

/** The most bytes that one byte of LZF can stand for: three bytes give at most 264. */
export const lzfLargestRatio = longestCopy / 3;

/** LZF of the bytes; incompressible input grows by one byte in 32. */
export function compressLzf(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(input.length + Math.ceil(input.length / longestLiteral));
  const lastSeen = new Int32Array(1 << hashBits).fill(-1);
  let written = 0;
  let literalStart = 0;
  const flushLiterals = (end: number) => {
    while (literalStart < end) {
      const length = Math.min(longestLiteral, end - literalStart);
      output[written++] = length - 1;
      for (let i = 0; i < length; i++) output[written++] = input[literalStart++];
    }
  };
  let position = 0;
  while (position + 2 < input.length) {
    const three = (input[position] << 16) | (input[position + 1] << 8) | input[position + 2];
    const slot = Math.imul(three, 0x9e3779b1) >>> (32 - hashBits);
    const match = lastSeen[slot];
    lastSeen[slot] = position;
    const distance = position - match - 1;
    if (
      match < 0 ||
      distance >= longestDistance ||
      input[match] !== input[position] ||
      input[match + 1] !== input[position + 1] ||
      input[match + 2] !== input[position + 2]
    ) {
      position++;
      continue;
    }
    const limit = Math.min(longestCopy, input.length - position);
    let length = 3;
    while (length < limit && input[match + length] === input[position + length]) length++;
    flushLiterals(position);
    const code = length - 2;
    output[written++] = (Math.min(code, 7) << 5) | (distance >> 8);
    if (code >= 7) output[written++] = code - 7;
    output[written++] = distance & 255;
    position += length;
    literalStart = position;
  }
  flushLiterals(input.length);
  return output.slice(0, written);
}

/** The bytes that LZF stands for; InputError unless the input gives exactly `size` bytes. */
export function decompressLzf(
  input: Uint8Array,
  size: number,
  options: { readonly file?: string } = {},
): Uint8Array<ArrayBuffer> {
  const fault = (expected: string, found: string, at: number) =>
    new InputError({ file: options.file ?? 'LZF', place: `compressed byte ${at}`, expected, found });
  if (size > input.length * lzfLargestRatio)
    throw fault(`data for ${size} bytes`, `${input.length} bytes, too few for that`, 0);
  const output = new Uint8Array(size);
  let written = 0;
  let position = 0;
  while (position < input.length) {
    const start = position;
    const control = input[position++];
    if (control < longestLiteral) {
      const length = control + 1;
      if (position + length > input.length)
        throw fault(`${length} literal bytes`, `${input.length - position}`, start);
      if (written + length > size) throw fault(`${size} bytes in all`, 'more', start);
      for (let i = 0; i < length; i++) output[written++] = input[position++];
      continue;
    }
    const long = control >> 5 === 7;
    if (position + (long ? 2 : 1) > input.length)
      throw fault('the length and distance of a copy', 'the end of the data', start);
    const length = (control >> 5) + 2 + (long ? input[position++] : 0);
    let source = written - (((control & 31) << 8) | input[position++]) - 1;
    if (source < 0) throw fault(`a distance of at most ${written}`, `${written - source}`, start);
    if (written + length > size) throw fault(`${size} bytes in all`, 'more', start);
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < length; i++) output[written++] = output[source++];
  }
  if (written !== size) throw fault(`${size} bytes in all`, `${written}`, position);
  return output;
}
