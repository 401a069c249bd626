import { InputError } from '../../engine/input-error.ts';
import type { SimilarityQuery, SimilarityTable } from '../protocol.ts';
import { cosinesWith } from './features.ts';
import type { FrameFeatures } from './places.ts';

/**
 * The cosines of every place and cell with one of them: of two places by the head that compares two sweeps, of anything
 * else by those that compare sweep and picture; none of a place with a cell where these have no common space. Throws an
 * InputError for a number that is none.
 */
export function similaritiesWith(
  query: SimilarityQuery,
  { within, across, cells, common }: FrameFeatures,
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
  const nothing = new Float32Array(0);
  if ('place' in query) {
    const place = check(query.place, 'place', within.rows.length / within.width);
    return {
      places: cosinesWith(within, place, within),
      cells: common ? cosinesWith(across, place, cells) : nothing,
    };
  }
  const cell = check(query.cell, 'cell', cells.rows.length / cells.width);
  return {
    places: common ? cosinesWith(cells, cell, across) : nothing,
    cells: cosinesWith(cells, cell, cells),
  };
}
