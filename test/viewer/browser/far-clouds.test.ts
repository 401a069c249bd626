import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pointsAlone } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import type { Rgb } from './pixels.ts';

const dark: Rgb = [15, 17, 21];
/** Places of a map, 40 x 40 of them, a decimetre apart: one on every whole number of both. */
const grid = Array.from({ length: 1600 }, (_, i) => [i % 40, Math.floor(i / 40)] as const);
const farAway = ['1e30 0 0', '0 0 -1e20', '9e9 9e9 9e9'];
let folder: string;
let plain: Served;
let disturbed: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-far-'));
  const rows = grid.map(
    ([i, j]) =>
      `${(500000 + i / 10).toFixed(1)} ${(4649776 + j / 10).toFixed(1)} ${(170 + (i + j) / 100).toFixed(2)}`,
  );
  const served = async (name: string, lines: readonly string[]) => {
    const header = `FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS ${lines.length}\nDATA ascii\n`;
    await writeFile(join(folder, name), `${header}${lines.join('\n')}\n`);
    return serve({ path: join(folder, name) });
  };
  plain = await served('plain.pcd', rows);
  disturbed = await served('disturbed.pcd', [
    ...rows.slice(0, 700),
    ...farAway,
    'nan 0 0',
    ...rows.slice(700),
  ]);
});
afterAll(async () => {
  await plain.close();
  await disturbed.close();
  await rm(folder, { recursive: true });
});

describeInBrowser('a cloud on a map', (browser) => {
  it('is shown as without the points that are far from all others, which are counted', async () => {
    const pages: OpenPage[] = [];
    for (const { address } of [plain, disturbed]) {
      const page = await browser.open(address, pointsAlone);
      await page.shown(0);
      pages.push(page);
    }
    const [calm, other] = [await pages[0].stage(), await pages[1].stage()];
    // Every point has pixels of its own: with steps of half a metre they would share those of a few.
    const [all, seen] = [calm.other(dark), other.other(dark)];
    expect(all).toBeGreaterThan(2 * grid.length);
    expect(seen / all).toBeGreaterThan(0.9);
    expect(seen / all).toBeLessThan(1.1);
    const facts = (page: OpenPage) => page.page.locator('.facts').first().innerText();
    expect((await facts(pages[1])).replaceAll(/\s+/g, ' ')).toContain(
      'Far from the others 3 Without a place 1',
    );
    expect(await facts(pages[0])).not.toContain('Far');
    for (const page of pages)
      expect(await page.page.locator('.note').allInnerTexts()).toContainEqual(
        expect.stringContaining('read as float64'),
      );
  });
});
