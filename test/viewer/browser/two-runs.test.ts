import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain } from '../../../src/training/pretrain.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { changed, tinyRun } from '../../objectives/tiny-simipu.ts';
import { fromAbove, pointsAlone } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import { until } from './open-page.ts';
import { isColoured, Pixels, type Rgb } from './pixels.ts';

const dark: Rgb = [15, 17, 21];

let folder: string;
const runs: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-two-runs-'));
  const root = join(folder, 'scenes');
  await smallScenes(root, { count: 4, heldOut: 1 });
  for (const [name, steps, seed] of [
    ['short', 3, 0],
    ['long', 6, 1],
  ] as const) {
    const config = changed(tinyRun({ steps, seed, checkpoint: { everySteps: 3, keep: 3 } }), {
      canvas: { width: 320, height: 96 },
    });
    const out = join(folder, name);
    await pretrain({ config, data: { root, imageSet: 'train' }, out, stream: { write: () => {} } });
    runs.push(out);
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser('two runs', (browser) => {
  it('have their features side by side on the same frame, and their curves over one another', async () => {
    const address = await browser.serve({ path: runs[0], beside: runs[1] });
    const page = await browser.open(address, {
      ...pointsAlone,
      tab: 'features',
      ...fromAbove([25, 0, 0], 60),
    });
    const sides = page.page.locator('#stage-sides');
    await sides.waitFor();
    expect(await sides.innerText()).toMatch(/short: step 3\s*long: step 3/);
    await page.pictured();
    const stage = await page.stage();
    const half = Math.round(stage.width / 2);
    const [left, right] = [stage.cut({ right: half - 2 }), stage.cut({ left: half, right: 2 * half - 2 })];
    expect(left.other(dark)).toBeGreaterThan(1000);
    expect(Math.abs(right.other(dark) / left.other(dark) - 1)).toBeLessThan(0.1);
    expect(left.differing(right, 12)).toBeGreaterThan(300);

    // Another model of the first: the second has none of that step, and shows its newest.
    await page.select('model', 'before');
    await until(async () => (await sides.innerText()).includes('before training'), 'what both began with');
    expect(await sides.innerText()).toMatch(/short: before training\s*long: before training/);
    await page.select('model', 'latest');
    await page.clickAt('picture', 150, 60);
    await until(async () => page.page.url().includes('cell='), 'a cell that is asked for');
    await page.fact('Likeness of cells', /to/);
    expect(await sides.innerText()).toMatch(/short: step 3\s*long: step 3/);

    await page.select('compare', 'untrained');
    await until(async () => (await sides.innerText()).includes('After training'), 'the untrained model');
    await page.select('compare', 'nothing');
    await sides.waitFor({ state: 'hidden' });

    await page.tab('Run');
    const states = page.page.locator('.run-state');
    await until(async () => (await states.count()) === 2, 'how both runs stand');
    expect(await states.allInnerTexts()).toEqual([
      expect.stringMatching(/short\s*Step 3 of 3/),
      expect.stringMatching(/long\s*Step 6 of 6/),
    ]);
    const chart = page.page.locator('.run-chart[aria-label="Total loss"]');
    expect(await chart.locator('.run-key b').allInnerTexts()).toEqual(['short', 'long']);
    const values = (await chart.locator('.run-key output').allInnerTexts()).map(Number);
    expect(values.every((value) => value > 0)).toBe(true);
    expect(values[0]).not.toBe(values[1]);
    // The longer curve goes on where the shorter one has ended.
    const drawn = await Pixels.of(
      await page.page.evaluate<string>(
        `document.querySelector('.run-chart[aria-label="Total loss"] canvas').toDataURL()`,
      ),
    );
    expect(drawn.count(isColoured, { left: Math.round(0.7 * drawn.width) })).toBeGreaterThan(20);
    const differing = await page.page.locator('.run-config .run-differs').allInnerTexts();
    expect(differing.map((text) => text.replace(/\s+/g, ' '))).toEqual(['seed 0 1', 'steps 3 6']);
  });
});
