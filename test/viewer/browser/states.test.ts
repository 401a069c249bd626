import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodePng } from '../../../src/image/decode-image.ts';
import { writePcd } from '../../../src/pointcloud/pcd.ts';
import { cloudFromRows } from '../../../src/pointcloud/point-cloud.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { beaconPicture, writeBeacons } from './beacons.ts';
import { pointsAlone } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { isColoured, Pixels } from './pixels.ts';

let folder: string;
let scenes: Served;
let run: Served;
let beacons: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-states-'));
  const data = join(folder, 'scenes');
  await smallScenes(data, { count: 4, heldOut: 1 });
  scenes = await serve({ path: data });
  const out = join(folder, 'run');
  const config = tinyRun({ steps: 2 });
  await pretrain({ config, data: { root: data, imageSet: 'train' }, out, stream: { write: () => {} } });
  run = await serve({ path: out });
  beacons = join(folder, 'beacons');
  await writeBeacons(beacons);
}, 240_000);
afterAll(async () => {
  await scenes.close();
  await run.close();
  await rm(folder, { recursive: true });
});

const inMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Lets answers of some kind wait. */
const delay = (page: Page, what: string, ms: number) =>
  page.route(`**/api/${what}?*`, async (route) => {
    await inMs(ms);
    await route.continue().catch(() => {});
  });
const loading = (page: OpenPage) => page.status('stage-pane', 'loading');

