import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import type { Features } from '../../../src/viewer/server/features.ts';
import { principalColours } from '../../../src/viewer/server/principal-colours.ts';
import { randomFeatures } from './tiny-model.ts';

/** Rows around a centre, normal with these deviations along the axes of the space. */
function cloud(
  seed: string,
  count: number,
  { centre, deviations }: { centre: number[]; deviations: number[] },
): Features {
  const random = Random.fromSeed(seed);
  const width = centre.length;
  const rows = Float32Array.from(
    { length: count * width },
    (_, i) => centre[i % width] + deviations[i % width] * random.normal(),
  );
  return { width, rows };
}

const channel = (colours: Uint8Array, c: number) => Array.from(colours).filter((_, i) => i % 3 === c);
const column = ({ rows, width }: Features, d: number) => Array.from(rows).filter((_, i) => i % width === d);

/** The correlation of two lists. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0);
  return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
}

const common = { common: true };

describe('principal colours', () => {
  const deviations = [0.5, 0.1, 3, 0.1, 1.5];
  const places = cloud('places', 400, { centre: [10, 0, 0, 0, 0], deviations });
  const cells = cloud('cells', 90, { centre: [-20, 5, 0, 0, 7], deviations });
  const colours = principalColours(places, cells, common);

  it('follow the directions of largest variance, each modality around its own mean', () => {
    // The gap between the modalities, 30 along the first axis, is in no colour.
    for (const [c, d] of [
      [0, 2],
      [1, 4],
      [2, 0],
    ]) {
      expect(correlation(channel(colours.places, c), column(places, d))).toBeGreaterThan(0.98);
      expect(correlation(channel(colours.cells, c), column(cells, d))).toBeGreaterThan(0.98);
      const middleOf = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(
        Math.abs(middleOf(channel(colours.places, c)) - middleOf(channel(colours.cells, c))),
      ).toBeLessThan(15);
    }
    const whole = deviations.reduce((sum, each) => sum + each ** 2, 0);
    expect(colours.explained[0]).toBeCloseTo(9 / whole, 1);
    expect(colours.explained[1]).toBeCloseTo(2.25 / whole, 1);
    expect(colours.explained[2]).toBeCloseTo(0.25 / whole, 1);
  });

  it('use the whole scale, and let a twenty-fifth of all reach its ends', () => {
    for (let c = 0; c < 3; c++) {
      const all = [...channel(colours.places, c), ...channel(colours.cells, c)];
      expect(Math.min(...all)).toBe(0);
      expect(Math.max(...all)).toBe(255);
      const cut = all.filter((value) => value === 0 || value === 255).length / all.length;
      expect(cut).toBeGreaterThan(0.02);
      expect(cut).toBeLessThan(0.07);
    }
  });

  it('weigh a modality the same however many rows it has', () => {
    const often: Features = { width: 5, rows: Float32Array.from([1, 2, 3].flatMap(() => [...places.rows])) };
    const again = principalColours(often, cells, common);
    expect(again.explained.map((each) => each.toFixed(6))).toEqual(
      colours.explained.map((each) => each.toFixed(6)),
    );
    again.cells.forEach((value, i) => {
      expect(Math.abs(value - colours.cells[i])).toBeLessThanOrEqual(1);
    });
    // Though the places are the many, the cells' own direction is among the three.
    const own = cloud('own', 30, { centre: [0, 0, 0, 0, 0], deviations: [0.1, 8, 0.1, 0.1, 0.1] });
    const { cells: seen, explained } = principalColours(places, own, common);
    expect(correlation(channel(seen, 0), column(own, 1))).toBeGreaterThan(0.98);
    expect(explained[0]).toBeGreaterThan(0.4);
  });

  it('leave cells that do not count to themselves', () => {
    const rows = Float32Array.from(cells.rows);
    for (let i = 60 * 5; i < 90 * 5; i += 5) rows[i + 1] += 400 * ((i / 5) % 2);
    const spoilt = { width: 5, rows };
    const counting = principalColours(places, spoilt, { ...common, counts: (cell) => cell < 60 });
    const kept = { width: 5, rows: cells.rows.slice(0, 60 * 5) };
    const alone = principalColours(places, kept, common);
    expect(counting.explained).toEqual(alone.explained);
    expect(counting.places).toEqual(alone.places);
    expect(counting.cells).toHaveLength(270);
    expect(counting.cells.slice(0, 180)).toEqual(alone.cells);
    expect(principalColours(places, spoilt, common).explained).not.toEqual(alone.explained);
  });

  it('go by axes of their own where sweep and picture have no common space', () => {
    const apart = principalColours(places, cells, { common: false });
    const alone = { width: 5, rows: new Float32Array(0) };
    expect(apart.places).toEqual(principalColours(places, alone, common).places);
    expect(apart.cells).toEqual(principalColours(alone, cells, common).cells);
    expect(apart.explained).toEqual(principalColours(places, alone, common).explained);
    expect(apart.cells).not.toEqual(colours.cells);
  });

  it('are the same again, and grey where nothing varies', () => {
    const [a, b] = [randomFeatures('a', 50, 8), randomFeatures('b', 12, 8)];
    expect(principalColours(a, b, common)).toEqual(principalColours(a, b, common));
    const still: Features = { width: 8, rows: new Float32Array(80).fill(0.3) };
    expect(principalColours(still, still, common)).toEqual({
      places: new Uint8Array(30).fill(127),
      cells: new Uint8Array(30).fill(127),
      explained: [0, 0, 0],
    });
    // One direction alone has variance.
    const line = cloud('line', 40, { centre: [0, 1, 2, 3], deviations: [0, 1, 0, 0] });
    const { places: flat, explained } = principalColours(line, line, common);
    expect(explained[0]).toBeCloseTo(1, 9);
    expect(new Set(channel(flat, 0)).size).toBeGreaterThan(20);
    expect(new Set([...channel(flat, 1), ...channel(flat, 2)])).toEqual(new Set([127]));
  });
});
