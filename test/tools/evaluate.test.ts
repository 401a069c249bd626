import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resultFolderOf } from '../../tools/evaluate.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-'));
});
afterAll(() => rm(folder, { recursive: true }));

it("takes the results in a detector's run, and says what makes them where it has none", async () => {
  const run = join(folder, "it's a run");
  await mkdir(run);
  expect(await resultFolderOf(run)).toBe(run);
  await writeFile(join(run, 'config.json'), '{}');
  const quoted = `'${folder}/it'\\''s a run`;
  await expect(resultFolderOf(run)).rejects.toThrow(
    `found a run without any: pointpair detect ${quoted}' --out ${quoted}/detections' makes them`,
  );
  await mkdir(join(run, 'detections'));
  expect(await resultFolderOf(run)).toBe(join(run, 'detections'));
  await writeFile(join(run, '000000.txt'), '');
  expect(await resultFolderOf(run)).toBe(run);
});
