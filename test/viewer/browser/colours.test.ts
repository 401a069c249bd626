import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseKittiCalibration, pixelFromLidar } from '../../../src/geometry/kitti-calibration.ts';
import { projectPoints } from '../../../src/geometry/projection.ts';
import { readKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { colourTable } from '../../../src/viewer/app/sweep/colour-maps.ts';
import { describeWithRealData } from '../../real-data.ts';
import { type Beacon, beaconPicture, beaconsOf, writeBeacons } from './beacons.ts';
import { pointsAlone, spotThrough } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import { apart, Pixels, type Rgb } from './pixels.ts';

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-colours-'));
  await writeBeacons(folder);
  viewer = await serve({ path: folder });
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

describeInBrowser('colours of points', (browser) => {
  const throughCamera = { ...pointsAlone, view: 'camera', size: 4 } as const;

  /** What the stage shows at each beacon. */
  async function seenAt(page: OpenPage): Promise<Rgb[]> {
    const stage = await page.stage();
    return beaconsOf(0).map(({ pixel }) => stage.at(...spotThrough(stage, beaconPicture, pixel)));
  }

  /** The colour of a value on a map between two ends. */
  function mapped(value: number, { map = 'turbo', low = 0, high = 1 }): Rgb {
    const level = Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
    const [red, green, blue] = colourTable(map).subarray(3 * level, 3 * level + 3);
    return [red, green, blue];
  }

  async function expectColours(
    page: OpenPage,
    colourOf: (beacon: Beacon) => Rgb,
    tolerance = 2,
  ): Promise<void> {
    const seen = await seenAt(page);
    beaconsOf(0).forEach((beacon, k) => {
      expect(apart(seen[k], colourOf(beacon)), `${seen[k]}, not ${colourOf(beacon)}`).toBeLessThanOrEqual(
        tolerance,
      );
    });
    expect(new Set(seen.map(String)).size).toBeGreaterThan(6);
  }

  it('are height, intensity or distance between the ends of the scale', async () => {
    const page = await browser.open(viewer.address, { ...throughCamera, low: -2, high: 3 });
    await page.shown(0);
    await expectColours(page, ({ at }) => mapped(at[2], { low: -2, high: 3 }));

    await page.select('colour', 'field:reflectance');
    await page.enter('low', 0);
    await page.enter('high', 0.75);
    await expectColours(page, ({ reflectance }) => mapped(reflectance, { high: 0.75 }));
    expect(await page.page.locator('#legend').textContent()).toBe('Reflectance00.75');

    await page.select('colour', 'range');
    await page.enter('low', 5);
    await page.enter('high', 40);
    await expectColours(page, ({ at }) => mapped(Math.hypot(...at), { low: 5, high: 40 }));
    expect(await page.page.locator('#legend').textContent()).toBe('Distance5 m40 m');
  });

  it('are those of the picture where the camera sees a point', async () => {
    const page = await browser.open(viewer.address, { ...throughCamera, colour: 'picture' });
    await page.shown(0);
    await page.pictured();
    await expectColours(page, ({ patch }) => patch, 14);
    expect(await page.page.locator('#legend').isVisible()).toBe(false);
  });

  it('change with the map, and with the ends of the scale', async () => {
    const ends = { low: -2, high: 3 };
    const page = await browser.open(viewer.address, { ...throughCamera, ...ends });
    await page.shown(0);
    for (const map of ['viridis', 'magma', 'grey'] as const) {
      await page.select('map', map);
      await expectColours(page, ({ at }) => mapped(at[2], { map, ...ends }));
    }
    await page.enter('high', 0);
    await expectColours(page, ({ at }) => mapped(at[2], { map: 'grey', low: -2, high: 0 }));
    await page.page.getByRole('button', { name: 'Fit' }).click();
    await page.drawn();
    const [low, high] = await page.page
      .locator('.ends input')
      .evaluateAll<number[], { value: string }>((fields) => fields.map(({ value }) => Number(value)));
    // The 2nd and the 98th percentile of 27 points: all but the lowest and the highest.
    const heights = [...beaconsOf(0).map(({ at }) => at[2]), -1, 0, 1].sort((a, b) => a - b);
    expect(low).toBeCloseTo(heights[1], 1);
    expect(high).toBeCloseTo(heights[25], 1);
    await expectColours(page, ({ at }) => mapped(at[2], { map: 'grey', low, high }), 3);
  });

  it('are drawn on the picture as well, or depth is, or nothing', async () => {
    const page = await browser.open(viewer.address, { ...throughCamera, onPicture: 'nothing' });
    await page.pictured();
    await page.shown(0);
    const bare = await page.picture();
    await page.choose('onPicture', 'depth');
    const depth = await page.picture();
    await page.choose('onPicture', 'colours');
    const colours = await page.picture();
    expect(depth.differing(bare, 40)).toBeGreaterThan(24 * 3);
    expect(colours.differing(bare, 40)).toBeGreaterThan(24 * 3);
    expect(colours.differing(depth, 40)).toBeGreaterThan(24);
    // Three pixels of the picture in square, and their softened edges.
    expect(depth.differing(bare, 8)).toBeLessThan(24 * 60);
  });

  describeWithRealData('of a recorded frame', 'kitti-object', (root) => {
    it('are those of the picture at the same places of the view through the camera', async () => {
      const page = await browser.open(await browser.serve({ path: root }), {
        ...pointsAlone,
        view: 'camera',
        colour: 'picture',
        size: 1,
        frame: '000003',
      });
      await page.shown(3);
      await page.pictured();
      const stage = await page.stage();
      const file = (sub: string) => readFile(join(root, 'training', sub));
      const picture = await Pixels.of(await file('image_2/000003.png'));
      const points = readKittiBin(await file('velodyne/000003.bin'));
      const calibration = parseKittiCalibration(await file('calib/000003.txt').then(String));
      const { u, v } = projectPoints(points, 4, pixelFromLidar(calibration));
      /** The share of points whose place on the stage has the colour that the picture has `beside` pixels away. */
      const share = (beside: number): number => {
        let [alike, all] = [0, 0];
        for (let i = 0; i < u.length; i += 7) {
          const [x, y] = [Math.round(u[i]), Math.round(v[i])];
          if (!(x >= 0 && y >= 0 && x + beside < picture.width && y < picture.height)) continue;
          all++;
          const seen = stage.at(...spotThrough(stage, picture, [u[i], v[i]]));
          if (apart(seen, picture.at(x + beside, y)) < 40) alike++;
        }
        expect(all).toBeGreaterThan(1500);
        return alike / all;
      };
      expect(share(0)).toBeGreaterThan(0.8);
      // What lies beside is often alike.
      expect(share(60)).toBeLessThan(share(0) - 0.25);
    });
  });
});
