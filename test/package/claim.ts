/**
 * Throws unless a value is what an example says of it: JSON, numbers to the digits that it shows. Typed arrays count as lists.
 */
export function claim(value: unknown, claimed: string): void {
  const decimals = [...claimed.matchAll(/\.(\d+)/g)].map(([, digits]) => digits.length);
  const tolerance = decimals.length === 0 ? 0 : 0.5 * 10 ** -Math.max(...decimals) + 1e-9;
  let expected: unknown;
  try {
    expected = JSON.parse(claimed);
  } catch {
    throw new Error(`a comment behind a statement says its value, in JSON: ${claimed}`);
  }
  if (agrees(plain(value), expected, tolerance)) return;
  throw new Error(`the example says ${claimed}, and it is ${JSON.stringify(plain(value))}`);
}

function plain(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
}

function agrees(value: unknown, expected: unknown, tolerance: number): boolean {
  if (typeof value === 'number' && typeof expected === 'number')
    return Math.abs(value - expected) <= tolerance;
  if (typeof value !== 'object' || typeof expected !== 'object' || value === null || expected === null)
    return value === expected;
  const keys = Object.keys(expected);
  const entries = value as { readonly [key: string]: unknown };
  const claims = expected as { readonly [key: string]: unknown };
  return (
    Array.isArray(value) === Array.isArray(expected) &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => agrees(plain(entries[key]), claims[key], tolerance))
  );
}
