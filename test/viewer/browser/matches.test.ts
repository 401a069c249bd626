import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PairsInfo } from '../../../src/viewer/protocol.ts';
import { decodeTable } from '../../../src/viewer/table.ts';
import { scenePicture, smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { fromAbove, type Place, pointsAlone, spotFromAbove, spotOnPicture } from './eyes.ts';
import { describeInBrowser, type Served, serve } from './in-browser.ts';
import type { OpenPage } from './open-page.ts';
import { around, type Pixels, type Rgb } from './pixels.ts';

const red: Rgb = [255, 92, 92];
const isRed = ([r, g, b]: Rgb) => r > 150 && r - Math.max(g, b) > 90;
/** From green to yellow. */
const isRight = ([, g, b]: Rgb) => g > 120 && g - b > 45;

let folder: string;
let viewer: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-matches-'));
  await smallScenes(folder, { count: 2, heldOut: 1 });
  viewer = await serve({ path: folder });
});
afterAll(async () => {
  await viewer.close();
  await rm(folder, { recursive: true });
});

/** What the page gets. */
async function pairsOf(seed: number) {
  const response = await fetch(`${viewer.address}api/pairs?frame=0&seed=${seed}`);
  const { info, arrays } = decodeTable(new Uint8Array(await response.arrayBuffer()));
  const place = (name: string, i: number): Place => {
    const [x, y, z] = arrays[name].subarray(3 * i, 3 * i + 3);
    return [x, y, z];
  };
  const { gateM, view } = info as PairsInfo;
  return { gateM, view, place, arrays, distances: [...arrays.distanceM] };
}