describeInBrowser('while something is under way', (browser) => {
  it('keeps points and boxes on the picture and the counts until the next frame has its own, and says when that takes long', async () => {
    const page = await browser.open(scenes.address, { speed: 5 });
    await page.shown(0);
    await page.pictured();
    await page.fact('Labels', /\d/);
    const [before, facts] = [await page.picture(), await page.facts()];
    await delay(page.page, 'scene', 450);
    // Points and picture are there in a moment, labels are not.
    const [seen, told] = (await page.page.evaluate(`new Promise((done) => {
      dispatchEvent(new KeyboardEvent('keydown', { key: '.' }));
      const textOf = () => document.querySelector('#side .facts').textContent;
      setTimeout(() => done([document.getElementById('picture').toDataURL(), textOf()]), 300);
    })`)) as [string, string];
    expect((await Pixels.of(seen)).differing(before)).toBe(0);
    expect(told).toBe(Object.entries(facts).flat().join(''));
    await until(async () => (await page.picture()).differing(before) > 5000, 'the next picture');
    await until(async () => (await page.facts()).Points !== facts.Points, 'the next counts');

    // Nothing that was looked at while it played lacked points or counts.
    const bare = await browser.open(scenes.address, { onPicture: 'nothing', labels: 'no' });
    await bare.shown(0);
    await bare.pictured();
    await page.page.evaluate(`(() => {
      window.lacking = 0;
      window.looked = 0;
      const look = () => {
        const facts = [...document.querySelectorAll('#side .facts dt')].map((each) => each.textContent);
        window.looked++;
        if (!facts.includes('Points') || !facts.includes('Labels')) window.lacking++;
        requestAnimationFrame(look);
      };
      look();
    })()`);
    await page.page.getByRole('button', { name: 'Play' }).click();
    const shares: number[] = [];
    for (let k = 0; k < 4; k++) shares.push((await page.picture()).differing(await bare.picture(), 30));
    await page.shown(3);
    expect(await page.page.evaluate('[lacking, looked > 20]')).toEqual([0, true]);
    // As many pixels differ from the bare picture as points and boxes cover.
    expect(Math.min(...shares)).toBeGreaterThan(before.differing(await bare.picture(), 30) / 3);

    const again = bare;
    await delay(again.page, 'points', 2500);
    const waitMs = await again.page.evaluate(`new Promise((done) => {
      const began = performance.now();
      dispatchEvent(new KeyboardEvent('keydown', { key: '.' }));
      const look = () => {
        const said = document.querySelector('#stage-pane > .status[data-kind="loading"]');
        if (said?.textContent === 'Loading frame 000001') done(performance.now() - began);
        else setTimeout(look, 10);
      };
      look();
    })`);
    expect(waitMs).toBeLessThan(1000);
    await again.shown(1);
    expect(await loading(again).count()).toBe(0);
  });

  it('says what the encoders are doing, and shows the curves while they work', async () => {
    // All that is said, however shortly.
    const listen = `
      globalThis.said = new Set();
      new MutationObserver(() => {
        for (const each of document.querySelectorAll('#stage-pane > .status[data-kind="loading"]'))
          said.add(each.textContent.replace(/[\\d.]+ s$/, ''));
      }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });`;
    // The first drawing keeps the page busy; the encoders begin when it listens again.
    const before = async (each: Page) => {
      await each.addInitScript(listen);
      await delay(each, 'places', 2500);
    };
    const page = await browser.open(run.address, { tab: 'features', compare: 'yes' }, { before });
    await page.fact('Model', /./);
    const words = await page.page.evaluate<string>("[...said].join('; ')");
    expect(words).toMatch(/Asking the encoders/);
    expect(words).toMatch(/starting|reading frame|loading|compiling|preparing|running the encoders/);
    await page.tab('Run');
    await page.page.locator('.run-state', { hasText: 'Step 2 of 2' }).waitFor();
  });

  it('asks again where it is refused, says that the viewer is gone, and goes on when it is back', async () => {
    let workers = 0;
    const page = await browser.open(
      scenes.address,
      { ...pointsAlone, size: 4 },
      {
        expected: [/net::ERR_/, /Failed to load/],
        before: (each) =>
          each.route('**/sweep-worker*', (route) =>
            workers++ === 0 ? route.abort('connectionrefused') : route.continue(),
          ),
      },
    );
    await page.shown(0);
    expect(workers).toBe(2);
    let refused = 0;
    await page.page.route('**/api/{scene,picture,points}?*', async (route) => {
      if (refused++ < 3) await route.abort('connectionrefused');
      else await route.continue();
    });
    await page.page.keyboard.press('.');
    await page.shown(1);
    expect(refused).toBeGreaterThan(3);
    expect(await page.page.locator('#connection').isVisible()).toBe(false);

    await page.page.unroute('**/api/{scene,picture,points}?*');
    let isGone = true;
    await page.page.route('**/api/**', (route) =>
      isGone ? route.abort('connectionrefused') : route.continue(),
    );
    await page.page.keyboard.press('.');
    await page.page.keyboard.press('.');
    await page.page.locator('#connection', { hasText: 'does not answer' }).waitFor();
    isGone = false;
    await page.page.locator('#connection').waitFor({ state: 'hidden' });
    await page.shown(3);
    expect((await page.stage()).count(isColoured)).toBeGreaterThan(1000);
    expect(await page.status('stage-pane', 'problem').count()).toBe(0);
  });

  it('says that the graphics card was lost, and draws the same once it is back', async () => {
    const page = await browser.open(
      scenes.address,
      { labels: 'no' },
      { expected: [/Context Lost/i, /context.*(lost|restored)/i] },
    );
    await page.shown(0);
    const before = await page.stage();
    await page.page.evaluate(
      "(window.loser = document.getElementById('stage').getContext('webgl2').getExtension('WEBGL_lose_context')).loseContext()",
    );
    const problem = page.status('stage-pane', 'problem');
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/lost the graphics card/);
    await page.page.evaluate('loser.restoreContext()');
    await until(async () => (await problem.count()) === 0, 'the graphics card');
    expect((await page.stage()).differing(before)).toBe(0);
  });

  it('keeps picture, labels and timeline without WebGL', async () => {
    const page = await browser.open(
      scenes.address,
      {},
      {
        before: (each) =>
          each.addInitScript(`(() => {
            const { getContext } = HTMLCanvasElement.prototype;
            HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
              return kind === 'webgl2' ? null : getContext.call(this, kind, ...more);
            };
          })()`),
      },
    );
    await page.pictured();
    expect(await page.status('stage-pane', 'problem').textContent()).toMatch(/no WebGL 2/);
    const first = await page.picture();
    expect(first.count(isColoured)).toBeGreaterThan(5000);
    await page.page.getByRole('button', { name: 'Next frame' }).click();
    await until(async () => (await page.picture()).differing(first) > 5000, 'the next picture');
    expect(await page.page.locator('#timeline .count').textContent()).toMatch(/^2 \/ 4/);
    await page.fact('Points', /\d/);
  });
});

