import { InputError } from '../../engine/input-error.ts';
import type { SimilarityQuery, SimilarityTable } from '../protocol.ts';
import { cosinesWith, type Features } from './features.ts';
import type { FrameFeatures } from './places.ts';

/**
 * The cosines of every place and cell with one of them: of two places by the head that compares two sweeps, of anything
 * else by those that compare sweep and picture. Throws an InputError for a number that is none.
 */
export function similaritiesWith(
  query: SimilarityQuery,
  { within, across, cells }: FrameFeatures,
  { id }: { readonly id: string },
): SimilarityTable['arrays'] {
  const check = (number: number, kind: string, count: number) => {
    if (Number.isInteger(number) && number >= 0 && number < count) return number;
    throw new InputError({
      file: `frame ${id}`,
      place: 'query',
      expected: `a ${kind} from 0 to ${count - 1}`,
      found: `${number}`,
    });
  };
  if ('place' in query) {
    const place = check(query.place, 'place', within.rows.length / within.width);
    return { places: cosinesWith(within, place, within), cells: between(across, place, cells) };
  }
  const cell = check(query.cell, 'cell', cells.rows.length / cells.width);
  return { places: between(cells, cell, across), cells: cosinesWith(cells, cell, cells) };
}

/** Cosines between places and cells; none where the encoders have no common space, so that no two can be compared. */
function between(query: Features, row: number, among: Features): Float32Array<ArrayBuffer> {
  return query.width === among.width ? cosinesWith(query, row, among) : new Float32Array(0);
}
