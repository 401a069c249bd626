import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PretrainOptions, pretrain } from '../../../src/training/pretrain.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import { tinyRun, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { describeInBrowser } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { isColoured, Pixels } from './pixels.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-live-'));
  data = join(folder, 'kitti');
  await writeSyntheticKitti(data, 5);
});
afterAll(() => rm(folder, { recursive: true }));

/** Goes on with a run, or begins it, until a step or its end. */
async function train(out: string, { upTo, resume }: { upTo?: number; resume?: boolean }): Promise<void> {
  const controller = new AbortController();
  const options: PretrainOptions = {
    config: tinyRun({ steps: 14, checkpoint: { everySteps: 4, keep: 3 } }),
    data: { root: data },
    out,
    resume,
    signal: controller.signal,
    stream: {
      write: (text: string) => {
        if (upTo !== undefined && text.startsWith(`step ${upTo}/`)) controller.abort();
      },
    },
  };
  await pretrain(options);
}

const state = (page: OpenPage) => page.page.locator('.run-state').innerText();
const chart = (page: OpenPage, name: string) => page.page.locator(`.run-chart[aria-label="${name}"]`);
const curveOf = async (page: OpenPage, name: string) =>
  Pixels.of(
    await page.page.evaluate<string>(
      `document.querySelector('.run-chart[aria-label="${name}"] canvas').toDataURL()`,
    ),
  );
const checkpoints = (page: OpenPage) => page.page.locator('.run-checkpoints button').allInnerTexts();

describeInBrowser('a run that is looked at while it trains', (browser) => {
  it('has curves, steps and checkpoints that follow it, and a newest model', async () => {
    const out = join(folder, 'run');
    await train(out, { upTo: 4 });
    const page = await browser.open(await browser.serve({ path: out }), { tab: 'run' });
    await until(async () => (await state(page)).includes('Step 4 of 14'), 'the steps so far');
    expect(await checkpoints(page)).toEqual([expect.stringMatching(/^Step 4/)]);
    expect(await chart(page, 'Total loss').count()).toBe(1);
    const early = await curveOf(page, 'Total loss');
    expect(early.count(isColoured)).toBeGreaterThan(20);
    await page.page.evaluate('globalThis.isStillHere = true');

    const training = train(out, { resume: true });
    await until(async () => /Step ([5-9]|1\d) of 14/.test(await state(page)), 'further steps');
    await training;
    await until(async () => (await state(page)).includes('Finished'), 'the end');
    expect(await state(page)).toContain('Step 14 of 14');
    await until(async () => (await checkpoints(page))[0]?.startsWith('Step 14'), 'its last checkpoint');
    expect((await checkpoints(page)).map((text) => text.split('\n')[0].replace(/newest$/, ''))).toEqual([
      'Step 14',
      'Step 12',
      'Step 8',
    ]);
    await page.drawn();
    const late = await curveOf(page, 'Total loss');
    // What is said of the end takes some of the height.
    const bottom = Math.min(late.height, early.height);
    expect(late.cut({ bottom }).differing(early.cut({ bottom }), 20)).toBeGreaterThan(100);
    expect(await page.page.evaluate('globalThis.isStillHere')).toBe(true);

    // What is written beside the curve is what the run wrote.
    const { lines } = await readMetrics(out);
    expect(lines).toHaveLength(14);
    const told = await chart(page, 'Total loss').locator('.run-value').innerText();
    expect(Number.parseFloat(told)).toBeCloseTo(lines[13].loss.total!, 2);

    // A checkpoint leads to what its encoders see.
    await page.page.locator('.run-checkpoints button', { hasText: 'Step 12' }).click();
    await page.fact('Model', 'Step 12');
    expect(await page.page.getByRole('tab', { name: 'Features' }).getAttribute('aria-selected')).toBe('true');
    expect(await page.page.locator('select[name="model"]').inputValue()).toBe('12');
  });

  it('shows the newest checkpoint in the features as soon as there is one', async () => {
    const out = join(folder, 'other');
    await train(out, { upTo: 2 });
    const page = await browser.open(await browser.serve({ path: out }), { tab: 'features' });
    await page.fact('Model', 'Step 2');
    const training = train(out, { resume: true, upTo: 6 });
    await page.fact('Model', /Step [46]/);
    await training;
    await page.fact('Model', 'Step 6');
    expect(await page.page.locator('select[name="model"]').inputValue()).toBe('latest');
  });

  it('has its curves over steps or time, smoothed or not, and a configuration that can be searched', async () => {
    const out = join(folder, 'run');
    const page = await browser.open(await browser.serve({ path: out }), { tab: 'run' });
    await until(async () => (await state(page)).includes('Finished'), 'the run');
    await page.drawn();
    const bySteps = await curveOf(page, 'Total loss');
    await page.page.getByRole('button', { name: 'Time', exact: true }).click();
    await page.drawn();
    expect((await curveOf(page, 'Total loss')).differing(bySteps, 20)).toBeGreaterThan(50);
    await page.page.getByRole('button', { name: 'Step', exact: true }).click();
    await page.page.mouse.move(5, 5);
    await page.drawn();
    expect((await curveOf(page, 'Total loss')).differing(bySteps, 20)).toBe(0);
    await page.page.getByLabel('Smoothing').fill('2');
    await page.drawn();
    expect((await curveOf(page, 'Total loss')).differing(bySteps, 20)).toBeGreaterThan(50);

    const rows = page.page.locator('.run-config div');
    const all = await rows.count();
    expect(all).toBeGreaterThan(20);
    await page.page.getByLabel('Search the configuration').fill('temperature');
    expect(await rows.count()).toBeLessThan(4);
    expect(await rows.first().innerText()).toMatch(/temperature\s+0\.07/);
  });

  it('tells of a step under the pointer in all charts', async () => {
    const page = await browser.open(await browser.serve({ path: join(folder, 'run') }), { tab: 'run' });
    await until(async () => (await state(page)).includes('Finished'), 'the run');
    const box = (await chart(page, 'Total loss').locator('.u-over').boundingBox())!;
    await page.page.mouse.move(box.x + 1, box.y + box.height / 2);
    await page.drawn();
    const { lines } = await readMetrics(join(folder, 'run'));
    expect(await chart(page, 'Total loss').locator('.run-place').innerText()).toBe('Step 1');
    expect(Number.parseFloat(await chart(page, 'Total loss').locator('.run-value').innerText())).toBeCloseTo(
      lines[0].loss.total!,
      2,
    );
    const places = await page.page.locator('.run-chart .run-place').allInnerTexts();
    expect(places.length).toBeGreaterThan(3);
    expect(new Set(places)).toEqual(new Set(['Step 1']));
  });
});
