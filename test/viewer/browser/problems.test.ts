import { cp, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beaconsOf, writeBeacons } from './beacons.ts';
import { along, pointsAlone, spotAlong } from './eyes.ts';
import { describeInBrowser, serve } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import { isColoured } from './pixels.ts';

const target = [0, 0, 0] as const;
const distanceM = 4;
const link = { ...pointsAlone, ...along(target, distanceM), size: 4 } as const;
/** What the browser notes of an answer that is a refusal. */
const refusal = /status of 422/;

let folder: string;
let sound: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-problems-'));
  sound = join(folder, 'sound');
  await writeBeacons(sound);
});
afterAll(() => rm(folder, { recursive: true }));

/** A copy of the data set whose second frame is spoilt. */
async function spoilt(spoil: (training: string) => Promise<void>): Promise<string> {
  const copy = join(folder, `spoilt${serial++}`);
  await cp(sound, copy, { recursive: true });
  await spoil(join(copy, 'training'));
  return copy;
}

/** Whether the points of a frame are on the stage. */
async function isOnStage(page: OpenPage, frame: 0 | 1): Promise<boolean> {
  const stage = await page.stage();
  return beaconsOf(frame).every(({ at }) => isColoured(stage.at(...spotAlong(stage, target, distanceM, at))));
}

const hasPicture = async (page: OpenPage) =>
  (await page.picture()).count((_, alpha) => alpha === 255) > 10_000;
const said = (page: OpenPage) => page.page.locator('#side .bad, #side .note').allTextContents();

describeInBrowser('what cannot be shown', (browser) => {
  it('is told where there are no frames at all', async () => {
    const path = join(folder, 'nothing');
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'config.json'), '{}');
    const page = await browser.open(await browser.serve({ path }));
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/nothing.*expected/);
    // The rest of the page is there.
    await page.page.keyboard.press('?');
    expect(await page.page.locator('#help').isVisible()).toBe(true);
    await page.page.getByRole('button', { name: 'Close' }).click();
    await page.page.getByRole('button', { name: 'Dark or light' }).click();
    expect(await page.page.locator('html').getAttribute('data-theme')).toBe('light');
    expect(await page.page.getByRole('tab').allTextContents()).toEqual(['Scene', 'Run']);
    await page.tab('Run');
    await page.page.getByRole('button', { name: 'Save a picture' }).click();
    await page.page.getByRole('status').filter({ hasText: 'Pictures are of' }).waitFor();
  });

  it('is told of a frame without a picture, whose points are shown', async () => {
    const path = await spoilt((training) => rm(join(training, 'image_2/000001.png')));
    const page = await browser.open(await browser.serve({ path }), link);
    await page.shown(0);
    await page.pictured();
    await page.page.keyboard.press('.');
    await page.shown(1);
    await page.status('picture-pane', 'empty').waitFor();
    expect(await page.status('picture-pane', 'empty').textContent()).toBe('This frame has no picture');
    expect(await hasPicture(page)).toBe(false);
    expect(await isOnStage(page, 1)).toBe(true);
    await page.choose('view', 'camera');
    await page.page.getByRole('status').filter({ hasText: 'no camera to look through' }).waitFor();
    expect(await page.page.locator('[data-value="perspective"]').getAttribute('aria-checked')).toBe('true');
    await page.page.keyboard.press(',');
    await page.shown(0);
    await page.pictured();
    expect(await page.status('picture-pane', 'empty').count()).toBe(0);
  });

  it('is told of a frame without calibration, whose points and picture are shown', async () => {
    const path = await spoilt((training) => rm(join(training, 'calib/000001.txt')));
    const page = await browser.open(await browser.serve({ path }), { ...link, frame: '000001' });
    await page.shown(1);
    await page.pictured();
    expect(await isOnStage(page, 1)).toBe(true);
    expect((await said(page)).join()).toMatch(/calib/);
  });

  it('is told of a damaged calibration and of damaged labels, by file and line', async () => {
    const path = await spoilt(async (training) => {
      await writeFile(join(training, 'calib/000001.txt'), 'P2: 1 2 three\n');
      await writeFile(join(training, 'label_2/000000.txt'), 'Car 0 0 0 much\n');
    });
    const page = await browser.open(await browser.serve({ path }), { ...link, frame: '000001' });
    await page.shown(1);
    await page.pictured();
    await page.page.locator('#side .bad').first().waitFor();
    expect((await said(page)).join()).toMatch(/calib\/000001\.txt/);
    expect(await isOnStage(page, 1)).toBe(true);
    await page.page.keyboard.press(',');
    await page.shown(0);
    await page.page.locator('#side .bad', { hasText: 'label_2/000000.txt' }).waitFor();
    expect(await isOnStage(page, 0)).toBe(true);
  });

  it('is told of a damaged sweep on the stage, while the picture is shown and the next frame goes on', async () => {
    const path = await spoilt((training) => truncate(join(training, 'velodyne/000001.bin'), 150));
    const page = await browser.open(await browser.serve({ path }), link, { expected: [refusal] });
    await page.shown(0);
    expect(await isOnStage(page, 0)).toBe(true);
    await page.page.keyboard.press('.');
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/velodyne\/000001\.bin.*byte 144.*found 6 bytes/);
    // The points of the frame before are not taken for this one's.
    expect((await page.stage()).count(isColoured)).toBe(0);
    expect(await hasPicture(page)).toBe(true);
    await page.page.keyboard.press(',');
    await page.shown(0);
    expect(await problem.count()).toBe(0);
    expect(await isOnStage(page, 0)).toBe(true);
  });

  it('is told of a damaged picture where it would be, while the points are shown', async () => {
    const path = await spoilt((training) =>
      writeFile(join(training, 'image_2/000001.png'), 'no picture at all'),
    );
    const page = await browser.open(await browser.serve({ path }), link, { expected: [refusal] });
    await page.shown(0);
    await page.page.keyboard.press('.');
    await page.shown(1);
    const problem = page.status('picture-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/image_2\/000001\.png/);
    expect(await hasPicture(page)).toBe(false);
    expect(await isOnStage(page, 1)).toBe(true);
    expect(await page.status('stage-pane', 'problem').count()).toBe(0);
  });

  it('is told when the viewer was ended, while what was read before stays', async () => {
    const served = await serve({ path: sound });
    const page = await browser.open(served.address, link, {
      expected: [/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/],
    });
    await page.shown(0);
    await page.pictured();
    await served.close();
    await page.page.keyboard.press('.');
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/viewer does not answer: is pointpair view still running/);
    expect(await page.status('picture-pane', 'problem').textContent()).toMatch(/does not answer/);
    // What was read before is still there.
    await page.page.keyboard.press(',');
    await page.shown(0);
    expect(await isOnStage(page, 0)).toBe(true);
  });

  it('is passed over where a link asks for it', async () => {
    const page = await browser.open(await browser.serve({ path: sound }), {
      ...link,
      frame: '999999',
      colour: 'field:nonsense',
      map: 'nonsense',
      size: 'large',
      point: 77777,
    });
    await page.shown(0);
    expect(await isOnStage(page, 0)).toBe(true);
    expect(await page.page.locator('#frame-name .id').textContent()).toBe('000000');
    expect(await page.page.locator('#card').isVisible()).toBe(false);
  });
});