describeInBrowser('what is offered', (browser) => {
  it('begins a folder of clouds with the first that can be drawn, without a unit or tabs that show nothing', async () => {
    const path = join(folder, 'clouds');
    await mkdir(path);
    await writeFile(join(path, 'a.pcd'), 'no cloud');
    const empty = cloudFromRows(new Float32Array(0), ['x', 'y', 'z']);
    await writeFile(join(path, 'b.pcd'), writePcd(empty, { encoding: 'binary' }));
    const rows = Array.from({ length: 60 }, (_, i) => [(i % 10) * 3, Math.floor(i / 10), i / 7.123]);
    const cloud = cloudFromRows(Float32Array.from(rows.flat()), ['x', 'y', 'z']);
    await writeFile(join(path, 'c.pcd'), writePcd(cloud, { encoding: 'binary' }));
    await writeFile(join(path, 'd.pcd'), writePcd(cloud, { encoding: 'binary' }));
    const page = await browser.open(await browser.serve({ path }), { tab: 'features' });
    await page.shown(2);
    expect(await page.page.locator('#frame-name .id').textContent()).toBe('c.pcd');
    expect(await page.page.getByRole('tab').count()).toBe(0);
    await page.fact('Points', '60');
    const ends = await page.page.locator('#legend .ends span').allTextContents();
    const inputs = await Promise.all(
      ['low', 'high'].map((name) => page.page.locator(`input[name="${name}"]`).inputValue()),
    );
    expect(ends).toEqual(inputs);
    expect(ends.map(Number)).toEqual([expect.closeTo(0, 0), expect.closeTo(8.2, 0)]);
    expect((await page.page.locator('.stage-label').allTextContents()).join()).not.toMatch(/\dm?\s*m\b/);
    await page.page.keyboard.press(',');
    await page.status('stage-pane', 'empty').waitFor();
  });

  it('shows what either colour camera of KITTI sees', async () => {
    const { width, height } = beaconPicture;
    const path = join(beacons, 'training/image_3');
    await mkdir(path, { recursive: true });
    const data = new Uint8Array(3 * width * height).map((_, i) => [20, 200, 60][i % 3]);
    for (const id of ['000000', '000001'])
      await writeFile(join(path, `${id}.png`), await encodePng({ width, height, data }));
    await copyFile(join(path, '000000.png'), join(folder, 'spare.png'));
    const page = await browser.open(await browser.serve({ path: beacons }), { onPicture: 'nothing' });
    await page.shown(0);
    await page.pictured();
    expect((await page.picture()).near([20, 200, 60], 3)).toBeLessThan(200);
    const names = await page.page.locator('select[name="camera"] option').allTextContents();
    expect(names).toEqual(['image_2 (left, colour)', 'image_3 (right, colour)']);
    await page.select('camera', 'image_3');
    await until(async () => (await page.picture()).near([20, 200, 60], 3) > 50_000, 'the right picture');
    await until(async () => /camera=image_3/.test(page.page.url()), 'a link');
    await page.page.keyboard.press('.');
    await page.shown(1);
    expect((await page.picture()).near([20, 200, 60], 3)).toBeGreaterThan(50_000);
  });
});

/** Controls without a name, as a screen reader is told of them. */
const unnamed =
  /^\s*- '?(button|checkbox|slider|combobox|radio|tab|textbox|searchbox|spinbutton|img)\b(?! ")/m;

describeInBrowser('whoever has a small window, a keyboard or a screen reader', (browser) => {
  it('reaches everything at 390 pixels, with names and a focus that is seen', async () => {
    const page = await browser.open(run.address, {}, { viewport: { width: 390, height: 844 } });
    await page.shown(0);
    await page.pictured();
    const isWide = () => page.page.evaluate('document.scrollingElement.scrollWidth > innerWidth');
    for (const tab of ['Scene', 'Matches', 'Features'] as const) {
      await page.tab(tab);
      expect(await isWide(), tab).toBe(false);
      await page.page.getByRole('button', { name: 'Settings', exact: true }).click();
      await page.page.evaluate(
        "for (const each of document.querySelectorAll('#side details')) each.open = true",
      );
      const controls = page.page.locator('#side :is(input, select, button, summary):visible');
      expect(await controls.count()).toBeGreaterThan(5);
      for (const each of await controls.all()) if (await each.isEnabled()) await each.click({ trial: true });
      expect(await page.page.locator('body').ariaSnapshot(), tab).not.toMatch(unnamed);
      await page.page.getByRole('button', { name: 'Close the settings' }).click();
      await page.page.locator('#side').waitFor({ state: 'hidden' });
    }
    for (const name of ['Play', 'Next frame', 'Frame before', 'Save a picture', 'Dark or light'])
      await page.page.getByRole('button', { name }).click({ trial: true });
    await page.tab('Run');
    await page.page.locator('.run-state', { hasText: 'Step 2 of 2' }).waitFor();
    expect(await isWide(), 'Run').toBe(false);
    expect(await page.page.locator('body').ariaSnapshot(), 'Run').not.toMatch(unnamed);

    await page.page.setViewportSize({ width: 1280, height: 720 });
    await page.tab('Scene');
    await page.page.locator('#title').click();
    const focused: string[] = [];
    for (let k = 0; k < 120; k++) {
      await page.page.keyboard.press('Tab');
      const [name, isSeen] = (await page.page.evaluate(
        '(({ id, name, title, textContent, tagName }, style) => [tagName === "BODY" ? tagName : id || name || title || textContent, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1])(document.activeElement, getComputedStyle(document.activeElement))',
      )) as [string, boolean];
      if (name === 'BODY') break;
      expect(isSeen, name).toBe(true);
      focused.push(name);
    }
    expect(focused).toEqual(
      expect.arrayContaining(['stage', 'splitter', 'colour', 'size', 'Play or pause (space)']),
    );
    // One stop for each group, and arrows in it.
    await page.page.getByRole('tab', { name: 'Scene' }).focus();
    await page.page.keyboard.press('ArrowRight');
    expect(await page.page.getByRole('tab', { name: 'Matches' }).getAttribute('aria-selected')).toBe('true');
  });
});
