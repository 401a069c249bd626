import { z } from 'zod';

/**
 * A value as JSON in one line, from which every float64 is read back to the same bits, NaN's payload aside: -0 is written as
 * `-0`, NaN and the infinities as strings, typed arrays as arrays. What is undefined is left out. Throws TypeError for what JSON has no form for.
 */
export function exactJson(value: unknown): string {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return `"${value}"`;
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) return exactJson(Array.from(value as Float64Array));
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`JSON has no form for a ${typeof value}`);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${exactJson(each)}`).join(',')}}`;
}

/** A number as `exactJson` writes it. */
export const exactNumber: z.ZodType<number> = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
]);

/** A row-major matrix of so many numbers as `exactJson` writes it. */
export function exactMatrix(length: number): z.ZodType<Float64Array> {
  return z
    .array(exactNumber)
    .length(length)
    .transform((values): Float64Array => Float64Array.from(values));
}
