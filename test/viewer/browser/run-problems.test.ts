import { appendFile, cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain } from '../../../src/training/pretrain.ts';
import { tinyRun, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { describeInBrowser, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { isColoured } from './pixels.ts';

const refusal = /status of 422/;
let folder: string;
let data: string;
let run: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-run-problems-'));
  [data, run] = [join(folder, 'kitti'), join(folder, 'run')];
  await writeSyntheticKitti(data, 4);
  const config = tinyRun({ steps: 6, checkpoint: { everySteps: 3, keep: 3 } });
  await pretrain({ config, data: { root: data }, out: run, stream: { write: () => {} } });
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

/** A copy of the run, to be spoilt. */
async function copyOfRun(): Promise<string> {
  const copy = join(folder, `copy${serial++}`);
  await cp(run, copy, { recursive: true });
  return copy;
}

const state = (page: OpenPage) => page.page.locator('.run-state').innerText();
const steps = (page: OpenPage, step: number) =>
  until(async () => (await state(page)).includes(`Step ${step} of 6`), `step ${step}`);
const alert = (page: OpenPage) => page.page.locator('#run-pane [role="alert"]:visible');

describeInBrowser('what cannot be shown of a run', (browser) => {
  it('is a line that is still being written, which is taken up when it is whole', async () => {
    const path = await copyOfRun();
    const file = join(path, 'metrics.jsonl');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const [head, last] = [lines.slice(0, -1).join('\n'), lines.at(-1)!];
    await writeFile(file, `${head}\n${last.slice(0, 40)}`);
    const page = await browser.open(await browser.serve({ path }), { tab: 'run' });
    await steps(page, 5);
    expect(await alert(page).count()).toBe(0);
    await appendFile(file, `${last.slice(40)}\n`);
    await steps(page, 6);
    await until(async () => (await state(page)).includes('Finished'), 'the end');
  });

  it('is told of a line that cannot be right, and what came before it is shown', async () => {
    const path = await copyOfRun();
    const file = join(path, 'metrics.jsonl');
    const lines = (await readFile(file, 'utf8')).split('\n');
    lines[4] = lines[4].replace('"step"', '"stp"');
    await writeFile(file, lines.join('\n'));
    const page = await browser.open(await browser.serve({ path }), { tab: 'run' });
    await alert(page).waitFor();
    expect(await alert(page).innerText()).toMatch(/metrics\.jsonl: line 5/);
    await steps(page, 3);
    expect(await page.page.locator('.run-chart').count()).toBeGreaterThan(3);
  });

  it('is told of a run that has only begun, which goes on from there', async () => {
    const path = await copyOfRun();
    await rename(join(path, 'metrics.jsonl'), join(path, 'later'));
    await rename(join(path, 'checkpoints'), join(path, 'checkpoints-later'));
    const page = await browser.open(await browser.serve({ path }), { tab: 'run' });
    await until(async () => (await state(page)).includes('No step done yet'), 'that nothing is done');
    expect(await page.page.locator('.run-message').innerText()).toMatch(/begin with the first step/);
    expect(await page.page.locator('.run-checkpoints').innerText()).toMatch(/None written yet/);
    await rename(join(path, 'later'), join(path, 'metrics.jsonl'));
    await rename(join(path, 'checkpoints-later'), join(path, 'checkpoints'));
    await steps(page, 6);
    await until(
      async () => (await page.page.locator('.run-checkpoints button').count()) === 2,
      'checkpoints',
    );
  });

  it('is told of a damaged checkpoint where it is asked for, while an older one is shown', async () => {
    const path = await copyOfRun();
    await truncate(join(path, 'checkpoints/00000006/state.safetensors'), 1000);
    const page = await browser.open(
      await browser.serve({ path }),
      { tab: 'features' },
      { expected: [refusal] },
    );
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/00000006\/state\.safetensors/);
    await page.select('model', '3');
    await page.fact('Model', 'Step 3');
    expect(await problem.count()).toBe(0);
    await until(async () => (await page.stage()).count(isColoured) > 200, 'colours');
    await page.select('model', 'latest');
    await problem.waitFor();
    await page.tab('Matches');
    await until(async () => /state\.safetensors/.test((await problem.allTextContents()).join()), 'the same');
    await page.tab('Scene');
    await page.shown(0);
    expect(await problem.count()).toBe(0);
    await page.tab('Run');
    await steps(page, 6);
  });

  it('is told of a checkpoint that is not there any more', async () => {
    const page = await browser.open(
      await browser.serve({ path: run }),
      { tab: 'features', model: 99 },
      { expected: [refusal] },
    );
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/99/);
    expect(await problem.textContent()).toMatch(/3.*6/);
  });

  it('is told of data that is gone, while curves are shown; --data says where it is', async () => {
    const moved = join(folder, 'moved');
    const path = await copyOfRun();
    const config = join(path, 'config.json');
    await writeFile(
      config,
      (await readFile(config, 'utf8')).replace(JSON.stringify(data), '"/nowhere/kitti"'),
    );
    const page = await browser.open(await browser.serve({ path }));
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/config\.json: data\.root.*\/nowhere\/kitti.*--data/);
    await page.tab('Run');
    await steps(page, 6);
    await cp(data, moved, { recursive: true });
    const there = await browser.open(await browser.serve({ path, data: moved }));
    await there.shown(0);
    expect((await there.stage()).count(isColoured)).toBeGreaterThan(200);
  });

  it('is told of a configuration that cannot be read, while curves are shown', async () => {
    const path = await copyOfRun();
    await writeFile(join(path, 'config.json'), '{ "objective": "simipu", ');
    const page = await browser.open(await browser.serve({ path, data }), { tab: 'run' });
    await alert(page).waitFor();
    expect(await alert(page).innerText()).toMatch(/config\.json: expected the configuration of a run/);
    await until(async () => (await page.page.locator('.run-chart').count()) > 3, 'the charts');
    await page.tab('Scene');
    await page.shown(0);
  });

  it('is told in the run as well when the viewer was ended', async () => {
    const served = await serve({ path: run });
    const page = await browser.open(
      served.address,
      { tab: 'run' },
      {
        expected: [
          ...[/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/],
          // The points of the frame, if they were still on their way.
          /ERR_INCOMPLETE_CHUNKED_ENCODING/,
        ],
      },
    );
    await steps(page, 6);
    await served.close();
    await alert(page).waitFor();
    expect(await alert(page).innerText()).toMatch(/viewer does not answer/);
    expect(await page.page.locator('.run-chart').count()).toBeGreaterThan(3);
  });
});
