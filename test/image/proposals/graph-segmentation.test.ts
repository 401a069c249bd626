import { describe, expect, it } from 'vitest';
import { segmentPicture } from '../../../src/image/proposals/graph-segmentation.ts';
import type { RgbImage } from '../../../src/image/rgb-image.ts';
import { drawnPicture, noisyPicture } from './drawn-picture.ts';

interface Edge {
  readonly a: number;
  readonly b: number;
  readonly weight: number;
}

/** All edges between neighbours of eight, by the definition: every pair of pixels at most one apart each way. */
function edgesOf({ width, height, data }: RgbImage): Edge[] {
  const edges: Edge[] = [];
  for (let a = 0; a < width * height; a++) {
    for (let b = a + 1; b < width * height; b++) {
      const [dx, dy] = [(b % width) - (a % width), Math.floor(b / width) - Math.floor(a / width)];
      if (Math.max(Math.abs(dx), Math.abs(dy)) !== 1) continue;
      const squares = [0, 1, 2].map((c) => (data[3 * a + c] - data[3 * b + c]) ** 2);
      edges.push({ a, b, weight: Math.sqrt(squares[0] + squares[1] + squares[2]) });
    }
  }
  return edges;
}

/** The largest edge of a minimum spanning tree of a set of pixels, grown from one of them (Prim). */
function innerDifference(pixels: ReadonlySet<number>, edges: readonly Edge[]): number {
  const [first] = pixels;
  const tree = new Set([first]);
  let largest = 0;
  while (tree.size < pixels.size) {
    const out = edges.filter(({ a, b }) => pixels.has(a) && pixels.has(b) && tree.has(a) !== tree.has(b));
    const least = out.reduce((best, edge) => (edge.weight < best.weight ? edge : best));
    largest = Math.max(largest, least.weight);
    tree.add(least.a).add(least.b);
  }
  return largest;
}

/** The paper's algorithm word for word, with sets of pixels and the definition of the inner difference. */
function restated(picture: RgbImage, scale: number, least: number): Int32Array {
  const edges = edgesOf(picture);
  const order = [...edges].sort((x, y) => x.weight - y.weight || x.a - y.a || x.b - y.b);
  let sets = Array.from({ length: picture.width * picture.height }, (_, i) => new Set([i]));
  const setOf = (pixel: number) => sets.find((set) => set.has(pixel))!;
  const join = (one: Set<number>, other: Set<number>) => {
    sets = [...sets.filter((set) => set !== one && set !== other), new Set([...one, ...other])];
  };
  for (const { a, b, weight } of order) {
    const [one, other] = [setOf(a), setOf(b)];
    if (one === other) continue;
    const within = (set: ReadonlySet<number>) => innerDifference(set, edges) + scale / set.size;
    if (weight <= Math.min(within(one), within(other))) join(one, other);
  }
  for (const { a, b } of order) {
    const [one, other] = [setOf(a), setOf(b)];
    if (one !== other && (one.size < least || other.size < least)) join(one, other);
  }
  const numbers = new Map<Set<number>, number>();
  return Int32Array.from({ length: picture.width * picture.height }, (_, pixel) => {
    const set = setOf(pixel);
    if (!numbers.has(set)) numbers.set(set, numbers.size);
    return numbers.get(set)!;
  });
}

describe('the regions of a picture', () => {
  it('are those of the published algorithm, with the inner difference by its definition', () => {
    const counts = new Set<number>();
    for (const [seed, scale, least, levels] of [
      ['a', 50, 1, 256],
      ['b', 100, 1, 256],
      ['c', 300, 1, 256],
      ['d', 300, 4, 256],
      ['e', 200, 1, 3],
      ['f', 0, 1, 2],
      ['g', 600, 3, 4],
    ] as const) {
      const picture = noisyPicture(seed, 7, 6, levels);
      const { of, count } = segmentPicture(picture, { scale, least, sigma: 0 });
      expect([...of], seed).toEqual([...restated(picture, scale, least)]);
      expect(count).toBe(new Set(of).size);
      counts.add(count);
    }
    // Not all one region, nor all pixels.
    expect([...counts].filter((count) => count > 2 && count < 40).length).toBeGreaterThan(2);
  });

  it('are the flat parts of a drawn picture, numbered as rows meet them', () => {
    const picture = drawnPicture({ width: 12, height: 9, ground: [40, 40, 40] }, [
      { box: [2, 1, 6, 5], colour: [220, 60, 60] },
      { box: [7, 3, 11, 8], colour: [60, 90, 230] },
    ]);
    const { of, count } = segmentPicture(picture, { scale: 50, least: 1, sigma: 0 });
    expect(count).toBe(3);
    const at = (x: number, y: number) => of[12 * y + x];
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 12; x++) {
        const inRed = x >= 2 && x < 6 && y >= 1 && y < 5;
        const inBlue = x >= 7 && x < 11 && y >= 3 && y < 8;
        expect(at(x, y), `${x}, ${y}`).toBe(inRed ? 1 : inBlue ? 2 : 0);
      }
    }
  });

  it('are larger for a larger scale, and not smaller than the least', () => {
    const picture = noisyPicture('sizes', 24, 20);
    const countOf = (scale: number, least: number) =>
      segmentPicture(picture, { scale, least, sigma: 0.8 }).count;
    expect(countOf(20, 1)).toBeGreaterThan(countOf(200, 1));
    const { of, count } = segmentPicture(picture, { scale: 20, least: 6, sigma: 0.8 });
    const sizes = Array.from({ length: count }, (_, region) => of.filter((other) => other === region).length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(6);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(480);
  });
});
