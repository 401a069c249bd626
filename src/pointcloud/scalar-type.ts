/** The array class and the element size of every scalar that a point field can hold. */
const layouts = {
  float32: { create: (length: number) => new Float32Array(length), bytes: 4 },
  float64: { create: (length: number) => new Float64Array(length), bytes: 8 },
  int8: { create: (length: number) => new Int8Array(length), bytes: 1 },
  uint8: { create: (length: number) => new Uint8Array(length), bytes: 1 },
  int16: { create: (length: number) => new Int16Array(length), bytes: 2 },
  uint16: { create: (length: number) => new Uint16Array(length), bytes: 2 },
  int32: { create: (length: number) => new Int32Array(length), bytes: 4 },
  uint32: { create: (length: number) => new Uint32Array(length), bytes: 4 },
  int64: { create: (length: number) => new BigInt64Array(length), bytes: 8 },
  uint64: { create: (length: number) => new BigUint64Array(length), bytes: 8 },
} as const;

/** What one element of a point field is. */
export type ScalarType = keyof typeof layouts;

/** The elements of a point field; 64-bit integers are bigints, so that nothing is rounded. */
export type ScalarArray = ReturnType<(typeof layouts)[ScalarType]['create']>;

/** An array of zeros that holds the given scalars. */
export function createScalars(type: ScalarType, length: number): ScalarArray {
  return layouts[type].create(length);
}

/** The size of one scalar in bytes. */
export function scalarBytes(type: ScalarType): number {
  return layouts[type].bytes;
}

/** The memory of an array as bytes, without a copy. */
export function bytesOf(data: ScalarArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const integer = /^[+-]?\d{1,40}$/;
// Microsoft's C library wrote 1.#QNAN, -1.#IND and 1.#INF, with digits and an exponent behind them as the format asked.
const notANumber = /^[+-]?(?:nan(?:\(\w*\))?|1\.#(?:[QS]NAN|IND)\d*(?:e[+-]?\d+)?)$/i;
const infinity = /^([+-]?)(?:inf(?:inity)?|1\.#INF\d*(?:e[+-]?\d+)?)$/i;

/** Parses a scalar into `data[index]`; false where the text is no number or the array cannot hold it (no wrapping, no infinity out of a finite text). */
export function storeText(data: ScalarArray, index: number, text: string): boolean {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    if (!integer.test(text)) return false;
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
    data[index] = value;
    return data[index] === value;
  }
  if (decimal.test(text)) {
    const value = Number(text);
    data[index] = value;
    if (data instanceof Float32Array || data instanceof Float64Array) return Number.isFinite(data[index]);
    return data[index] === value;
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return false;
  const infinite = infinity.exec(text);
  if (infinite !== null) data[index] = infinite[1] === '-' ? -Infinity : Infinity;
  else if (notANumber.test(text)) data[index] = Number.NaN;
  else return false;
  return true;
}

/** Text and the float32 that it stands for differ by no more than this; coordinates for which they differ by more need float64. */
export const textTolerance = 1e-4;

/** The shortest usual text of `data[index]` that `storeText` reads back to the same value; of a float32 it is within `textTolerance`. */
export function scalarText(data: ScalarArray, index: number): string {
  const value = data[index];
  if (typeof value === 'bigint') return String(value);
  if (Number.isNaN(value)) return 'nan';
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  if (Object.is(value, -0)) return '-0';
  if (!(data instanceof Float32Array) || Number.isInteger(value)) return String(value);
  // Nine significant digits tell any two float32 apart, and twelve are within the tolerance of those that are not whole.
  for (let digits = 6; digits < 12; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value && Math.abs(rounded - value) <= textTolerance) return String(rounded);
  }
  return String(Number(value.toPrecision(12)));
}
