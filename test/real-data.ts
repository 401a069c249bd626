import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

const root = fileURLToPath(new URL('../../shared/data/', import.meta.url));

/** The path of a real sequence that lies beside the checkout, or undefined where it is missing. */
export function realData(sub: string): string | undefined {
  const path = `${root}${sub}`;
  return existsSync(path) ? path : undefined;
}

/** A suite over real sequences; where they are missing it is skipped, and its name says so. */
export function describeWithRealData(name: string, sub: string, body: (path: string) => void): void {
  const path = realData(sub);
  if (path !== undefined) describe(name, () => body(path));
  // The body is left alone: what it reads to lay out its tests is not there either.
  else describe.skip(name, () => it(`needs ../shared/data/${sub}, which is not there`, () => {}));
}
