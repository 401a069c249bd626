import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pretrain } from '../../../src/training/pretrain.ts';
import { colourTable } from '../../../src/viewer/app/sweep/colour-maps.ts';
import { decodeTable, type TableArray } from '../../../src/viewer/table.ts';
import { scenePicture, smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { changed, tinyRun } from '../../objectives/tiny-simipu.ts';
import { fromAbove, pointsAlone, type Spot, spotFromAbove, spotOnPicture } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import { type Link, type OpenPage, until } from './open-page.ts';
import { apart, around, isColoured, type Pixels, type Rgb } from './pixels.ts';

const dark: Rgb = [15, 17, 21];
/** Most alike. */
const hot: Rgb = [212, 51, 5];
/** Points that the encoders do not reach. */
const beyond: Rgb = [58, 63, 73];

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-features-'));
  const root = join(folder, 'scenes');
  await smallScenes(root, { count: 4, heldOut: 1 });
  // As large as the pictures are, so that many cells look at them.
  const config = changed(tinyRun({ steps: 8, checkpoint: { everySteps: 4, keep: 3 } }), {
    canvas: { width: 320, height: 96 },
  });
  const out = join(folder, 'run');
  await pretrain({ config, data: { root, imageSet: 'train' }, out, stream: { write: () => {} } });
  viewer = await serve({ path: out });
}, 120_000);
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

async function tableOf(query: string): Promise<Readonly<Record<string, TableArray>>> {
  const response = await fetch(`${viewer.address}api/${query}`);
  return decodeTable(new Uint8Array(await response.arrayBuffer())).arrays;
}

