import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { beaconsOf, writeBeacons } from './beacons.ts';
import { along, fromAbove, pointsAlone, spotAlong } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { apart, isColoured, Pixels, type Rgb } from './pixels.ts';

const dark: Rgb = [15, 17, 21];
const light: Rgb = [247, 248, 250];
let folder: string;
let beacons: Served;
let scenes: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-link-'));
  await writeBeacons(join(folder, 'beacons'));
  await smallScenes(join(folder, 'scenes'), { count: 2, heldOut: 1 });
  beacons = await serve({ path: join(folder, 'beacons') });
  scenes = await serve({ path: join(folder, 'scenes') });
});
afterAll(async () => {
  await beacons.close();
  await scenes.close();
  await rm(folder, { recursive: true });
});

async function copied(page: OpenPage): Promise<string> {
  await page.page.getByRole('button', { name: 'Copy a link to what is on the screen' }).click();
  await page.page.getByRole('status').filter({ hasText: 'Link copied' }).waitFor();
  return page.page.evaluate<string>('navigator.clipboard.readText()');
}

describeInBrowser('a link', (browser) => {
  it('brings back frame, colours, sizes, theme, selection and the place one looks from', async () => {
    const page = await browser.open(scenes.address);
    await page.shown(0);
    await page.page.keyboard.press('.');
    await page.shown(1);
    await page.select('colour', 'field:reflectance');
    await page.select('map', 'viridis');
    await page.enter('low', 0.1);
    await page.enter('high', 0.6);
    await page.enter('size', 3.5);
    await page.enter('eyeDome', 0);
    await page.turn('axes', false);
    await page.choose('onPicture', 'colours');
    await page.page.keyboard.press('Escape');
    await page.page.getByRole('button', { name: 'Dark or light' }).click();
    // Turned, moved and nearer, by the pointer.
    const { x, y } = await page.place('stage');
    await page.page.mouse.move(x + 400, y + 250);
    await page.page.mouse.down();
    await page.page.mouse.move(x + 520, y + 220, { steps: 4 });
    await page.page.mouse.up();
    await page.page.mouse.wheel(0, -300);
    await page.pictured();
    await page.clickAt('picture', 500, 150);
    await page.page.locator('#card').waitFor();
    await page.page.mouse.move(1100, 700);
    const [stage, picture] = [await page.stage(), await page.picture()];
    const [card, facts] = [await page.page.locator('#card h3').textContent(), await page.facts()];

    const link = await copied(page);
    const params = new URLSearchParams(new URL(link).hash.slice(1));
    expect(Object.fromEntries(params)).toMatchObject({
      frame: '000001',
      colour: 'field:reflectance',
      map: 'viridis',
      low: '0.1',
      high: '0.6',
      size: '3.5',
      theme: 'light',
      axes: 'no',
    });
    const other = await browser.open(link);
    await other.shown(1);
    await other.pictured();
    await until(async () => (await other.page.locator('#card').count()) > 0, 'the card');
    expect(await other.page.locator('#card h3').textContent()).toBe(card);
    expect(await other.facts()).toEqual(facts);
    const again = await other.stage();
    expect(again.near(light, 0)).toBeGreaterThan(10_000);
    // The place is told to a millimetre and a thousandth of a radian.
    const points = stage.count((rgb) => isColoured(rgb));
    expect(points).toBeGreaterThan(3000);
    expect(again.differing(stage, 30)).toBeLessThan(0.1 * points);
    expect((await other.picture()).differing(picture)).toBeLessThan(100);
    // A copy of the copy is the same.
    expect(new URL(await copied(other)).hash).toBe(new URL(link).hash);
  });

  it('brings back the view through the camera as near as it was', async () => {
    const page = await browser.open(scenes.address, { ...pointsAlone, view: 'camera' });
    await page.shown(0);
    const whole = await page.stage();
    await page.page.mouse.move(600, 250);
    await page.page.mouse.wheel(0, -600);
    const near = await page.stage();
    expect(near.differing(whole, 30)).toBeGreaterThan(1000);
    const other = await browser.open(await copied(page));
    await other.shown(0);
    await other.pictured();
    expect((await other.stage()).differing(near, 30)).toBeLessThan(0.2 * near.differing(whole, 30));
  });

  it('brings back matches: the draw, what is left out and where one looks from', async () => {
    const page = await browser.open(scenes.address, { tab: 'matches' });
    const count = page.page.locator('#side .count');
    await count.filter({ hasText: 'matches are shown' }).waitFor();
    await page.page.keyboard.press('n');
    await page.page.locator('#side p', { hasText: 'seed 1.' }).waitFor();
    await page.choose('wrong', 'wrong');
    await page.turn('pixelLines', true);
    await page.page.mouse.move(400, 200);
    await page.page.mouse.wheel(0, 200);
    await page.page.mouse.move(1100, 700);
    const [stage, told] = [await page.stage(), await count.textContent()];
    const other = await browser.open(await copied(page));
    await other.page.locator('#side .count', { hasText: told! }).waitFor();
    await other.pictured();
    const again = await other.stage();
    const drawn = stage.other(dark);
    expect(drawn).toBeGreaterThan(3000);
    expect(again.differing(stage, 40)).toBeLessThan(0.1 * drawn);
    expect(await other.page.locator('#links').getAttribute('data-lines')).toBe(
      await page.page.locator('#links').getAttribute('data-lines'),
    );
  });

  it('in the address bar follows what is changed, and is followed when another is pasted', async () => {
    const page = await browser.open(beacons.address, { ...pointsAlone, ...along([0, 0, 0], 4) });
    await page.shown(0);
    await page.select('map', 'magma');
    await until(() => page.page.url().includes('map=magma'), 'the address to follow');
    await page.page.evaluate("location.hash = 'frame=000001&map=grey&view=birds-eye'");
    await page.shown(1);
    expect(await page.page.locator('select[name="map"]').inputValue()).toBe('grey');
    expect(await page.page.locator('[data-value="birds-eye"]').getAttribute('aria-checked')).toBe('true');
  });
});

