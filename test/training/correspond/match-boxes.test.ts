import { describe, expect, it } from 'vitest';
import { matchPictures } from '../../../src/training/correspond/match-boxes.ts';
import { dot, randomRows, unit } from '../../objectives/tiny-image-run.ts';

const counts = [3, 1, 12, 5, 20, 2, 7];
const boxesFrom = Int32Array.from([
  0,
  ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b)),
]);
const pictures = randomRows('pictures', counts.length, 4).map(unit);
const boxes = randomRows('boxes', boxesFrom[counts.length], 6).map(unit);
const featuresOf = (rows: number[][]) => ({
  rows: Float32Array.from(rows.flat()),
  count: rows.length,
  width: rows[0].length,
});
const compared = { pictures: featuresOf(pictures), boxes: featuresOf(boxes), boxesFrom };

/** The same in plain loops over all pictures and all pairs of boxes. */
function restated(first: number, count: number, most: number, keep: number) {
  const neighbours: number[] = [];
  const pairCounts: number[] = [];
  const pairs: number[] = [];
  for (let own = first; own < first + count; own++) {
    const others = pictures
      .map((row, picture) => ({ picture, near: dot(row, pictures[own]) }))
      .filter(({ picture }) => picture !== own)
      .sort((a, b) => b.near - a.near)
      .slice(0, most);
    for (const { picture } of others) {
      const all: Array<{ a: number; b: number; near: number }> = [];
      for (let a = boxesFrom[own]; a < boxesFrom[own + 1]; a++)
        for (let b = boxesFrom[picture]; b < boxesFrom[picture + 1]; b++)
          all.push({ a, b, near: dot(boxes[a], boxes[b]) });
      const kept = Math.max(1, Math.floor(keep * counts[own]));
      const best = all.sort((x, y) => y.near - x.near).slice(0, kept);
      neighbours.push(picture);
      pairCounts.push(best.length);
      for (const { a, b } of best) pairs.push(a, b);
    }
  }
  return { neighbours, pairs, pairCounts };
}

describe('neighbours and pairs of boxes', () => {
  it('are what plain loops over all pictures and boxes find', () => {
    for (const [first, count, most, keep] of [
      [0, 7, 3, 0.1],
      [2, 3, 6, 0.25],
      [0, 7, 2, 1],
    ] as const) {
      const { neighbours, pairs, pairCounts } = matchPictures(compared, {
        first,
        count,
        neighbours: most,
        keep,
      });
      const expected = restated(first, count, most, keep);
      expect([...neighbours]).toEqual(expected.neighbours);
      expect([...pairCounts]).toEqual(expected.pairCounts);
      expect([...pairs]).toEqual(expected.pairs);
    }
  });

  it('are a tenth of the boxes of a picture, at least one', () => {
    const { pairCounts } = matchPictures(compared, { first: 0, count: 7, neighbours: 1, keep: 0.1 });
    // Of 20 boxes two, of 12 one, and one where there are fewer than ten.
    expect([...pairCounts]).toEqual([1, 1, 1, 1, 2, 1, 1]);
    const all = matchPictures(compared, { first: 1, count: 1, neighbours: 6, keep: 1 });
    // Not more than there are: one box has as many pairs as its neighbour has boxes, and one is kept.
    expect([...all.pairCounts]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('are of the other pictures alone, even where some are the same', () => {
    const same = featuresOf([
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
    const four = { pictures: same, boxes: same, boxesFrom: Int32Array.of(0, 1, 2, 3, 4) };
    const { neighbours, pairs } = matchPictures(four, { first: 0, count: 4, neighbours: 10, keep: 0.1 });
    // At most all others; of equally near ones the lower number first.
    expect([...neighbours]).toEqual([1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2]);
    expect([...pairs].filter((_, i) => i % 2 === 1)).toEqual([...neighbours]);
    const { neighbours: one } = matchPictures(four, { first: 2, count: 1, neighbours: 1, keep: 0.1 });
    expect([...one]).toEqual([0]);
  });
});