describeInBrowser('matches of two views', (browser) => {
  const target = [30, -20, 0] as const;
  const distanceM = 90;
  const above = { ...pointsAlone, tab: 'matches', ...fromAbove(target, distanceM) } as const;

  async function opened(link: Record<string, string | number>): Promise<OpenPage> {
    const page = await browser.open(viewer.address, link);
    await page.page.locator('#side .count', { hasText: 'matches are shown' }).waitFor();
    await page.pictured();
    return page;
  }
  const counted = async (page: OpenPage): Promise<number> => {
    await page.drawn();
    return Number.parseInt((await page.page.locator('#side .count').textContent())!, 10);
  };
  const lines = async (page: OpenPage): Promise<Record<'red' | 'right', number>> => {
    const stage = await page.stage();
    return { red: stage.count(isRed), right: stage.count(isRight) };
  };

  it('have lines in the colours of right and of wrong ones, which can be left out by either and by length', async () => {
    const { gateM, distances } = await pairsOf(0);
    const wrong = distances.filter((distance) => distance > gateM).length;
    expect(wrong).toBeGreaterThan(10);
    expect(distances.length - wrong).toBeGreaterThan(10);
    const page = await opened({ ...pointsAlone, tab: 'matches' });
    expect(await counted(page)).toBe(distances.length);
    const all = await lines(page);
    expect(all.red).toBeGreaterThan(1000);
    expect(all.right).toBeGreaterThan(1000);
    await page.fact('Matches', String(distances.length));
    await page.fact(`Within ${gateM} m`, String(distances.length - wrong));

    await page.choose('wrong', 'wrong');
    expect(await counted(page)).toBe(wrong);
    expect((await lines(page)).right).toBe(0);
    expect((await lines(page)).red).toBeGreaterThan(1000);
    await page.choose('wrong', 'right');
    expect(await counted(page)).toBe(distances.length - wrong);
    expect((await lines(page)).red).toBe(0);
    expect((await lines(page)).right).toBeGreaterThan(1000);

    await page.choose('wrong', 'all');
    await page.enter('longest', 0.5);
    expect(await counted(page)).toBe(distances.filter((distance) => distance <= 0.5).length);
    const short = await lines(page);
    expect(short.red).toBe(0);
    expect(short.right).toBeLessThan(all.right);
    await page.enter('longest', 4);
    await page.enter('shortest', 2);
    expect(await counted(page)).toBe(distances.filter((distance) => distance >= 2).length);
    const long = await lines(page);
    expect(long.right).toBe(0);
    expect(long.red).toBeLessThan(all.red);
    expect(long.red).toBeGreaterThan(0);
    await page.enter('longest', 0.05);
    expect(await counted(page)).toBe(0);
    expect(await lines(page)).toEqual({ red: 0, right: 0 });
  });

  it('have red places only beyond the gate, and lines from place to place', async () => {
    const { gateM, distances, arrays, place } = await pairsOf(0);
    const page = await opened(above);
    const stage = await page.stage();
    const spot = (at: Place) => spotFromAbove(stage, target, distanceM, at);
    let [right, all] = [0, 0];
    distances.forEach((distance, i) => {
      const [x, y] = spot(place('alpha', i));
      const alone = distances.every((_, k) => {
        const [otherX, otherY] = spot(place('alpha', k));
        return k === i || Math.hypot(otherX - x, otherY - y) > 7;
      });
      if (!alone) return;
      all++;
      // Lines lie over the places, which may be of another colour.
      const own = stage.near(red, 12, around(x, y, 3)) > 4;
      if (own === distance > gateM) right++;
    });
    expect(all).toBeGreaterThan(30);
    expect(right / all).toBeGreaterThan(0.9);

    // The longest match alone: its line begins at one place and ends at its partner in the view beside.
    const longest = distances.indexOf(Math.max(...distances));
    await page.choose('wrong', 'wrong');
    const ends = { shortest: Math.max(...distances) - 0.001 };
    const only = await opened({ ...above, ...ends });
    expect(await counted(only)).toBe(1);
    const ends3 = (name: string, column: number) => [...arrays[name]].filter((_, at) => at % 4 === column);
    const ahead = Math.min(...ends3('alphaPoints', 0)) - Math.min(...ends3('betaPoints', 0));
    const left = Math.min(...ends3('alphaPoints', 1)) - Math.max(...ends3('betaPoints', 1)) - 6;
    const [x, y, z] = place('beta', arrays.partner[longest]);
    const [from, to] = [spot(place('alpha', longest)), spot([x + ahead, y + left, z])];
    const pixels = await only.stage();
    expect(pixels.near(red, 12, around(...from, 2))).toBeGreaterThan(8);
    expect(pixels.near(red, 12, around(...to, 2))).toBeGreaterThan(8);
    const steps = Array.from({ length: 60 }, (_, k) => (k + 1) / 61);
    const drawn = steps.filter((t) => {
      const at = [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])] as const;
      return pixels.count(isRed, around(...at, 1)) > 0;
    });
    // Dashed ones are drawn for six tenths of their length.
    expect(drawn.length).toBeGreaterThan(25);
    expect(drawn.length).toBeLessThan(58);
  });

  it('are others in another view, and lie over one another where the view is undone', async () => {
    const page = await opened({ ...pointsAlone, tab: 'matches' });
    const [first, second] = [await pairsOf(0), await pairsOf(1)];
    const beside = await page.stage();
    await page.page.getByRole('button', { name: 'Another view' }).click();
    await page.page.locator('#side p', { hasText: 'seed 1.' }).waitFor();
    expect(await page.page.locator('#side p', { hasText: 'seed 1.' }).textContent()).toContain(
      second.view.join(', '),
    );
    expect(second.view).not.toEqual(first.view);
    expect((await page.stage()).differing(beside, 30)).toBeGreaterThan(2000);

    const along = await lines(page);
    await page.choose('layout', 'over');
    const over = await page.stage();
    // Lines are as long as matches are far apart. Points of both sweeps that lie on one another have the second one's colour.
    expect(over.count(isRed)).toBeLessThan(0.5 * along.red);
    expect(over.near([255, 180, 84], 5)).toBeGreaterThan(400);
    expect(beside.near([255, 180, 84], 5)).toBeLessThan(40);
    const overlaid = await opened({ ...above, layout: 'over', seed: 1 });
    const stage = await overlaid.stage();
    // With the view undone both ends of right matches are at the same place.
    const at = second.distances.indexOf(Math.min(...second.distances));
    const [x, y] = spotFromAbove(stage, target, distanceM, second.place('alpha', at));
    const partner = spotFromAbove(
      stage,
      target,
      distanceM,
      second.place('betaInLidar', second.arrays.partner[at]),
    );
    expect(Math.hypot(x - partner[0], y - partner[1])).toBeLessThan(1);
    expect(stage.count(isRight, around(x, y, 2))).toBeGreaterThan(4);
  });

  it('have lines to the pixels where their places are seen, across both panes', async () => {
    const { arrays, place, distances } = await pairsOf(0);
    const inside = [...arrays.inside].filter((each) => each === 1).length;
    const page = await opened(above);
    const links = page.page.locator('#links');
    expect(await links.getAttribute('data-lines')).toBe('0');
    expect((await page.links()).count((_, alpha) => alpha > 0)).toBe(0);
    await page.turn('pixelLines', true);
    await page.drawn();
    const stage = await page.place('stage');
    const seen = distances.filter((_, i) => {
      const [x, y] = spotFromAbove(stage, target, distanceM, place('alpha', i));
      return arrays.inside[i] === 1 && x >= 0 && y >= 0 && x <= stage.width && y <= stage.height;
    }).length;
    expect(seen).toBeGreaterThan(10);
    expect(seen).toBeLessThanOrEqual(inside);
    expect(await links.getAttribute('data-lines')).toBe(String(seen));
    await page.fact('Seen on the picture', String(inside));
    const drawn = await page.links();
    const ownPlace = await page.place('links');
    const picture = await page.place('picture');
    // Every line goes through the gap between the panes.
    const gap = (stage.y + stage.height + picture.y) / 2 - ownPlace.y;
    expect(drawn.count((_, alpha) => alpha > 0, { top: gap - 1, bottom: gap + 1 })).toBeGreaterThan(10);

    const i = distances.findIndex((_, k) => arrays.inside[k] === 1);
    const [x, y] = spotFromAbove(stage, target, distanceM, place('alpha', i));
    const pixel = [arrays.pixels[2 * i], arrays.pixels[2 * i + 1]] as const;
    const [u, v] = spotOnPicture(picture, scenePicture, pixel);
    const [from, to] = [
      [x + stage.x - ownPlace.x, y + stage.y - ownPlace.y],
      [u + picture.x - ownPlace.x, v + picture.y - ownPlace.y],
    ];
    for (let t = 0.02; t < 1; t += 0.02) {
      const [atX, atY] = [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
      expect(drawn.count((_, alpha) => alpha > 60, around(atX, atY, 1))).toBeGreaterThan(0);
    }
  });

  it('are told apart under the pointer, on the stage and on the picture', async () => {
    const { arrays, place, distances } = await pairsOf(0);
    const page = await opened({ ...above, shortest: Math.max(...distances) - 0.001 });
    const i = distances.indexOf(Math.max(...distances));
    const stage = await page.stage();
    const links = page.page.locator('#links');
    const told = `${Number(distances[i].toPrecision(4))} m`;
    await page.pointAt('stage', ...spotFromAbove(stage, target, distanceM, place('alpha', i)));
    const list = '#side section:last-of-type .facts';
    await page.fact('Distance', told, list);
    expect(await links.getAttribute('data-lines')).toBe(String(arrays.inside[i]));
    await page.page.mouse.move(1100, 700);
    await page.drawn();
    expect(await page.facts(list)).toEqual({});
    expect(await links.getAttribute('data-lines')).toBe('0');
    const pane: Pixels = await page.picture();
    const pixel = [arrays.pixels[2 * i], arrays.pixels[2 * i + 1]] as const;
    await page.pointAt('picture', ...spotOnPicture(pane, scenePicture, pixel));
    await page.fact('Distance', told, list);
    expect(await links.getAttribute('data-lines')).toBe('1');
  });
});
