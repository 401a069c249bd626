import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whatIsNext as afterDetect, command as detect } from '../../tools/detect.ts';
import { command as evaluate } from '../../tools/evaluate.ts';
import { command as exporting } from '../../tools/export.ts';
import { whatIsNext as afterFinetune } from '../../tools/finetune.ts';
import { command as inspect } from '../../tools/inspect.ts';
import { whatIsNext as afterPretrain } from '../../tools/pretrain.ts';
import { command as report } from '../../tools/report.ts';
import { command as view } from '../../tools/view.ts';
import { writeSyntheticKitti } from '../objectives/tiny-simipu.ts';

let folder = '';
let data = '';
const run = "-a run; it's $HOME";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "next it's "));
  data = join(folder, 'data');
  const ids = await writeSyntheticKitti(data, 3);
  await rm(join(data, 'ImageSets'), { recursive: true });
  await mkdir(join(data, 'training', 'label_2'));
  for (const id of ids)
    await writeFile(
      join(data, 'training', 'label_2', `${id}.txt`),
      'Car 0.00 0 0.10 1.00 2.00 3.00 4.00 1.50 1.60 4.00 0.00 1.00 10.00 0.00\n',
    );
});
afterAll(() => rm(folder, { recursive: true }));

/** What a shell and the command make of a line: the command, its arguments and its options. */
async function understood(line: string) {
  const [name, ...words] = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`])
    .toString()
    .split('\0')
    .slice(0, -1);
  expect(name).toBe('pointpair');
  let seen: unknown;
  const program = new Command('pointpair');
  for (const each of [detect(), evaluate(), exporting(), inspect(), report(), view()]) {
    program.addCommand(each.exitOverride());
    each.action(() => {
      seen = [each.name(), ...each.args, each.opts()];
    });
  }
  await program.exitOverride().parseAsync(words, { from: 'user' });
  return seen;
}

it('after pretraining all take the run', async () => {
  const lines = await Promise.all(afterPretrain(run).map(understood));
  const taken = `./${run}`;
  expect(lines).toMatchObject([
    ['view', taken, {}],
    ['report', taken, {}],
    ['inspect', taken, {}],
    ['export', taken, { to: 'out/' }],
  ]);
});

it('after training a detector name val where there is one, with frames that can be looked at', async () => {
  const out = `./${run}/detections`;
  const plain = { out: run, root: data, withPictures: true };
  const [found, ...others] = await Promise.all((await afterFinetune(plain)).map(understood));
  expect(found).toMatchObject(['detect', `./${run}`, { data, out }]);
  expect(found).not.toHaveProperty('2.imageSet');
  expect(others).toMatchObject([
    ['view', `./${run}`, {}],
    ['report', `./${run}`, {}],
  ]);
  const listed = join(folder, 'listed');
  await cp(data, listed, { recursive: true });
  await mkdir(join(listed, 'ImageSets'));
  await writeFile(join(listed, 'ImageSets', 'val.txt'), '000001\n');
  const [asked] = await afterFinetune({ ...plain, root: listed });
  expect(await understood(asked)).toMatchObject([
    'detect',
    `./${run}`,
    { data: listed, out, imageSet: 'val' },
  ]);
  await rm(join(listed, 'training', 'image_2', '000001.png'));
  expect((await afterFinetune({ ...plain, root: listed }))[0]).not.toContain('--image-set');
  expect((await afterFinetune({ ...plain, root: listed, withPictures: false }))[0]).toContain('--image-set');
});

it('after detecting evaluate where there are labels, counting frames without results where there are some', async () => {
  const out = join(folder, 'results');
  await mkdir(out);
  for (const id of ['000000', '000001']) await writeFile(join(out, `${id}.txt`), '');
  const lines = await Promise.all((await afterDetect({ root: data, out })).map(understood));
  expect(lines).toMatchObject([
    ['evaluate', { labels: data, detections: out, missing: 'empty' }],
    ['view', data, { detections: out }],
  ]);
  await writeFile(join(out, '000002.txt'), '');
  expect(await understood((await afterDetect({ root: data, out }))[0])).toMatchObject([
    'evaluate',
    { missing: 'error' },
  ]);
  await rm(join(data, 'training', 'label_2'), { recursive: true });
  expect(await afterDetect({ root: data, out })).toHaveLength(1);
  expect(await afterDetect({ root: data, out, split: 'testing' })).toEqual([]);
});
