import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MAP_CELLS, writeObjectMaps } from '../../../src/training/detection/object-maps.ts';
import { beaconCar, beaconPicture, writeBeacons } from './beacons.ts';
import { allRed, fromAbove, pointsAlone, spotFromAbove, spotOnPicture } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import { type OpenPage, until } from './open-page.ts';
import { around, type Pixels, type Rgb } from './pixels.ts';

const colours = {
  found: [61, 220, 132],
  right: [76, 195, 255],
  missed: [255, 77, 109],
  false: [255, 176, 32],
};
const target = [14, -2, 0] as const;
const distanceM = 34;
/** The region of the picture that the maps are of, and its middle. */
const region = [330, 90, 386, 118] as const;

let folder: string;
let run: string;
let worse: string;

/** A detector's run with its results of one frame. */
async function writeRun(path: string, data: string, results: string): Promise<void> {
  await mkdir(join(path, 'detections/objects'), { recursive: true });
  const config = {
    detector: 'monorun',
    monorun: { classes: ['Car'] },
    steps: 2,
    data: { root: data, imageSet: 'train', frames: 1 },
  };
  await writeFile(join(path, 'config.json'), JSON.stringify(config));
  const steps = [1, 2].map((step) => JSON.stringify({ step, time: step, loss: { total: 3 - step } }));
  await writeFile(
    join(path, 'metrics.jsonl'),
    `${[JSON.stringify({ kind: 'header', chance: {}, terms: {} }), ...steps].join('\n')}\n`,
  );
  await writeFile(join(path, 'detections/000000.txt'), results);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-outcomes-'));
  const data = join(folder, 'beacons');
  run = join(folder, 'run');
  await writeBeacons(data);
  // The labelled car a little beside itself, and one where there is none.
  const car = beaconCar.line.replace(' 2.00 1.65 14.00 ', ' 2.05 1.65 14.05 ');
  const other = beaconCar.line.replace(' 2.00 1.65 14.00 ', ' -3.00 1.65 18.00 ');
  await writeRun(run, data, `${car} 0.6\n${other} 0.4\n`);
  // Another detector finds nothing where the car is.
  worse = join(folder, 'worse');
  await writeRun(worse, data, `${other} 0.9\n`);
  const cells = MAP_CELLS ** 2;
  await writeObjectMaps(join(run, 'detections/objects/000000.safetensors'), [
    {
      box: region,
      pose: { center: [14.3, -2.05, -0.9], sizeM: [4, 1.6, 1.5], yaw: 0 },
      score: 0.6,
      covariance: Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 0.25 : 0)),
      // Its rear, from the top left to the bottom right.
      coordinates: Float32Array.from({ length: 3 * cells }, (_, i) => {
        const [column, row] = [Math.floor(i / 3) % MAP_CELLS, Math.floor(i / 3 / MAP_CELLS)];
        return [-2, -1.5 + (1.5 * row) / MAP_CELLS, 0.8 - (1.6 * column) / MAP_CELLS][i % 3];
      }),
      logStd: new Float32Array(2 * cells).fill(Math.log(2)),
      errorPx: new Float32Array(cells).fill(5),
    },
  ]);
});
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser("a detector's run", (browser) => {
  const above = { ...pointsAlone, ...allRed, ...fromAbove(target, distanceM), onPicture: 'nothing' } as const;
  const labelled = { ...above, labels: 'yes', score: 0.3 } as const;

  const counts = async (page: OpenPage) =>
    Object.fromEntries(
      await Promise.all(
        ['found', 'missed', 'false'].map(async (kind) => [
          kind,
          await page.page.locator(`[data-outcome="${kind}"] b`).textContent(),
        ]),
      ),
    );
  /** How many pixels of the stage have the colour of an outcome near the front left corner of a box. */
  const near = (stage: Pixels, kind: keyof typeof colours, x: number, y: number) =>
    stage.near(
      colours[kind] as unknown as Rgb,
      40,
      around(...spotFromAbove(stage, target, distanceM, [x, y, 0]), 4),
    );

  it('shows what was found, what was missed and what is a false alarm, at the score and overlap that are chosen', async () => {
    const page = await browser.open(await browser.serve({ path: run }), labelled);
    await page.shown(0);
    await page.pictured();
    const { high } = beaconCar;
    expect(await counts(page)).toEqual({ found: '1', missed: '0', false: '1' });
    const stage = await page.stage();
    expect(near(stage, 'found', high[0], high[1])).toBeGreaterThan(1);
    expect(near(stage, 'right', high[0], high[1])).toBeGreaterThan(1);
    expect(near(stage, 'missed', high[0], high[1])).toBe(0);
    expect(near(stage, 'false', 20.2718, 3.796)).toBeGreaterThan(1);
    await page.enter('score', 0.5);
    expect(await counts(page)).toEqual({ found: '1', missed: '0', false: '0' });
    expect(near(await page.stage(), 'false', 20.2718, 3.796)).toBe(0);
    await page.enter('score', 0.7);
    expect(await counts(page)).toEqual({ found: '0', missed: '1', false: '0' });
    const without = await page.stage();
    expect(near(without, 'missed', high[0], high[1])).toBeGreaterThan(1);
    expect(near(without, 'found', high[0], high[1])).toBe(0);
    await page.turn('outcomes', false);
    expect(await page.page.locator('.outcomes').isVisible()).toBe(false);
    expect(near(await page.stage(), 'missed', high[0], high[1])).toBe(0);
  });

  it('has the boxes of two detectors side by side, each with what it found and missed', async () => {
    const page = await browser.open(await browser.serve({ path: run, beside: worse }), labelled);
    await page.shown(0);
    const sides = page.page.locator('#stage-sides');
    await until(
      async () =>
        /run: 1 found, 0 missed, 1 false\s*worse: 0 found, 1 missed, 1 false/.test(await sides.innerText()),
      'what both detectors found',
    );
    const stage = await page.stage();
    const middle = Math.round(stage.width / 2);
    const [left, right] = [stage.cut({ right: middle }), stage.cut({ left: middle })];
    const { high } = beaconCar;
    expect(near(left, 'found', high[0], high[1])).toBeGreaterThan(1);
    expect(near(left, 'missed', high[0], high[1])).toBe(0);
    expect(near(right, 'found', high[0], high[1])).toBe(0);
    expect(near(right, 'missed', high[0], high[1])).toBeGreaterThan(1);
    for (const half of [left, right]) expect(near(half, 'false', 20.2718, 3.796)).toBeGreaterThan(1);
    // The slider is that of both.
    await page.enter('score', 0.7);
    await until(
      async () =>
        /run: 0 found, 1 missed, 0 false\s*worse: 0 found, 1 missed, 1 false/.test(await sides.innerText()),
      'what both detectors are surer of',
    );
    await page.tab('Run');
    expect(await sides.isVisible()).toBe(false);
    await page.tab('Scene');
    expect(await sides.isVisible()).toBe(true);
  });

  it('shows the maps behind its objects on the picture and in space, and the numbers of a cell', async () => {
    const page = await browser.open(await browser.serve({ path: run }), { ...above, detections: 'yes' });
    await page.shown(0);
    await page.pictured();
    const [bare, bareStage] = [await page.picture(), await page.stage()];
    await page.select('objects', 'coordinates');
    await page.page.getByText('Red grows to the front').waitFor();
    const [shown, stage] = [await page.picture(), await page.stage()];
    const at = (picture: Pixels, u: number, v: number) =>
      picture.at(...spotOnPicture(picture, beaconPicture, [u, v]));
    // The rear has no red; green grows upwards, and blue to the left.
    const [topLeft, topRight, bottomLeft] = [at(shown, 333, 93), at(shown, 383, 93), at(shown, 333, 115)];
    for (const [red] of [topLeft, topRight, bottomLeft]) expect(red).toBeLessThan(60);
    expect(topLeft[1] - bottomLeft[1]).toBeGreaterThan(120);
    expect(topLeft[2] - topRight[2]).toBeGreaterThan(120);
    // Beside the region, and beside the box of what was found, nothing is changed.
    const [left, top] = spotOnPicture(shown, beaconPicture, [200, 40]);
    const beside = { left: 0, top: 0, right: Math.round(left), bottom: Math.round(top) };
    expect(shown.cut(beside).differing(bare.cut(beside))).toBe(0);
    // From above the rear is a line across, 12.3 m ahead.
    const rear = spotFromAbove(stage, target, distanceM, [12.3, -2.05, 0]);
    expect(
      stage.cut(whole(around(...rear, 3))).differing(bareStage.cut(whole(around(...rear, 3)))),
    ).toBeGreaterThan(4);

    const { width, height } = await page.place('picture');
    await page.pointAt('picture', ...spotOnPicture({ width, height }, beaconPicture, [331, 90.4]));
    await page.fact('Reprojection error', '5 px', '#side section:has(select[name="objects"]) .facts');
    const facts = await page.facts('#side section:has(select[name="objects"]) .facts');
    expect(facts).toMatchObject({
      'Above its bottom': '1.5 m',
      'Deviation in u, v': '2, 2 px',
      Score: '0.6',
    });
    expect(facts['Ahead of its middle']).toBe('−2 m');

    await page.select('objects', 'error');
    await page.page.locator('.scale .ends').getByText('5').first().waitFor();
    await page.enter('score', 0.9);
    await page.page.getByText('No maps of objects here').waitFor();
    await page.select('objects', 'off');
    await page.enter('score', 0.3);
    await page.page.mouse.move(10, 10);
    expect((await page.picture()).differing(bare)).toBe(0);
    expect((await page.stage()).differing(bareStage)).toBe(0);
  });

  it('has its curves without chance, its checkpoints without features, and says so', async () => {
    const page = await browser.open(await browser.serve({ path: run }), { tab: 'run' });
    await page.page.getByText('Detector monorun').waitFor();
    await page.page.locator('.run-chart[aria-label="Total loss"]').waitFor();
    expect(await page.page.locator('.run-panel').innerText()).not.toContain('othing learned');
    expect(await page.page.locator('.run-checkpoints button').count()).toBe(0);
    expect(await page.page.getByRole('tab').allTextContents()).toEqual(['Scene', 'Matches', 'Run']);
    await page.tab('Matches');
    await page.page.getByText('without a model').waitFor();
    expect(await page.page.locator('select[name="model"]').count()).toBe(0);
  });
});

function whole(area: { left?: number; top?: number; right?: number; bottom?: number }) {
  return Object.fromEntries(Object.entries(area).map(([side, value]) => [side, Math.round(value)]));
}
