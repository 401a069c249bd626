import { isTypedArray } from 'node:util/types';
import { expect } from 'vitest';

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray) =>
  Buffer.from(buffer, byteOffset, byteLength);

/**
 * Arrays of numbers of the same bytes are equal. Without this, `toEqual` and `toStrictEqual` make a key of text for each of a hundred
 * thousand numbers. What differs in its bytes is left to them: they say where.
 */
function equalArrays(a: unknown, b: unknown): true | undefined {
  if (!isTypedArray(a) || !isTypedArray(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
}

// This is run before each file, and testers stay as long as the process.
const added = globalThis as { equalArraysAdded?: true };
if (!added.equalArraysAdded) expect.addEqualityTesters([equalArrays]);
added.equalArraysAdded = true;
