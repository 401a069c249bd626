import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Measured {
  readonly filled: number;
  readonly kept: number;
  readonly lengths: readonly number[];
}

function measured(environment: Readonly<Record<string, string>>): Measured {
  const child = fileURLToPath(new URL('./keep-memory-child.ts', import.meta.url));
  const env = { ...process.env, ...environment };
  return JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', child], { env, encoding: 'utf8' }));
}

const header = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
const glibc = header.header?.glibcVersionRuntime;

describe.skipIf(glibc === undefined)('memory that a step frees (skipped without glibc)', () => {
  it('stays with the process, for the next step', () => {
    const { filled, kept, lengths } = measured({});
    expect(new Set(lengths)).toEqual(new Set([0]));
    expect(filled).toBeGreaterThan(250);
    expect(kept).toBeGreaterThan(200);
  });

  it('goes back to the system where the environment says how much may stay', () => {
    const { filled, kept } = measured({ MALLOC_TRIM_THRESHOLD_: '131072' });
    expect(filled).toBeGreaterThan(250);
    expect(kept).toBeLessThan(50);
  });
});
