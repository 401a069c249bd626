import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import { referenceToMade } from './memory-sequences.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'killed-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('a killed preparation goes on to the same bytes', async () => {
  const made = { seed: 9, lengths: [6, 6] };
  const options = {
    described: { path: '/data/memory', options: {} },
    momentsPerShard: 2,
    out: join(root, 'killed'),
  };
  const slow = { ...options, source: referenceToMade({ ...made, delayMs: 60 }), workers: 2 };
  const child = spawn(process.execPath, [
    ...['--import', 'tsx', fileURLToPath(new URL('./prepare-child.ts', import.meta.url))],
    JSON.stringify(slow),
  ]);
  const ended = once(child, 'exit');
  // Two workers: the second shard may be done before the first.
  const done = () => readdirSync(options.out).filter((name) => name.endsWith('.tar.json')).length;
  while ((!existsSync(options.out) || done() < 2) && child.exitCode === null) await wait(10);
  await wait(70);
  child.kill('SIGKILL');
  expect((await ended)[1]).toBe('SIGKILL');
  // It was in the middle of other shards.
  expect(readdirSync(options.out).filter((name) => name.endsWith('.tmp')).length).toBeGreaterThan(0);

  const source = referenceToMade(made);
  const report = await prepareSequences({ ...options, source, workers: 0 });
  expect(report.kept).toBeGreaterThanOrEqual(4);
  expect(report.kept).toBeLessThan(12);
  const whole = join(root, 'whole');
  await prepareSequences({ ...options, source, out: whole, workers: 0 });
  const files = (folder: string) =>
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]);
  expect(files(options.out)).toEqual(files(whole));
}, 60_000);
