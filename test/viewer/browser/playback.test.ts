import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithRealData } from '../../real-data.ts';
import { crossingCar, driveFrames, posts, stepM, walker, writeDrive } from './drive.ts';
import { allRed, fromAbove, pointsAlone, red, spotFromAbove } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { around, isColoured, type Rgb } from './pixels.ts';

const target = [14, 0, 0] as const;
const distanceM = 26;
const above = { ...pointsAlone, ...allRed, ...fromAbove(target, distanceM), size: 4 } as const;
const last = driveFrames.length - 1;
/** Of the track that crosses. */
const trackColour: Rgb = [79, 211, 216];

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-playback-'));
  viewer = await serve(await writeDrive(folder));
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

/** The frames that were on the stage, one after the other. */
async function seenBy(page: OpenPage): Promise<number[]> {
  const all = await page.page.evaluate<number[]>(
    "performance.getEntriesByName('pointpair:shown').map(({ detail }) => detail)",
  );
  return all.filter((frame, i) => frame !== all[i - 1]);
}

const play = (page: OpenPage) => page.page.getByRole('button', { name: 'Play' });
const isPlaying = async (page: OpenPage) => (await play(page).getAttribute('data-playing')) === 'yes';
const name = (page: OpenPage) => page.page.locator('#frame-name .id').textContent();

