import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import type { Features } from '../../../src/viewer/server/features.ts';
import { similaritiesWith } from '../../../src/viewer/server/similarity.ts';
import { distance } from '../../nn/tensors.ts';
import { randomFeatures } from './tiny-model.ts';

const features = {
  within: randomFeatures('intra', 20, 5),
  across: randomFeatures('cross', 20, 6),
  cells: randomFeatures('cells', 8, 6),
  common: true,
};
const frame = { id: '000007' };

/** Cosines of a row with all rows of another set, in plain loops. */
function cosines(query: Features, row: number, among: Features): number[] {
  const rowOf = ({ rows, width }: Features, i: number) => [...rows.subarray(i * width, (i + 1) * width)];
  const own = rowOf(query, row);
  return Array.from({ length: among.rows.length / among.width }, (_, j) => {
    const other = rowOf(among, j);
    return (
      own.reduce((sum, value, d) => sum + value * other[d], 0) / Math.hypot(...own) / Math.hypot(...other)
    );
  });
}

describe('similarities', () => {
  it('with a place are by the head of each loss', () => {
    const { places, cells } = similaritiesWith({ place: 13 }, features, frame);
    expect(distance(places, cosines(features.within, 13, features.within))).toBeLessThan(1e-6);
    expect(distance(cells, cosines(features.across, 13, features.cells))).toBeLessThan(1e-6);
    expect(places[13]).toBeCloseTo(1, 5);
    expect([places.length, cells.length]).toEqual([20, 8]);
  });

  it('with a cell are by the heads of sweep and picture', () => {
    const { places, cells } = similaritiesWith({ cell: 5 }, features, frame);
    expect(distance(places, cosines(features.cells, 5, features.across))).toBeLessThan(1e-6);
    expect(distance(cells, cosines(features.cells, 5, features.cells))).toBeLessThan(1e-6);
    expect(cells[5]).toBeCloseTo(1, 5);
  });

  it('of a place with a cell are none where the encoders have no common space, though their widths agree', () => {
    const apart = { ...features, common: false };
    const ofPlace = similaritiesWith({ place: 13 }, apart, frame);
    expect(ofPlace.places).toEqual(similaritiesWith({ place: 13 }, features, frame).places);
    expect(ofPlace.cells).toHaveLength(0);
    const ofCell = similaritiesWith({ cell: 5 }, apart, frame);
    expect(ofCell.cells).toEqual(similaritiesWith({ cell: 5 }, features, frame).cells);
    expect(ofCell.places).toHaveLength(0);
  });

  it.each([
    [{ place: 20 }, 'a place from 0 to 19, found 20'],
    [{ place: -1 }, 'a place from 0 to 19, found -1'],
    [{ place: 1.5 }, 'a place from 0 to 19, found 1.5'],
    [{ cell: 8 }, 'a cell from 0 to 7, found 8'],
    [{ cell: Number.NaN }, 'a cell from 0 to 7, found NaN'],
  ])('with %o are none', (query, message) => {
    const ask = () => similaritiesWith(query, features, frame);
    expect(ask).toThrow(InputError);
    expect(ask).toThrow(`frame 000007: query: expected ${message}`);
  });
});
