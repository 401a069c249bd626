import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writePcd } from '../../../src/pointcloud/pcd.ts';
import { cloudFromRows } from '../../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../../real-data.ts';
import { beaconsOf, unseenBeacons, writeBeacons } from './beacons.ts';
import { along, fromAbove, pointsAlone, spotAlong } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import { apart, around, isColoured } from './pixels.ts';

const background = [15, 17, 21] as const;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-loading-'));
  await writeBeacons(join(folder, 'beacons'));
});
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser('opening a data set', (browser) => {
  const target = [0, 0, 0] as const;
  const distanceM = 4;

  it('shows every point of the first frame, and nothing where there is none', async () => {
    const address = await browser.serve({ path: join(folder, 'beacons') });
    const link = { ...pointsAlone, size: 4, ...along(target, distanceM) };
    // As Chromium says it of a machine without a locale, which no number format takes.
    const language =
      "Object.defineProperty(navigator, 'language', { value: 'en-US@posix', configurable: true })";
    const page = await browser.open(address, link, { before: (tab) => tab.addInitScript(language) });
    await page.shown(0);
    await page.pictured();
    const stage = await page.stage();
    let seen = 0;
    for (const { at } of beaconsOf(0)) {
      const spot = spotAlong(stage, target, distanceM, at);
      expect(isColoured(stage.at(...spot)), `the point at ${at}, seen at ${spot}`).toBe(true);
      seen += stage.other(background, around(...spot, 4));
    }
    expect(stage.other(background)).toBe(seen);
    expect(await page.page.locator('#title').textContent()).toBe('beacons');
    expect(await page.page.title()).toBe('beacons · pointpair');
    expect(await page.page.locator('#frame-name .id').textContent()).toBe('000000');
    await page.fact('Points', String(24 + unseenBeacons));
    await page.fact('Picture', '624 × 192');
    await page.fact('Labels', '1');
  });

  it('shows the background alone where one looks past all points', async () => {
    const address = await browser.serve({ path: join(folder, 'beacons') });
    const page = await browser.open(address, { ...pointsAlone, ...along([200, 0, 300], 4) });
    await page.shown(0);
    const stage = await page.stage();
    expect(stage.width * stage.height).toBeGreaterThan(200_000);
    expect(stage.other(background)).toBe(0);
  });

  it('goes to the next frame, with its own points, name and numbers', async () => {
    const address = await browser.serve({ path: join(folder, 'beacons') });
    const page = await browser.open(address, { ...pointsAlone, size: 4, ...along(target, distanceM) });
    await page.shown(0);
    const first = await page.stage();
    await page.page.getByRole('button', { name: 'Next frame' }).click();
    await page.shown(1);
    const second = await page.stage();
    for (const { at } of beaconsOf(1)) {
      expect(isColoured(second.at(...spotAlong(second, target, distanceM, at)))).toBe(true);
    }
    // What the first frame alone has is gone.
    const gone = spotAlong(second, target, distanceM, beaconsOf(0)[23].at);
    expect(apart(first.at(...gone), background)).toBeGreaterThan(40);
    expect(apart(second.at(...gone), background)).toBeLessThan(4);
    expect(await page.page.locator('#frame-name .id').textContent()).toBe('000001');
    await page.fact('Points', String(12 + unseenBeacons));
    expect(Object.keys(await page.facts())).not.toContain('Labels');
    expect(await page.page.locator('#timeline .count').textContent()).toBe('2 / 2');
  });

  it('shows a file of points without a camera, its own colours among what can be chosen', async () => {
    const file = join(folder, 'three.pcd');
    const rows = [
      [0, 2, 0, 255, 0, 0],
      [0, 0, 0, 0, 255, 0],
      [0, -2, 0, 0, 0, 255],
    ];
    const cloud = cloudFromRows(Float32Array.from(rows.flat()), ['x', 'y', 'z', 'red', 'green', 'blue']);
    await writeFile(file, writePcd(cloud, { encoding: 'binary' }));
    const address = await browser.serve({ path: file });
    const page = await browser.open(address, {
      ...pointsAlone,
      size: 6,
      colour: 'file',
      ...fromAbove([0, 0, 0], 8),
    });
    await page.shown(0);
    const stage = await page.stage();
    const [red, green, blue] = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ] as const;
    const third = stage.width / 2;
    expect(stage.near(red, 2, { right: third - 20 })).toBeGreaterThan(20);
    expect(stage.near(green, 2, around(third, stage.height / 2, 5))).toBeGreaterThan(20);
    expect(stage.near(blue, 2, { left: third + 20 })).toBeGreaterThan(20);
    await page.fact('Points', '3');
    expect(await page.page.locator('#picture-pane').isVisible()).toBe(false);
  });

  describeWithRealData('of recorded frames', 'kitti-object', (root) => {
    const points = async (id: string) => (await stat(join(root, `training/velodyne/${id}.bin`))).size / 16;

    it('shows the sweep in colours, with its picture and its numbers', async () => {
      const page = await browser.open(await browser.serve({ path: root }), { labels: 'no' });
      await page.shown(0);
      await page.pictured();
      const stage = await page.stage();
      expect(stage.count(isColoured)).toBeGreaterThan(20_000);
      expect(stage.near(background, 3)).toBeGreaterThan(100_000);
      await page.fact('Points', (await points('000000')).toLocaleString('en'));
      await page.fact('Picture', '1224 × 370');

      await page.page.keyboard.press('.');
      await page.shown(1);
      const next = await page.stage();
      expect(next.count(isColoured)).toBeGreaterThan(20_000);
      expect(next.differing(stage, 30)).toBeGreaterThan(20_000);
      expect(await page.page.locator('#frame-name .id').textContent()).toBe('000001');
      await page.fact('Points', (await points('000001')).toLocaleString('en'));
    });
  });

  it('shows the picture below the points', async () => {
    const address = await browser.serve({ path: join(folder, 'beacons') });
    const page = await browser.open(address, { onPicture: 'nothing', labels: 'no' });
    await page.pictured();
    const pane = await page.picture();
    for (const { patch } of beaconsOf(0)) expect(pane.near(patch, 14), `${patch}`).toBeGreaterThan(800);
  });
});