describeInBrowser('playing a drive', (browser) => {
  it('goes through its frames in order to the last one, and from there to the first', async () => {
    const page = await browser.open(viewer.address, { ...above, speed: 5 });
    await page.shown(0);
    await play(page).click();
    await page.shown(last);
    await until(async () => !(await isPlaying(page)), 'the end');
    expect(await seenBy(page)).toEqual([0, 1, 2, 3, 4]);
    expect(await name(page)).toBe('0000000005');
    expect(await page.page.locator('#timeline .count').textContent()).toMatch(/^5 \/ 5\s+0\.5 s$/);
    await page.page.keyboard.press(' ');
    await until(async () => (await seenBy(page)).length > last + 1, 'another frame');
    expect((await seenBy(page))[last + 1]).toBe(0);
  });

  it('holds where it is paused, and goes step by step and to wherever one drags', async () => {
    const page = await browser.open(viewer.address, { ...above, speed: 0.1 });
    await page.shown(0);
    await page.page.locator('select[name="speed"]').selectOption('0.5');
    await play(page).click();
    expect(await isPlaying(page)).toBe(true);
    await until(async () => (await seenBy(page)).includes(1), 'the second frame');
    await play(page).click();
    expect(await isPlaying(page)).toBe(false);
    await page.drawn();
    const at = (await seenBy(page)).at(-1)!;
    expect(at).toBeLessThan(last);
    // Three times as long as a frame lasts at this speed.
    await page.page.evaluate('new Promise((done) => setTimeout(done, 600))');
    expect((await seenBy(page)).at(-1)).toBe(at);

    await page.page.getByLabel('Frame', { exact: true }).fill('3');
    await page.shown(3);
    expect(await name(page)).toBe('0000000003');
    await page.page.getByRole('button', { name: 'Frame before' }).click();
    await page.shown(2);
    await page.page.getByRole('button', { name: 'Next frame' }).click();
    await page.shown(3);
    await page.page.getByRole('button', { name: 'Next frame' }).focus();
    await page.page.keyboard.press(',');
    await page.shown(2);
    // Each frame has points of its own.
    const stage = await page.stage();
    for (const [x, y, z] of [...posts, walker(2)]) {
      const spot = spotFromAbove(stage, target, distanceM, [x - 2 * stepM, y, z]);
      expect(stage.near(red, 2, around(...spot, 3))).toBeGreaterThan(8);
    }
    expect(stage.near(red, 2)).toBeLessThan((posts.length + 1) * 22);
  });

  it('tells which frames are missing', async () => {
    const page = await browser.open(viewer.address, above);
    await page.shown(0);
    expect(await page.page.locator('#frame-name .warn').count()).toBe(0);
    expect(await page.page.locator('#timeline .ticks i:not(.gap)').count()).toBe(driveFrames.length);
    expect(await page.page.locator('#timeline .ticks i.gap').count()).toBe(1);
    expect(await page.page.locator('#timeline .ticks i.partial[title*="missing"]').count()).toBe(1);
    await page.page.getByLabel('Frame', { exact: true }).fill('3');
    await page.shown(3);
    expect(await page.page.locator('#frame-name .warn').textContent()).toMatch(/4 is missing/);
    expect(await page.page.locator('#side .note', { hasText: '4 is missing' }).count()).toBe(1);
  });

  it('lays other sweeps over this one with the motion of the car undone, or as they were measured', async () => {
    const page = await browser.open(viewer.address, { ...above, neighbours: 2, frame: '0000000002' });
    await page.shown(2);
    const alone = await browser.open(viewer.address, { ...above, frame: '0000000002' });
    await alone.shown(2);
    const single = await alone.stage();
    const one = single.near(red, 2) / (posts.length + 1);
    expect(one).toBeGreaterThan(8);
    // Posts stand where they stand, and who walks is seen five times.
    // Edges of points that lie on one another may differ by a pixel.
    const have = async (points: number) =>
      Math.abs((await page.stage()).near(red, 2) / one - points) < 0.15 * points;
    await until(() => have(posts.length + 5), 'five sweeps');
    const steady = await page.stage();
    for (const frame of driveFrames) {
      const [x, y, z] = walker(frame);
      const spot = spotFromAbove(steady, target, distanceM, [x - 2 * stepM, y, z]);
      expect(steady.near(red, 2, around(...spot, 3)), `as in frame ${frame}`).toBeGreaterThan(8);
    }
    await page.turn('steady', false);
    await until(() => have(5 * (posts.length + 1)), 'posts in a row');
    const stage = await page.stage();
    for (const frame of driveFrames) {
      for (const [x, y, z] of [...posts, walker(frame)]) {
        const spot = spotFromAbove(stage, target, distanceM, [x - stepM * frame, y, z]);
        expect(stage.near(red, 2, around(...spot, 3)), `as in frame ${frame}`).toBeGreaterThan(8);
      }
    }
    await page.enter('neighbours', 0);
    await until(async () => (await page.stage()).differing(single) === 0, 'this sweep alone');
  });

  it('draws where what is tracked was and will be', async () => {
    const page = await browser.open(viewer.address, { ...above, labels: 'yes' });
    await page.shown(0);
    const stage = await page.stage();
    // As the middles were in all frames, from here: a straight line across the street.
    const [from, to] = [crossingCar(0), crossingCar(5)].map((at) =>
      spotFromAbove(stage, target, distanceM, at),
    );
    const drawnAt = (pixels: typeof stage) =>
      Array.from({ length: 40 }, (_, k) => 0.3 + (0.69 * k) / 39).filter((t) => {
        const at = [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])] as const;
        return (
          pixels.near(trackColour, 140, around(...at, 1)) > 1 &&
          pixels.count(isColoured, around(...at, 1)) > 1
        );
      }).length;
    await until(async () => drawnAt(await page.stage()) === 40, 'the trail');
    await page.turn('tracks', false);
    expect(drawnAt(await page.stage())).toBe(0);
  });

  const tracksOf = (root: string) =>
    join(dirname(dirname(root)), 'kitti-tracking/training/label_02/0000.txt');

  describeWithRealData('of recorded frames', 'kitti-raw/2011_09_26', (root) => {
    it('goes through all of them, and says which are missing', async () => {
      const address = await browser.serve({ path: root, tracks: tracksOf(root) });
      const page = await browser.open(address, { speed: 5 });
      await page.shown(0);
      await play(page).click();
      await page.shown(11);
      expect(await seenBy(page)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      expect(await name(page)).toBe('0000000011');
      expect(await page.page.locator('#frame-name .warn').textContent()).toBe('frames 12 to 153 are missing');
    });

    it('has sharper walls with the motion undone, and trails', async () => {
      const address = await browser.serve({ path: root, tracks: tracksOf(root) });
      const look = { ...pointsAlone, ...allRed, ...fromAbove([6, 0, 0], 60), size: 1 } as const;
      const page = await browser.open(address, { ...look, frame: '0000000005' });
      await page.shown(5);
      const single = (await page.stage()).near(red, 2);
      expect(single).toBeGreaterThan(5000);
      await page.enter('neighbours', 3);
      await until(async () => (await page.stage()).near(red, 2) > 1.15 * single, 'more points');
      const steady = await page.stage();
      await page.turn('steady', false);
      await until(async () => (await page.stage()).differing(steady, 30) > 1000, 'other places');
      expect((await page.stage()).near(red, 2)).toBeGreaterThan(1.03 * steady.near(red, 2));

      await page.enter('neighbours', 0);
      await page.turn('labels', true);
      await until(async () => (await page.stage()).near(red, 2) < 1.02 * single, 'this sweep alone');
      const withTrails = await page.stage();
      await page.turn('tracks', false);
      expect((await page.stage()).differing(withTrails, 20)).toBeGreaterThan(30);
    });
  });
});