describeInBrowser('the picture button', (browser) => {
  it('saves a PNG of the stage with the picture below, and says where the eye was in its name', async () => {
    const look = { ...pointsAlone, ...along([0, 0, 0], 4), size: 5 } as const;
    const page = await browser.open(beacons.address, look);
    await page.shown(0);
    await page.pictured();
    const [stage, picture] = [await page.stage(), await page.picture()];
    const download = page.page.waitForEvent('download');
    await page.page.getByRole('button', { name: 'Save a picture' }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe('beacons-000000.png');
    const file = await readFile(await saved.path());
    expect(file.subarray(1, 4).toString()).toBe('PNG');
    const all = await Pixels.of(file);
    // With the bar between them, so that lines across end where they should.
    const links = await page.links();
    expect([all.width, all.height]).toEqual([stage.width, links.height]);
    expect(all.height).toBeGreaterThanOrEqual(stage.height + picture.height);
    const upper = all.cut({ bottom: stage.height });
    expect(upper.differing(stage)).toBe(0);
    for (const { at } of beaconsOf(0))
      expect(isColoured(upper.at(...spotAlong(stage, [0, 0, 0], 4, at)))).toBe(true);
    const lower = all.cut({ top: all.height - picture.height });
    const isPicture = picture.count((_, alpha) => alpha === 255);
    expect(isPicture).toBeGreaterThan(10_000);
    // Beside the picture there is the pane.
    expect(lower.differing(picture)).toBeLessThanOrEqual(lower.width * lower.height - isPicture);
    expect(lower.count(isColoured)).toBeGreaterThan(0.9 * isPicture);
  });

  it('saves labels and the lines between the panes as well', async () => {
    const page = await browser.open(scenes.address, {
      tab: 'matches',
      ...fromAbove([30, -20, 0], 90),
      pixelLines: 'yes',
    });
    await page.page.locator('#side .count', { hasText: 'matches are shown' }).waitFor();
    await page.pictured();
    const lines = await page.links();
    expect(lines.count((_, alpha) => alpha > 60)).toBeGreaterThan(1000);
    const stage = await page.stage();
    const download = page.page.waitForEvent('download');
    await page.page.getByRole('button', { name: 'Save a picture' }).click();
    const all = await Pixels.of(await readFile(await (await download).path()));
    // Where a line crosses the empty stage, and where it ends on the picture, it is in the file.
    let [crossing, kept] = [0, 0];
    const [bare, top] = [await page.picture(), all.height - (await page.picture()).height];
    for (let y = 0; y < all.height; y++) {
      for (let x = 0; x < all.width; x++) {
        if (lines.rgba[4 * (y * lines.width + x) + 3] < 80) continue;
        const before = y < stage.height ? stage.at(x, y) : y < top ? dark : bare.at(x, y - top);
        if (apart(before, lines.at(x, y)) < 100) continue;
        crossing++;
        if (apart(before, all.at(x, y)) > 15) kept++;
      }
    }
    expect(crossing).toBeGreaterThan(1000);
    expect(kept).toBeGreaterThan(0.95 * crossing);
  });
});
