import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPcd, writePcd } from '../../../src/pointcloud/pcd.ts';
import { fieldOf, rowsOf } from '../../../src/pointcloud/point-cloud.ts';
import { categoryColour } from '../../../src/viewer/app/sweep/categories.ts';
import { beaconCar, beaconsOf, unseenBeacons, writeBeacons } from './beacons.ts';
import { allRed, fromAbove, type Place, pointsAlone, red, spotFromAbove } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { apart, around, type Pixels, type Rgb } from './pixels.ts';

let folder: string;
let viewer: Served;
const target: Place = [16, 0, 0];
const distanceM = 40;
const yellow: Rgb = [255, 209, 102];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-tools-'));
  await writeBeacons(folder);
  viewer = await serve({ path: folder });
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

/** Saves what a button saves, and reads it. */
async function saved({ page }: OpenPage, button: string) {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const file = await coming;
  return { name: file.suggestedFilename(), cloud: readPcd(await readFile(await file.path())) };
}

describeInBrowser('tools of the scene', (browser) => {
  const beacons = beaconsOf(0);
  const all = beacons.length + unseenBeacons;
  const isRed = (stage: Pixels, at: Place) =>
    stage.near(red, 12, around(...spotFromAbove(stage, target, distanceM, at), 1)) > 0;

  it('leave points out that are not in the clip box or the range: in space, on the picture, for the pointer and in files', async () => {
    const link = {
      ...pointsAlone,
      ...allRed,
      ...fromAbove(target, distanceM),
      size: 4,
      onPicture: 'nothing',
    };
    const page = await browser.open(viewer.address, link);
    await page.shown(0);
    await page.pictured();
    const told = page.page.locator('.clip-count');
    const bare = await page.picture();
    await page.choose('onPicture', 'depth');
    const marked = (await page.picture()).differing(bare, 40);
    await page.page.getByText('Range filter and clip box').click();

    await page.enter('xMin', 8);
    await page.enter('xMax', 20);
    await page.enter('yMax', 3);
    const inBox = beacons.filter(({ at: [x, y] }) => x >= 8 && x <= 20 && y <= 3);
    expect(inBox.length).toBeGreaterThan(4);
    expect(inBox.length).toBeLessThan(20);
    const textOf = (count: number) =>
      `${count} of ${all} points shown (${Number(((100 * count) / all).toPrecision(2))} %)`;
    expect(await told.textContent()).toBe(textOf(inBox.length));
    const boxed = await page.stage();
    for (const each of beacons) expect(isRed(boxed, each.at), `${each.at}`).toBe(inBox.includes(each));

    const [outside, inside] = [beacons.find((each) => !inBox.includes(each))!, inBox[0]];
    await page.clickAt('stage', ...spotFromAbove(boxed, target, distanceM, outside.at));
    expect(await page.page.locator('#card').isVisible()).toBe(false);
    await page.clickAt('stage', ...spotFromAbove(boxed, target, distanceM, inside.at));
    expect(await page.page.locator('#card').textContent()).toContain(`Point ${beacons.indexOf(inside)}`);
    await page.page.keyboard.press('Escape');

    // The corners of the box that have limits on both sides are joined: those at x of 8 and 20, y of 3 are open above.
    await page.enter('zMin', -5);
    await page.enter('zMax', 5);
    await page.enter('near', 9);
    await page.enter('far', 15);
    const inRange = inBox.filter(({ at }) => Math.hypot(...at) >= 9 && Math.hypot(...at) <= 15);
    expect(inRange.length).toBeGreaterThan(1);
    expect(inRange.length).toBeLessThan(inBox.length);
    expect(await told.textContent()).toBe(textOf(inRange.length));
    const ranged = await page.stage();
    for (const each of beacons) expect(isRed(ranged, each.at), `${each.at}`).toBe(inRange.includes(each));
    const edge = spotFromAbove(ranged, target, distanceM, [8, 2, 0]);
    expect(ranged.near(yellow, 60, around(...edge, 3))).toBeGreaterThan(3);
    const left = (await page.picture()).differing(bare, 40);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(marked / 2);

    const { name, cloud } = await saved(page, 'Save the shown points as PCD');
    expect(name).toMatch(/000000\.pcd$/);
    expect(cloud.fields.map((field) => [field.name, field.type])).toEqual(
      ['x', 'y', 'z', 'reflectance'].map((field) => [field, 'float32']),
    );
    expect([...rowsOf(cloud, ['x', 'y', 'z', 'reflectance'])]).toEqual(
      inRange.flatMap(({ at, reflectance }) => [...at, reflectance]),
    );

    await page.enter('near', 20);
    expect(await told.textContent()).toContain('min of range is greater than max');
    await page.page.getByRole('button', { name: 'Reset' }).click();
    const reset = await page.stage();
    for (const { at } of beacons) expect(isRed(reset, at)).toBe(true);
    expect(await told.isVisible()).toBe(false);

    // A link brings the limits along.
    await page.page.goto('about:blank');
    const again = await browser.open(viewer.address, {
      ...link,
      near: 9,
      far: 15,
      yMax: 3,
      xMin: 8,
      xMax: 20,
    });
    await again.shown(0);
    expect(await again.page.locator('.clip-count').textContent()).toBe(textOf(inRange.length));
  });

  it('measure a distance between two points, and list objects to fly to', async () => {
    const link = { ...pointsAlone, ...allRed, ...fromAbove(target, distanceM), size: 4, labels: 'yes' };
    const page = await browser.open(viewer.address, { ...link, map: 'grey' });
    await page.shown(0);
    const stage = await page.stage();
    const [one, other] = [beacons[2].at, beacons[21].at];
    const middle: Place = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2, 0];
    const between = around(...spotFromAbove(stage, target, distanceM, middle), 4);
    expect(stage.near(yellow, 30, between)).toBe(0);
    await page.page.keyboard.press('m');
    await page.clickAt('stage', ...spotFromAbove(stage, target, distanceM, one));
    expect(await page.page.locator('.measured').textContent()).toBe('Click a second point');
    await page.clickAt('stage', ...spotFromAbove(stage, target, distanceM, other));
    const distance = Math.hypot(...one.map((value, axis) => value - other[axis]));
    const label = page.page.locator('.stage-label', { hasText: /^\d+\.\d\d m$/ });
    // Points travel to two millimetres.
    expect(Number.parseFloat((await label.textContent())!)).toBeCloseTo(distance, 1);
    expect(await page.page.locator('.measured').textContent()).toContain('horizontal');
    expect((await page.stage()).near(yellow, 30, between)).toBeGreaterThan(4);
    expect(await page.page.locator('#card').isVisible()).toBe(false);
    await page.page.keyboard.press('Escape');
    expect((await page.stage()).near(yellow, 30, between)).toBe(0);
    expect(await label.isVisible()).toBe(false);

    await page.page.locator('summary', { hasText: 'Objects' }).click();
    const rows = page.page.locator('.objects li > button');
    await rows.first().waitFor();
    const car = [0, 1, 2].map((axis) => (beaconCar.low[axis] + beaconCar.high[axis]) / 2);
    expect(await rows.allTextContents()).toEqual([`Car${Math.hypot(...car).toFixed(1)} m`]);
    await rows.click();
    await page.drawn();
    await page.page.waitForTimeout(300);
    const pose = new URLSearchParams(new URL(page.page.url()).hash.slice(1))
      .get('pose')!
      .split(',')
      .map(Number);
    car.forEach((value, axis) => {
      expect(pose[axis]).toBeCloseTo(value, 2);
    });
    expect(pose[3]).toBeLessThan(distanceM / 2);
    await page.page.getByRole('button', { name: 'Clip to it' }).click();
    const sides = await Promise.all(
      ['xMin', 'yMin', 'zMin', 'xMax', 'yMax', 'zMax'].map((name) =>
        page.page.locator(`input[name="${name}"]`).inputValue(),
      ),
    );
    [...beaconCar.low, ...beaconCar.high].forEach((value, side) => {
      expect(Math.abs(Number(sides[side]) - value)).toBeLessThan(0.011);
    });
    await page.select('objectClass', 'Car');
    expect(await rows.count()).toBe(1);
  });

  it('colour columns of kinds by category, with a legend, until that is turned off', async () => {
    const places = Array.from({ length: 30 }, (_, i): Place => [Math.floor(i / 6) * 2, (i % 6) * 2, 0]);
    const labelOf = (i: number) => [0, 3, 7, 40, 252][Math.floor(i / 6)];
    const field = (name: string, type: 'float32' | 'uint16', values: number[]) => ({
      ...{ name, type, count: 1 },
      data: type === 'uint16' ? Uint16Array.from(values) : Float32Array.from(values),
    });
    const path = join(folder, 'labelled.pcd');
    const cloud = {
      ...{ count: 30, width: 30, height: 1 },
      fields: [
        ...['x', 'y', 'z'].map((name, axis) =>
          field(
            name,
            'float32',
            places.map((at) => at[axis]),
          ),
        ),
        field(
          'label',
          'uint16',
          places.map((_, i) => labelOf(i)),
        ),
      ],
    };
    await writeFile(path, writePcd(cloud, { encoding: 'binary' }));
    const [middle, far]: [Place, number] = [[4, 5, 0], 20];
    const page = await browser.open(await browser.serve({ path }), {
      ...{ ...pointsAlone, ...fromAbove(middle, far), size: 6 },
      colour: 'field:label',
    });
    await page.shown(0);
    const stage = await page.stage();
    const seen = (pixels: Pixels) => places.map((at) => pixels.at(...spotFromAbove(stage, middle, far, at)));
    seen(stage).forEach((rgb, i) => {
      expect(apart(rgb, categoryColour(labelOf(i)))).toBeLessThanOrEqual(2);
    });
    expect(new Set(seen(stage).map(String)).size).toBe(5);
    const legend = page.page.locator('#legend');
    expect(await legend.locator('li span').allTextContents()).toEqual(['0', '3', '7', '40', '252']);
    expect(await legend.locator('li b').allTextContents()).toEqual(Array(5).fill('6'));
    await page.turn('categories', false);
    await until(async () => (await legend.textContent()) === 'Label0252', 'the scale of labels');
    expect(apart(seen(await page.stage())[0], categoryColour(0))).toBeGreaterThan(30);
    expect(fieldOf((await saved(page, 'Save the shown points as PCD')).cloud, 'label').data).toEqual(
      cloud.fields[3].data,
    );
  });

  it('show two clouds side by side with the same eye', async () => {
    const written = async (name: string, places: readonly Place[]) => {
      const data = (axis: number) => Float32Array.from(places, (at) => at[axis]);
      const fields = ['x', 'y', 'z'].map((field, axis) => {
        return { name: field, type: 'float32' as const, count: 1, data: data(axis) };
      });
      const cloud = { count: places.length, width: places.length, height: 1, fields };
      await writeFile(join(folder, name), writePcd(cloud, { encoding: 'binary' }));
      return join(folder, name);
    };
    const [both, before, after]: readonly Place[] = [
      [0, 0, 0],
      [4, 3, 0],
      [-4, -3, 0],
    ];
    const address = await browser.serve({
      path: await written('before.pcd', [both, before]),
      beside: await written('after.pcd', [both, after]),
    });
    const [middle, far]: [Place, number] = [[0, 0, 0], 20];
    const page = await browser.open(address, {
      ...pointsAlone,
      ...allRed,
      ...fromAbove(middle, far),
      size: 6,
    });
    await page.shown(0);
    await until(
      () => page.page.evaluate<boolean>("performance.getEntriesByName('pointpair:beside').length > 0"),
      'the second cloud',
    );
    const sees = (stage: Pixels, half: 0 | 1, at: Place, eye: Place) => {
      const width = stage.width / 2;
      const [x, y] = spotFromAbove({ width, height: stage.height }, eye, far, at);
      return stage.near(red, 12, around(x + half * width, y, 2)) > 0;
    };
    const seen = (stage: Pixels, eye: Place) =>
      ([0, 1] as const).map((half) => [both, before, after].map((at) => sees(stage, half, at, eye)));
    const expected = [
      [true, true, false],
      [true, false, true],
    ];
    expect(seen(await page.stage(), middle)).toEqual(expected);
    expect(await page.page.locator('#stage-sides span').allTextContents()).toEqual([
      'before.pcd',
      'after.pcd',
    ]);
    // Another place to look from is one for both.
    const eye: Place = [2, 1, 0];
    const pose = String(fromAbove(eye, far).pose);
    await page.page.evaluate(
      `location.hash = location.hash.replace(/pose=[^&]*/, '') + '&pose=${encodeURIComponent(pose)}'`,
    );
    expect(seen(await page.stage(), eye)).toEqual(expected);
  });
});
