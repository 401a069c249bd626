import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectBoxEdges } from '../../../src/geometry/box-projection.ts';
import { pixelFromLidar } from '../../../src/geometry/kitti-calibration.ts';
import { kittiLikeCalibration } from '../../objectives/tiny-simipu.ts';
import { describeWithRealData } from '../../real-data.ts';
import { beaconCar, beaconPicture, writeBeacons } from './beacons.ts';
import { allRed, fromAbove, pointsAlone, spotFromAbove, spotOnPicture } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import { around, type Pixels, type Rgb } from './pixels.ts';

const carColour: Rgb = [90, 169, 255];
const detectionColour: Rgb = [255, 159, 67];
const target = [14, -2, 0] as const;
const distanceM = 34;
/** Where detections stand: x and y of the LiDAR frame, and their score. */
const found = [
  [10, 4, 0.95],
  [14, 0, 0.6],
  [18, -6, 0.35],
  [22, 3, 0.12],
] as const;

let folder: string;
let data: string;
let detections: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-boxes-'));
  data = join(folder, 'beacons');
  detections = join(folder, 'detections');
  await writeBeacons(data);
  await mkdir(join(detections, 'data'), { recursive: true });
  // In the camera's frame: x to the right, z ahead, the bottom of the box at y.
  const lines = found.map(
    ([x, y, score]) =>
      `Car -1 -1 0 100 50 150 90 1.5 1.8 3 ${-y - 0.004} 1.6 ${x - 0.2718} -1.5707963 ${score}`,
  );
  await writeFile(join(detections, 'data/000000.txt'), `${lines.join('\n')}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser('boxes', (browser) => {
  const above = { ...pointsAlone, ...allRed, ...fromAbove(target, distanceM), onPicture: 'nothing' } as const;

  /** Which detections are on the stage, by the corner of theirs that is left and ahead. */
  function detectionsOn(stage: Pixels): number[] {
    return found.flatMap(([x, y, score]) => {
      const corner = spotFromAbove(stage, target, distanceM, [x + 1.5, y + 0.9, 0]);
      return stage.near(detectionColour, 40, around(...corner, 3)) > 1 ? [score] : [];
    });
  }

  const labels = async (page: OpenPage) =>
    (await page.page.locator('.stage-label:visible').allTextContents()).sort();

  it('of labels are on the stage and on the picture, with their names, where they are wanted', async () => {
    const page = await browser.open(await browser.serve({ path: data }), above);
    await page.shown(0);
    await page.pictured();
    const [bareStage, barePicture] = [await page.stage(), await page.picture()];
    expect(bareStage.near(carColour, 30)).toBe(0);
    expect(await labels(page)).toEqual([]);
    await page.page.keyboard.press('l');
    const [stage, picture] = [await page.stage(), await page.picture()];
    const { low, high } = beaconCar;
    const spot = spotFromAbove(stage, target, distanceM, [high[0], high[1], 0]);
    expect(stage.near(carColour, 40, around(...spot, 2))).toBeGreaterThan(1);
    expect(await labels(page)).toEqual(['Car']);

    const box = {
      center: [0, 1, 2].map((c) => (low[c] + high[c]) / 2) as unknown as readonly [number, number, number],
      sizeM: [4, 1.6, 1.5] as const,
      yaw: 0,
    };
    const { width, height } = beaconPicture;
    const edges = projectBoxEdges(box, pixelFromLidar(kittiLikeCalibration(width, height)));
    expect(edges.length).toBe(12 * 4);
    for (let at = 0; at < edges.length; at += 4) {
      const middle = [(edges[at] + edges[at + 2]) / 2, (edges[at + 1] + edges[at + 3]) / 2] as const;
      const seen = spotOnPicture(picture, beaconPicture, middle);
      expect(picture.near(carColour, 90, around(...seen, 2)), `edge ${at / 4}`).toBeGreaterThan(1);
    }
    expect(picture.differing(barePicture, 30)).toBeGreaterThan(100);
    await page.turn('labels', false);
    expect((await page.stage()).differing(bareStage)).toBe(0);
    expect((await page.picture()).differing(barePicture)).toBe(0);
  });

  it('of detections are shown down to the minimum score', async () => {
    const page = await browser.open(await browser.serve({ path: data, detections }), { ...above, score: 0 });
    await page.shown(0);
    await page.pictured();
    await page.fact('Detections', '4');
    expect(detectionsOn(await page.stage())).toEqual([0.95, 0.6, 0.35, 0.12]);
    expect(await labels(page)).toEqual(['Car 0.12', 'Car 0.35', 'Car 0.60', 'Car 0.95']);
    const onPicture = [await page.picture()];
    for (const [least, left] of [
      [0.13, [0.95, 0.6, 0.35]],
      [0.5, [0.95, 0.6]],
      [0.6, [0.95, 0.6]],
      [0.61, [0.95]],
      [1, []],
    ] as const) {
      await page.enter('score', least);
      expect(detectionsOn(await page.stage()), `at least ${least}`).toEqual(left);
      onPicture.push(await page.picture());
      expect((await labels(page)).length).toBe(left.length);
    }
    expect((await page.stage()).near(detectionColour, 40)).toBe(0);
    const drawn = onPicture.map((picture) => picture.differing(onPicture.at(-1)!, 30));
    expect(drawn[0]).toBeGreaterThan(drawn[1]);
    expect(drawn[2]).toBe(drawn[3]);
    expect(drawn[3]).toBeGreaterThan(drawn[4]);
    expect(drawn[4]).toBeGreaterThan(0);
    await page.enter('score', 0);
    await page.turn('detections', false);
    expect((await page.stage()).near(detectionColour, 40)).toBe(0);
  });

  it('of detections have no controls where no results were given', async () => {
    const page = await browser.open(await browser.serve({ path: data }), above);
    await page.shown(0);
    expect(await page.page.locator('input[name="score"], input[name="detections"]').count()).toBe(0);
    expect(await page.page.locator('input[name="labels"]').count()).toBe(1);
  });

  describeWithRealData('of recorded frames', 'kitti-object', (root) => {
    it('are named on the stage, and objects that only the picture was labelled for are on it alone', async () => {
      const page = await browser.open(await browser.serve({ path: root }), {
        frame: '000003',
        onPicture: 'nothing',
      });
      await page.shown(3);
      await page.pictured();
      await page.fact('Labels', '3');
      expect((await labels(page)).filter((name) => /[A-Z]/.test(name))).toEqual(['Car']);
      const shown = await page.picture();
      await page.turn('labels', false);
      const bare = await page.picture();
      // A region that was not labelled in space: its left edge and its upper one.
      const size = { width: 1242, height: 375 };
      const [left, top] = spotOnPicture(bare, size, [5, 229.89]);
      const [right, bottom] = spotOnPicture(bare, size, [214.12, 360]);
      const edge = { left: left - 2, right: left + 3, top, bottom };
      expect(shown.cut(rounded(edge)).differing(bare.cut(rounded(edge)), 20)).toBeGreaterThan(
        0.3 * (bottom - top),
      );
      const inside = { left: left + 6, right: right - 6, top: top + 6, bottom: bottom - 6 };
      expect(shown.cut(rounded(inside)).differing(bare.cut(rounded(inside)), 20)).toBe(0);
    });
  });
});

function rounded(area: { left: number; top: number; right: number; bottom: number }) {
  const { left, top, right, bottom } = area;
  return {
    left: Math.round(left),
    top: Math.round(top),
    right: Math.round(right),
    bottom: Math.round(bottom),
  };
}
