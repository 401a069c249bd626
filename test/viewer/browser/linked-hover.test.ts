import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseKittiCalibration, pixelFromLidar } from '../../../src/geometry/kitti-calibration.ts';
import { projectPoints } from '../../../src/geometry/projection.ts';
import { readKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../../real-data.ts';
import { beaconPicture, beaconsOf, writeBeacons } from './beacons.ts';
import { along, pointsAlone, type Spot, spotAlong, spotOnPicture, spotThrough } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import { apart, around, type Pixels, type Rgb } from './pixels.ts';

const white: Rgb = [255, 255, 255];
const yellow: Rgb = [255, 209, 102];
const ringRadius = 7;
const target = [0, 0, 0] as const;
const distanceM = 4;
const link = { ...pointsAlone, ...along(target, distanceM), onPicture: 'nothing', size: 3 } as const;

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-linked-'));
  await writeBeacons(folder);
  viewer = await serve({ path: folder });
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

/** Whether a ring of a colour is drawn around a spot: in 8 directions something of it is where it must be. */
function isRinged(pixels: Pixels, [x, y]: Spot, colour: Rgb): boolean {
  return Array.from({ length: 8 }, (_, k) => (k * Math.PI) / 4).every(
    (angle) =>
      pixels.near(colour, 60, around(x + ringRadius * Math.cos(angle), y + ringRadius * Math.sin(angle), 1)) >
      0,
  );
}

describeInBrowser('a point that is pointed at', (browser) => {
  async function opened(): Promise<OpenPage> {
    const page = await browser.open(viewer.address, link);
    await page.shown(0);
    await page.pictured();
    return page;
  }

  it('on the picture is ringed there and on the stage, until the pointer leaves', async () => {
    const page = await opened();
    const [bareStage, barePicture] = [await page.stage(), await page.picture()];
    for (const k of [1, 9, 22]) {
      const { at, pixel } = beaconsOf(0)[k];
      const onPicture = spotOnPicture(barePicture, beaconPicture, pixel);
      const onStage = spotAlong(bareStage, target, distanceM, at);
      expect(isRinged(bareStage, onStage, white)).toBe(false);
      // A little beside it.
      await page.pointAt('picture', onPicture[0] + 3, onPicture[1] + 2);
      const stage = await page.stage();
      expect(isRinged(stage, onStage, white), `point ${k} on the stage at ${onStage}`).toBe(true);
      expect(stage.near(white, 20, around(...onStage, 12))).toBe(stage.near(white, 20));
      expect(isRinged(await page.picture(), onPicture, white), `point ${k} on the picture`).toBe(true);
    }
    // Between the points, where none is meant.
    const [u, v] = beaconsOf(0)[8].pixel;
    await page.pointAt('picture', ...spotOnPicture(barePicture, beaconPicture, [u + 50, v + 23]));
    expect((await page.stage()).differing(bareStage)).toBe(0);
    expect((await page.picture()).differing(barePicture)).toBe(0);
  });

  it('on the stage is ringed there and on the picture, until the pointer leaves', async () => {
    const page = await opened();
    const [bareStage, barePicture] = [await page.stage(), await page.picture()];
    for (const k of [4, 12, 19]) {
      const { at, pixel } = beaconsOf(0)[k];
      const onStage = spotAlong(bareStage, target, distanceM, at);
      const onPicture = spotOnPicture(barePicture, beaconPicture, pixel);
      expect(isRinged(barePicture, onPicture, white)).toBe(false);
      await page.pointAt('stage', onStage[0] - 2, onStage[1] + 2);
      expect(isRinged(await page.picture(), onPicture, white), `point ${k} on the picture`).toBe(true);
      expect(isRinged(await page.stage(), onStage, white), `point ${k} on the stage`).toBe(true);
    }
    await page.page.mouse.move(1100, 700);
    expect((await page.stage()).differing(bareStage)).toBe(0);
    expect((await page.picture()).differing(barePicture)).toBe(0);
  });

  it.each(['stage', 'picture'] as const)(
    'and clicked on the %s is selected, with the numbers of its file, until Escape',
    async (where) => {
      const page = await opened();
      const [bareStage, barePicture] = [await page.stage(), await page.picture()];
      const { at, reflectance, pixel } = beaconsOf(0)[15];
      const onStage = spotAlong(bareStage, target, distanceM, at);
      const onPicture = spotOnPicture(barePicture, beaconPicture, pixel);
      await page.clickAt(where, ...(where === 'stage' ? onStage : onPicture));
      await page.fact('reflectance', String(reflectance), '#card dl');
      expect(await page.page.locator('#card h3').textContent()).toBe('Point 15');
      const facts = await page.facts('#card dl');
      ['x', 'y', 'z'].forEach((name, c) => {
        expect(Number(facts[name]), name).toBeCloseTo(at[c], 5);
      });
      expect(Number.parseFloat(facts.Distance)).toBeCloseTo(Math.hypot(...at), 2);
      const [u, v] = facts.Pixel.split(', ').map(Number);
      expect(Math.hypot(u - pixel[0], v - pixel[1])).toBeLessThan(0.1);

      await page.page.mouse.move(1100, 700);
      expect(isRinged(await page.stage(), onStage, yellow)).toBe(true);
      expect(isRinged(await page.picture(), onPicture, yellow)).toBe(true);
      await page.page.keyboard.press('Escape');
      expect(await page.page.locator('#card').isVisible()).toBe(false);
      expect((await page.stage()).differing(bareStage)).toBe(0);
      expect((await page.picture()).differing(barePicture)).toBe(0);
    },
  );

  it('and is selected is let go by its cross, by a click beside it, and by the next frame', async () => {
    const page = await opened();
    const stage = await page.stage();
    const spot = spotAlong(stage, target, distanceM, beaconsOf(0)[15].at);
    const card = page.page.locator('#card');
    const select = async () => {
      await page.clickAt('stage', ...spot);
      await card.waitFor();
    };
    await select();
    await card.getByRole('button', { name: 'Close' }).click();
    expect(await card.isVisible()).toBe(false);
    await select();
    await page.clickAt('stage', stage.width - 30, 150);
    expect(await card.isVisible()).toBe(false);
    await select();
    await page.page.keyboard.press('.');
    await page.shown(1);
    expect(await card.isVisible()).toBe(false);
  });

  describeWithRealData('among those of a recorded frame', 'kitti-object', (root) => {
    it('is one that the camera sees there, with the very numbers of its file', async () => {
      const file = (sub: string) => readFile(join(root, 'training', sub));
      const points = readKittiBin(await file('velodyne/000003.bin'));
      const calibration = parseKittiCalibration(String(await file('calib/000003.txt')));
      const { u, v } = projectPoints(points, 4, pixelFromLidar(calibration));
      const page = await browser.open(await browser.serve({ path: root }), {
        ...pointsAlone,
        view: 'camera',
        frame: '000003',
        onPicture: 'nothing',
      });
      await page.shown(3);
      await page.pictured();
      const size = { width: 1242, height: 375 };
      for (const pixel of [
        [670, 240],
        [300, 300],
        [1000, 280],
      ] as const) {
        await page.clickAt('picture', ...spotOnPicture(await page.picture(), size, pixel));
        const index = Number(/^Point (\d+)$/.exec((await page.page.locator('#card h3').textContent())!)![1]);
        expect(Math.hypot(u[index] - pixel[0], v[index] - pixel[1])).toBeLessThan(12.5);
        await page.fact('reflectance', /./, '#card dl');
        const facts = await page.facts('#card dl');
        const found = ['x', 'y', 'z', 'reflectance'].map((name) => Math.fround(Number(facts[name])));
        expect(found).toEqual([...points.subarray(4 * index, 4 * index + 4)]);
        // The view through the camera rings it where the camera sees it.
        await page.page.mouse.move(1100, 700);
        const stage = await page.stage();
        expect(isRinged(stage, spotThrough(stage, size, [u[index], v[index]]), yellow)).toBe(true);
        expect(apart(stage.at(...spotThrough(stage, size, [u[index], v[index]])), yellow)).toBeLessThan(60);
      }
    });
  });
});
