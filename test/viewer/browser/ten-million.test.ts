import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fromAbove, type Place, pointsAlone, spotFromAbove } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import { addressOf, until } from './open-page.ts';

const count = 10_000_000;
const target: Place = [0, 0, 0];
const distanceM = 300;
let folder: string;
let path: string;

/** Where a point of the file is: along strips of a square kilometre of hills. */
function placeOf(i: number): Place {
  const [strip, along] = [Math.floor(i / 2500), i % 2500];
  const [x, y] = [strip / 4 - 500, along / 2.5 - 500];
  return [x, y, 5 * Math.sin(x / 40) * Math.cos(y / 60)];
}

/** How fast a page receives; -1 is as fast as can be. */
async function setBytesPerSecond(line: CDPSession, downloadThroughput: number): Promise<void> {
  const others = { offline: false, latency: 0, uploadThroughput: -1 };
  await line.send('Network.enable');
  await line.send('Network.emulateNetworkConditions', { ...others, downloadThroughput });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-ten-million-'));
  path = join(folder, 'hills.bin');
  const rows = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    const [x, y, z] = placeOf(i);
    rows[3 * i] = x;
    rows[3 * i + 1] = y;
    rows[3 * i + 2] = z;
  }
  await writeFile(path, rows);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser('a cloud of ten million points', (browser) => {
  it('is seen with its first pass, moves while the rest comes, and is drawn in levels of detail', {
    timeout: 180_000,
  }, async () => {
    const address = await browser.serve({ path, columns: 3 });
    // A slow line, so that most points are still to come while the view moves: 0.4 of 120 MB a second.
    let line: CDPSession | undefined;
    const page = await browser.open(
      address,
      { ...pointsAlone, ...fromAbove(target, distanceM), size: 1 },
      {
        before: async (tab) => {
          line = await tab.context().newCDPSession(tab);
          await setBytesPerSecond(line, 4e5);
        },
      },
    );
    const marks = (name: string) =>
      page.page.evaluate<number[]>(
        `performance.getEntriesByName('${name}').map(({ startTime }) => startTime)`,
      );
    await until(async () => (await marks('pointpair:begun')).length > 0, 'the first points');
    const note = page.page.locator('#stage-detail');
    const points = async () => (await page.facts()).Points;
    // A pass is 39,063 points, spread over the whole square: every part of the stage has some.
    const first = await page.stage();
    const [columns, rows] = [first.width / 5, first.height / 5];
    for (let k = 0; k < 25; k++) {
      const area = { left: (k % 5) * columns, top: Math.floor(k / 5) * rows };
      const part = { ...area, right: area.left + columns, bottom: area.top + rows };
      expect(first.other([15, 17, 21], part), `part ${k}`).toBeGreaterThan(20);
    }
    expect(await points()).toMatch(/^[\d,]+ of 10,000,000$/);

    // While the rest comes, the page answers and the view moves.
    const { x, y } = await page.place('stage');
    await page.page.mouse.move(x + 300, y + 300);
    await page.page.mouse.down();
    for (let step = 1; step <= 10; step++) await page.page.mouse.move(x + 300 + 8 * step, y + 300);
    await page.page.mouse.up();
    expect((await page.stage()).differing(first, 30)).toBeGreaterThan(500);
    expect(await points()).toMatch(/^[\d,]+ of 10,000,000$/);
    await setBytesPerSecond(line!, -1);

    await page.shown(0);
    expect(await points()).toBe('10,000,000');
    await until(async () => Number(await note.getAttribute('data-drawn')) > 50_000, 'the points in view');
    const [drawn, seen] = [await note.getAttribute('data-drawn'), await note.getAttribute('data-seen')].map(
      Number,
    );
    expect(drawn).toBeLessThan(seen);
    // 280 m of the kilometre are high, and what is wide of the same scale.
    expect(seen).toBeLessThan(0.35 * count);
    expect(await note.textContent()).toMatch(/points in view drawn$/);

    // Near by, all points in view are drawn, and a click finds one with the file's own numbers.
    const near = { ...pointsAlone, ...fromAbove(target, 40), size: 3 };
    await page.page.evaluate(`location.hash = '${addressOf('', near)}'`);
    await until(() => note.isHidden(), 'all points in view');
    const stage = await page.stage();
    const place: Place = [5.1, -3.3, 0];
    await page.clickAt('stage', ...spotFromAbove(stage, target, 40, place));
    const card = page.page.locator('#card');
    await until(async () => (await card.locator('dd').count()) >= 3, 'the numbers of the point');
    const point = Number(/Point (\d+)/.exec((await card.textContent())!)?.[1]);
    const facts = await page.facts('#card dl');
    placeOf(point).forEach((value, axis) => {
      expect(Number(facts['xyz'[axis]])).toBeCloseTo(value, 3);
    });
    expect(Math.hypot(placeOf(point)[0] - place[0], placeOf(point)[1] - place[1])).toBeLessThan(0.5);
  });
});
