import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseKittiLabels } from '../../../src/datasets/kitti-labels.ts';
import { cornersOf } from '../../../src/geometry/box.ts';
import {
  parseKittiCalibration,
  pixelFromLidar,
  rectFromLidar,
} from '../../../src/geometry/kitti-calibration.ts';
import { projectPoints } from '../../../src/geometry/projection.ts';
import { readKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../../real-data.ts';
import { beaconCar, beaconPicture, beaconsOf, writeBeacons } from './beacons.ts';
import {
  allRed,
  along,
  fromAbove,
  type Place,
  pointsAlone,
  red,
  spotAlong,
  spotFromAbove,
  spotThrough,
} from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { apart, around, isColoured, type Rgb } from './pixels.ts';

const dark: Rgb = [15, 17, 21];
const light: Rgb = [247, 248, 250];
/** Of a car's box, on the stage. */
const carColour: Rgb = [90, 169, 255];
let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-views-'));
  await writeBeacons(folder);
  viewer = await serve({ path: folder });
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

describeInBrowser('views of the stage', (browser) => {
  it('has points where the calibration puts them in the view through the camera, over a dim picture', async () => {
    const page = await browser.open(viewer.address, { ...pointsAlone, ...allRed, size: 3 });
    await page.shown(0);
    await page.pictured();
    await page.choose('view', 'camera');
    const stage = await page.stage();
    for (const { pixel, patch } of beaconsOf(0)) {
      const spot = spotThrough(stage, beaconPicture, pixel);
      const name = `pixel ${pixel}, seen at ${spot}`;
      expect(apart(stage.at(...spot), red), name).toBeLessThan(3);
      expect(stage.near(red, 3, around(...spot, 2)), name).toBe(stage.near(red, 3, around(...spot, 30)));
      const [x, y] = spotThrough(stage, beaconPicture, [pixel[0] + 20, pixel[1]]);
      const between = stage.at(x, y);
      for (const c of [0, 1, 2]) {
        const [least, most] = [dark[c], patch[c]].sort((a, b) => a - b);
        expect(between[c], name).toBeGreaterThanOrEqual(least - 8);
        expect(between[c], name).toBeLessThanOrEqual(most + 8);
      }
      expect(apart(between, dark), name).toBeGreaterThan(25);
    }
    expect(stage.near(red, 3)).toBeLessThan(24 * 16);
  });

  it('has points and the corners of a box where they belong as seen from above', async () => {
    const target = [14, -2, 0] as const;
    const page = await browser.open(viewer.address, { ...pointsAlone, ...fromAbove(target, 16) });
    await page.shown(0);
    const bare = await page.stage();
    for (const { at } of beaconsOf(0)) {
      const [x, y] = spotFromAbove(bare, target, 16, at);
      if (y > 2 && y < bare.height - 2) expect(isColoured(bare.at(x, y)), `${at}`).toBe(true);
    }
    await page.turn('labels', true);
    const stage = await page.stage();
    const { low, high } = beaconCar;
    const spot = (x: number, y: number) => spotFromAbove(stage, target, 16, [x, y, 0]);
    for (const [x, y] of [low, high].flatMap(([x]) => [low, high].map(([, y]) => [x, y] as const))) {
      // Lines meet here, and nothing lies outside.
      expect(stage.near(carColour, 30, around(...spot(x, y), 2)), `corner ${x}, ${y}`).toBeGreaterThan(2);
      const outside = spot(x + Math.sign(x - 14) * 0.3, y + Math.sign(y + 2) * 0.3);
      expect(stage.near(carColour, 30, around(...outside, 1))).toBe(0);
    }
    const [, top] = spot(high[0], -2);
    const [left] = spot(14, high[1]);
    const [right] = spot(14, low[1]);
    expect(stage.near(carColour, 40, { left, right, top: top - 1, bottom: top + 2 })).toBeGreaterThan(
      0.8 * (right - left),
    );
  });

  it('has larger points for a larger size, and for nearer ones where that is wanted', async () => {
    const link = { ...pointsAlone, ...along([0, 0, 0], 4) };
    const page = await browser.open(viewer.address, { ...link, size: 2 });
    await page.shown(0);
    const areas: number[] = [];
    for (const size of [2, 4, 8]) {
      await page.enter('size', size);
      areas.push((await page.stage()).other(dark));
    }
    expect(areas[0]).toBeGreaterThan(24);
    expect(areas[1]).toBeGreaterThan(2 * areas[0]);
    expect(areas[2]).toBeGreaterThan(3 * areas[1]);
    await page.turn('attenuation', true);
    const stage = await page.stage();
    const area = (k: number) => {
      const [x, y] = spotAlong(stage, [0, 0, 0], 4, beaconsOf(0)[k].at);
      return stage.other(dark, around(x, y, 9));
    };
    expect(area(0)).toBeGreaterThan(1.5 * area(23));
  });

  it('has the background of its theme, which the browser suggests and the page changes', async () => {
    const page = await browser.open(viewer.address, pointsAlone, { theme: 'light' });
    await page.shown(0);
    const all = (await page.stage()).width * (await page.stage()).height;
    expect((await page.stage()).near(light, 0)).toBeGreaterThan(0.98 * all);
    await page.page.getByRole('button', { name: 'Dark or light' }).click();
    expect((await page.stage()).near(dark, 0)).toBeGreaterThan(0.98 * all);
    expect(await page.page.locator('html').getAttribute('data-theme')).toBe('dark');
  });

  it('draws the grid, the axes and the camera only where they are wanted', async () => {
    const page = await browser.open(viewer.address, { ...pointsAlone, ...along([8, 0, 0], 20) });
    await page.shown(0);
    const bare = await page.stage();
    for (const name of ['grid', 'axes', 'frusta']) {
      await page.turn(name, true);
      expect((await page.stage()).differing(bare), name).toBeGreaterThan(30);
      await page.turn(name, false);
      expect((await page.stage()).differing(bare), name).toBe(0);
    }
  });

  describeWithRealData('of recorded frames', 'kitti-object', (root) => {
    const file = (sub: string) => readFile(join(root, 'training', sub));

    it('has points where the calibration puts them, and darkens edges', async () => {
      const address = await browser.serve({ path: root });
      const page = await browser.open(address, {
        ...pointsAlone,
        ...allRed,
        view: 'camera',
        frame: '000003',
        size: 2,
      });
      await page.shown(3);
      const stage = await page.stage();
      const calibration = parseKittiCalibration(String(await file('calib/000003.txt')));
      const points = readKittiBin(await file('velodyne/000003.bin'));
      const { u, v } = projectPoints(points, 4, pixelFromLidar(calibration));
      const picture = { width: 1242, height: 375 };
      let [found, all] = [0, 0];
      for (let i = 0; i < u.length; i += 11) {
        if (!(u[i] >= 0 && v[i] >= 0 && u[i] < picture.width && v[i] < picture.height)) continue;
        all++;
        if (apart(stage.at(...spotThrough(stage, picture, [u[i], v[i]])), red) < 3) found++;
      }
      expect(all).toBeGreaterThan(1000);
      expect(found / all).toBeGreaterThan(0.97);
      // No point is seen in the sky.
      expect(stage.near(red, 3, { bottom: spotThrough(stage, picture, [0, 90])[1] })).toBe(0);

      const brightness = (pixels: typeof stage) => pixels.near(red, 3);
      await page.enter('eyeDome', 1);
      const shaded = await page.stage();
      expect(shaded.differing(stage)).toBeGreaterThan(5000);
      expect(brightness(shaded)).toBeLessThan(brightness(stage));
      await page.enter('eyeDome', 0);
      expect((await page.stage()).differing(stage)).toBe(0);
    });

    it('has the corners of a labelled car where its label puts them, from above', async () => {
      const calibration = parseKittiCalibration(String(await file('calib/000003.txt')));
      const labels = parseKittiLabels(String(await file('label_2/000003.txt')), {
        rectFromLidar: rectFromLidar(calibration),
      });
      const car = labels.find(({ type }) => type === 'Car')!.box3!;
      const target: Place = [car.center[0], car.center[1], 0];
      const address = await browser.serve({ path: root });
      const page = await browser.open(address, {
        ...pointsAlone,
        ...fromAbove(target, 8),
        labels: 'yes',
        ...allRed,
        frame: '000003',
      });
      await page.shown(3);
      const stage = await page.stage();
      const corners = cornersOf(car);
      for (let k = 0; k < 4; k++) {
        const [x, y] = corners.subarray(3 * k, 3 * k + 3);
        const spot = spotFromAbove(stage, target, 8, [x, y, 0]);
        expect(stage.near(carColour, 40, around(...spot, 2)), `corner ${k} at ${spot}`).toBeGreaterThan(2);
      }
    });
  });
});