describeInBrowser('features of a run', (browser) => {
  const target = [25, 0, 0] as const;
  const distanceM = 60;
  const link: Link = { ...pointsAlone, tab: 'features', ...fromAbove(target, distanceM) };

  async function opened(more: Link = {}): Promise<OpenPage> {
    const page = await browser.open(viewer.address, { ...link, ...more });
    await page.fact('Model', /./);
    await page.pictured();
    await painted(page);
    return page;
  }
  /** Holds the tint of cells against the colour of their likeness on the scale, which goes from the least to the most of all cells. */
  function expectLikenessColours(
    tinted: (cell: number) => Rgb,
    cells: TableArray,
    inside: readonly number[],
  ): void {
    const table = colourTable('turbo');
    const [low, high] = [Math.min(...cells), Math.max(...cells)];
    expect(inside.length).toBeGreaterThan(4);
    for (const cell of inside) {
      const level = Math.round((255 * (cells[cell] - low)) / (high - low));
      // The ends of the scale leave a few cells aside.
      const gaps = Array.from({ length: 21 }, (_, i) => Math.min(255, Math.max(0, level + i - 10))).map(
        (near) => apart(tinted(cell), [table[3 * near], table[3 * near + 1], table[3 * near + 2]]),
      );
      expect(Math.min(...gaps), `cell ${cell}: ${tinted(cell)}, level ${level}`).toBeLessThan(60);
    }
  }
  /** Waits until the points are on the stage. */
  const painted = (page: OpenPage) =>
    until(async () => (await page.stage()).other(dark) > 1000, 'points on the stage');

  it('are colours of the points and of the cells of the picture, of the model that is chosen', async () => {
    const page = await opened();
    await page.fact('Model', 'Step 8');
    const [stage, picture] = [await page.stage(), await page.picture()];
    expect(stage.count(isColoured)).toBeGreaterThan(500);
    expect(stage.near(beyond, 2)).toBeGreaterThan(10);
    const bare = await browser.open(viewer.address, { ...pointsAlone, onPicture: 'nothing' });
    await bare.shown(0);
    await bare.pictured();
    expect(picture.differing(await bare.picture(), 20)).toBeGreaterThan(50_000);
    expect(await page.page.locator('#frame-name').textContent()).toBe('000000training frame');

    const seen = [stage];
    const choices = await page.page.locator('select[name="model"] option').allTextContents();
    expect(choices).toEqual([
      expect.stringMatching(/^Newest.*\(step 8\)$/),
      'Step 8',
      'Step 4',
      'Before training',
    ]);
    for (const [value, name] of [
      ['4', 'Step 4'],
      ['before', 'Before training'],
    ]) {
      await page.select('model', value);
      await page.fact('Model', name);
      await painted(page);
      const now = await page.stage();
      for (const earlier of seen) expect(now.differing(earlier, 6)).toBeGreaterThan(300);
      seen.push(now);
    }
    await page.select('model', 'latest');
    await page.fact('Model', 'Step 8');
    await painted(page);
    expect((await page.stage()).differing(stage)).toBe(0);
  });

  it('are held against those of a point that is clicked, which is most like itself', async () => {
    const { places, pixels, cellPixels } = await tableOf('places?frame=0');
    const page = await opened();
    const before = await page.stage();
    // Places far from one another: a point beside each of them has its feature alone.
    const spotOf = (place: number): Spot =>
      spotFromAbove(before, target, distanceM, [places[3 * place], places[3 * place + 1], 0]);
    const place = [...Array(places.length / 3).keys()].find((each) => {
      const [x, y] = spotOf(each);
      const isInside = x > 200 && x < before.width - 200 && y > 60 && y < before.height - 20;
      return isInside && Number.isFinite(pixels[2 * each]) && before.count(isColoured, around(x, y, 3)) > 0;
    })!;
    const [x, y] = spotOf(place);
    await page.clickAt('stage', x, y);
    await page.fact('Likeness of cells', /to/);
    await page.page.mouse.move(1100, 700);
    await painted(page);
    expect(await page.page.locator('#legend').textContent()).toContain('Likeness to what was clicked');
    const asked = Number(new URLSearchParams(new URL(page.page.url()).hash.slice(1)).get('place') ?? NaN);
    const chosen = Number.isNaN(asked) ? place : asked;
    // Of what was clicked all is hot, within the ring that marks it.
    const stage = await page.stage();
    const [atX, atY] = spotOf(chosen);
    expect(Math.hypot(atX - x, atY - y)).toBeLessThan(8);
    expect(stage.near(hot, 40, around(atX, atY, 5))).toBeGreaterThan(0);
    expect(stage.near([255, 255, 255], 60, around(atX, atY, 12))).toBeGreaterThan(15);
    expect(stage.differing(before, 20)).toBeGreaterThan(300);
    const { places: likeness, cells } = await tableOf(`similarity?frame=0&model=8&place=${chosen}`);
    expect(likeness[chosen]).toBeCloseTo(1, 3);
    expect(Math.max(...likeness)).toBeCloseTo(likeness[chosen], 3);
    expectLikenessColours(await tintAt(page, cellPixels), cells, cellsInside(cellPixels));
    await page.page.getByRole('button', { name: 'Clear what was clicked' }).click();
    await page.fact('Variance in the colours', /%/);
    await painted(page);
    expect((await page.stage()).differing(before)).toBe(0);
  });

  it('are held against those of a place on the picture that is clicked', async () => {
    const { cellPixels } = await tableOf('places?frame=0');
    const page = await opened();
    const pane = await page.picture();
    // The cell that is nearest to a place on the right.
    const pixel = [220, 60] as const;
    const gaps = Array.from({ length: cellPixels.length / 2 }, (_, cell) =>
      Math.hypot(cellPixels[2 * cell] - pixel[0], cellPixels[2 * cell + 1] - pixel[1]),
    );
    const cell = gaps.indexOf(Math.min(...gaps));
    await page.clickAt('picture', ...spotOnPicture(pane, scenePicture, pixel));
    await page.fact('Likeness of cells', /to/);
    await page.page.mouse.move(1100, 700);
    const tinted = await tintAt(page, cellPixels);
    expect(apart(tinted(cell), hot), `${tinted(cell)}`).toBeLessThan(60);
    const { cells } = await tableOf(`similarity?frame=0&model=8&cell=${cell}`);
    expect(cells[cell]).toBeCloseTo(1, 3);
    expectLikenessColours(tinted, cells, cellsInside(cellPixels));
    await until(() => page.page.url().includes(`cell=${cell}`), 'the link to name the cell');
  });

  it('are shown before and after training side by side, from the same place', async () => {
    const page = await opened();
    await page.select('compare', 'untrained');
    await page.page.locator('#stage-sides').waitFor();
    await painted(page);
    expect(await page.page.locator('#stage-sides').innerText()).toMatch(
      /Before training\s*After training: step 8/,
    );
    const stage = await page.stage();
    const half = Math.round(stage.width / 2);
    const left = stage.cut({ right: half - 2 });
    const right = stage.cut({ left: half, right: 2 * half - 2 });
    const isPoint = (pixels: Pixels, x: number, y: number) => apart(pixels.at(x, y), dark) > 3;
    let [both, one, unlike] = [0, 0, 0];
    for (let y = 0; y < left.height; y++) {
      for (let x = 0; x < left.width; x++) {
        const [inLeft, inRight] = [isPoint(left, x, y), isPoint(right, x, y)];
        if (inLeft && inRight) both++;
        // Edges of points may fall on the next pixel.
        if (inLeft && right.other(dark, around(x, y, 1)) === 0) one++;
        if (inLeft && inRight && apart(left.at(x, y), right.at(x, y)) > 12) unlike++;
      }
    }
    expect(both).toBeGreaterThan(1000);
    expect(one).toBeLessThan(0.002 * both);
    expect(unlike).toBeGreaterThan(300);
    const picture = await page.picture();
    const middle = Math.round(picture.width / 2);
    const [a, b] = [picture.cut({ right: middle }), picture.cut({ left: picture.width - middle })];
    expect(a.differing(b, 12)).toBeGreaterThan(3000);
    // Turning the eye turns it in both halves.
    await page.page.mouse.move(300, 250);
    await page.page.mouse.wheel(0, 400);
    const farther = await page.stage();
    expect(farther.cut({ right: half - 2 }).differing(left, 12)).toBeGreaterThan(300);
    expect(farther.cut({ left: half, right: 2 * half - 2 }).differing(right, 12)).toBeGreaterThan(300);
    await page.select('compare', 'nothing');
    await page.page.locator('#stage-sides').waitFor({ state: 'hidden' });
  });

  it('are not offered where there is data alone', async () => {
    const address = await browser.serve({ path: join(folder, 'scenes') });
    const page = await browser.open(address, { ...link });
    await page.shown(0);
    expect(await page.page.getByRole('tab').allTextContents()).toEqual(['Scene', 'Matches']);
    expect(await page.page.getByRole('tab', { name: 'Scene' }).getAttribute('aria-selected')).toBe('true');
    expect(await page.page.locator('#toast').textContent()).toMatch(/nothing to show for Features/);
    expect((await page.stage()).count(isColoured)).toBeGreaterThan(1000);
  });

  /** The cells whose middles are well within the picture. */
  function cellsInside(cellPixels: TableArray): number[] {
    const { width, height } = scenePicture;
    return [...Array(cellPixels.length / 2).keys()].filter((cell) => {
      const [u, v] = [cellPixels[2 * cell], cellPixels[2 * cell + 1]];
      return u > 4 && v > 4 && u < width - 4 && v < height - 4;
    });
  }

  /** What is laid over the picture at the middles of cells. */
  async function tintAt(page: OpenPage, cellPixels: TableArray): Promise<(cell: number) => Rgb> {
    const bare = await browser.open(viewer.address, { ...pointsAlone, onPicture: 'nothing' });
    await bare.shown(0);
    await bare.pictured();
    const [over, under] = [await page.picture(), await bare.picture()];
    const share = 175 / 255;
    return (cell) => {
      // Not the middle itself, which may be ringed: a cell has one colour to its edges.
      const [x, y] = spotOnPicture(over, scenePicture, [cellPixels[2 * cell], cellPixels[2 * cell + 1]]);
      const at = [x + 12, y + 12] as const;
      const [seen, below] = [over.at(...at), under.at(...at)];
      const tint = (c: 0 | 1 | 2) => Math.round((seen[c] - (1 - share) * below[c]) / share);
      return [tint(0), tint(1), tint(2)];
    };
  }
});
