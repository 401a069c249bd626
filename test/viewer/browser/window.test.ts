import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain } from '../../../src/training/pretrain.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { describeWithRealData } from '../../real-data.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-window-'));
  const data = join(folder, 'scenes');
  await smallScenes(data, { count: 3, heldOut: 1 });
  const detections = join(folder, 'detections');
  await mkdir(detections);
  await writeFile(join(detections, '000000.txt'), 'Car -1 -1 0 100 50 150 90 1.5 1.8 3 1 1.6 10 0 0.5\n');
  const out = join(folder, 'run');
  const config = tinyRun({ steps: 2 });
  await pretrain({ config, data: { root: data, imageSet: 'train' }, out, stream: { write: () => {} } });
  viewer = await serve({ path: out, detections });
}, 120_000);
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

/** What does not fit: wider than its place, or beyond the edge of what holds it. */
const misfits = `(() => {
  const nameOf = (each) =>
    [each.tagName, each.id, each.name, each.className, each.textContent.trim().slice(0, 40), each.value].join(' ');
  const found = [];
  const ruler = document.createElement('canvas').getContext('2d');
  if (document.scrollingElement.scrollWidth > innerWidth) found.push('the page is wider than the window');
  const checked = 'button, label, label > span, select, output, dt, dd, h1, h2, h3, p, .tag, .count, ' +
    'input[type="number"], .name, .stage-label, #card, #legend, .group, .run-state, .run-chart header';
  for (const each of document.querySelectorAll(checked)) {
    const box = each.getBoundingClientRect();
    if (box.width === 0 || !each.checkVisibility()) continue;
    if (each.clientWidth > 0 && each.scrollWidth > each.clientWidth)
      found.push(nameOf(each) + ': ' + each.scrollWidth + ' in ' + each.clientWidth);
    if (each instanceof HTMLInputElement) {
      const { font, paddingLeft, paddingRight } = getComputedStyle(each);
      ruler.font = font;
      const room = each.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      if (ruler.measureText(each.value).width > room) found.push(nameOf(each) + ' in ' + room);
    }
    const holder = each.closest('#side, .run-side, #bar, #timeline, #stage-pane, .run-curves') ?? document.body;
    const { left, right } = holder.getBoundingClientRect();
    if (box.left < left - 1 || box.right > right + 1)
      found.push(nameOf(each) + ': ' + box.left + ' to ' + box.right + ' beyond ' + left + ' to ' + right);
  }
  return found;
})()`;

/** Controls that cannot be reached by scrolling: the names of those whose middle is then covered or out of sight. */
const unreachable = `[...document.querySelectorAll('#side button, #side input, #side select, .run-side button, ' +
  '.run-side input')].filter((each) => {
  if (!each.checkVisibility()) return false;
  each.scrollIntoView({ block: 'center' });
  const { left, top, width, height } = each.getBoundingClientRect();
  const seen = document.elementFromPoint(left + width / 2, top + height / 2);
  return !(seen !== null && (each.contains(seen) || each.parentElement.contains(seen)));
}).map((each) => each.name || each.textContent)`;

const allFits = async (page: OpenPage, what: string) => {
  await page.drawn();
  expect(await page.page.evaluate(misfits), what).toEqual([]);
  expect(await page.page.evaluate(unreachable), what).toEqual([]);
};

