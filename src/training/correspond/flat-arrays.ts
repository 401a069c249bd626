/** Numbers one after the other. */
export function joinInts(parts: readonly Int32Array[]): Int32Array {
  const result = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** The same numbers in memory that threads share, so that none has a copy. */
export function sharedNumbers<Numbers extends Int32Array | Float32Array>(numbers: Numbers): Numbers {
  const memory = new SharedArrayBuffer(numbers.byteLength);
  const copy = numbers instanceof Int32Array ? new Int32Array(memory) : new Float32Array(memory);
  copy.set(numbers);
  return copy as Numbers;
}