describeInBrowser('a window of 1280 by 720 pixels', (browser) => {
  it('has room for all of every part of the page', async () => {
    const page = await browser.open(viewer.address);
    await page.shown(0);
    await page.pictured();
    expect(await page.page.locator('#side input').count()).toBeGreaterThan(11);
    await allFits(page, 'the scene');
    for (const value of ['field:reflectance', 'range', 'picture', 'time']) {
      await page.select('colour', value);
      await allFits(page, `colours by ${value}`);
    }
    await page.clickAt('picture', 450, 150);
    await page.page.locator('#card').waitFor();
    await page.fact('reflectance', /./, '#card dl');
    await allFits(page, 'a point that is selected');
    await page.tab('Matches');
    await page.page.locator('#side .count', { hasText: 'matches are shown' }).waitFor();
    await allFits(page, 'matches');
    await page.choose('matchColour', 'similarity');
    await allFits(page, 'matches by likeness');
    await page.tab('Features');
    await page.fact('Model', 'Step 2');
    await allFits(page, 'features');
    await page.tab('Run');
    await until(async () => (await page.page.locator('.run-chart').count()) > 3, 'the charts');
    await allFits(page, 'the run');
  });

  it('has room for the curves of a run on a small laptop too', async () => {
    const viewport = { width: 1024, height: 576 };
    const page = await browser.open(viewer.address, { tab: 'run' }, { viewport });
    await until(async () => (await page.page.locator('.run-chart').count()) > 3, 'the charts');
    await allFits(page, 'the run');
  });

  it('holds the list of keys, which names every one', async () => {
    const page = await browser.open(viewer.address);
    await page.shown(0);
    await page.page.getByRole('button', { name: 'Keys and pointer' }).click();
    const help = page.page.locator('#help');
    const keys = await help.locator('kbd').allTextContents();
    const expected = [
      'space',
      ',',
      '.',
      '1',
      '2',
      '3',
      '4',
      'p',
      'b',
      'c',
      'f',
      'l',
      'g',
      '+',
      '-',
      'n',
      't',
    ];
    expect(keys).toEqual(expect.arrayContaining([...expected, 'esc', '?', 'drag', 'wheel', 'double click']));
    expect(new Set(keys).size).toBe(keys.length);
    const { x, y, width, height } = (await help.boundingBox())!;
    expect(x >= 0 && y >= 0 && x + width <= 1280 && y + height <= 720).toBe(true);
    expect(await page.page.evaluate(misfits)).toEqual([]);
    // Keys do nothing behind it.
    await page.page.keyboard.press('2');
    expect(await page.page.getByRole('tab', { name: 'Scene' }).getAttribute('aria-selected')).toBe('true');
    await page.page.keyboard.press('Escape');
    expect(await help.isVisible()).toBe(false);
  });

  it('has keys for what they are said to do', async () => {
    const page = await browser.open(viewer.address, { labels: 'no', axes: 'no' });
    await page.shown(0);
    const press = (key: string) => page.page.keyboard.press(key);
    const isTaken = (locator: string, attribute: string) =>
      page.page.locator(locator).getAttribute(attribute);
    for (const [key, view] of [
      ['b', 'birds-eye'],
      ['c', 'camera'],
      ['p', 'perspective'],
    ]) {
      const before = await page.stage();
      await press(key);
      expect(await isTaken(`[data-value="${view}"]`, 'aria-checked')).toBe('true');
      expect((await page.stage()).differing(before, 20), key).toBeGreaterThan(1000);
    }
    for (const [key, least] of [
      ['g', 300],
      ['l', 100],
      ['+', 500],
      ['t', 10_000],
      ['f', 1000],
    ] as const) {
      const before = await page.stage();
      await press(key);
      expect((await page.stage()).differing(before, 8), key).toBeGreaterThan(least);
    }
    expect(await page.page.locator('input[name="size"]').inputValue()).toBe('2.5');
    await press('-');
    expect(await page.page.locator('input[name="size"]').inputValue()).toBe('2');
    for (const [key, tab] of [
      ['2', 'matches'],
      ['3', 'features'],
      ['4', 'run'],
      ['1', 'scene'],
    ]) {
      await press(key);
      expect(await isTaken(`[data-tab="${tab}"]`, 'aria-selected')).toBe('true');
    }
    // Where one writes they are letters and digits.
    await page.page.locator('input[name="low"]').focus();
    await press('2');
    expect(await isTaken('[data-tab="scene"]', 'aria-selected')).toBe('true');
  });

  it('gives more of its height to the picture where that is wanted', async () => {
    const page = await browser.open(viewer.address);
    await page.shown(0);
    const before = await page.place('picture');
    const bar = (await page.page.locator('#splitter').boundingBox())!;
    await page.page.mouse.move(bar.x + 300, bar.y + 3);
    await page.page.mouse.down();
    await page.page.mouse.move(bar.x + 300, bar.y - 97, { steps: 3 });
    await page.page.mouse.up();
    await page.drawn();
    const after = await page.place('picture');
    expect(after.height - before.height).toBeCloseTo(100, 0);
    const stage = await page.stage();
    expect(stage.height).toBe(Math.round((await page.place('stage')).height));
    expect(stage.other([15, 17, 21])).toBeGreaterThan(3000);
  });

  describeWithRealData('with recorded frames', 'kitti-object', (root) => {
    it('has room for all of them', async () => {
      const page = await browser.open(await browser.serve({ path: root }), { frame: '000002' });
      await page.shown(2);
      await page.pictured();
      await allFits(page, 'the scene');
      await page.tab('Matches');
      await page.page.locator('#side .count', { hasText: 'matches are shown' }).waitFor();
      await allFits(page, 'matches');
    });
  });

  describeWithRealData('with a recorded drive', 'kitti-raw/2011_09_26', (path) => {
    it('has room for all of it', async () => {
      const page = await browser.open(await browser.serve({ path }), { frame: '0000000011', neighbours: 1 });
      await page.shown(11);
      await page.pictured();
      await allFits(page, 'the scene');
    });
  });
});
