import { Sweep } from '../../../../src/viewer/app/sweep/sweep.ts';
import { type Column, encodePoints, type Pass, PointDecoder } from '../../../../src/viewer/point-stream.ts';

/** A sweep of which nothing has come yet, and the passes that it is to come in. */
export function sweepToCome(columns: readonly Column[], frame = 0): { sweep: Sweep; passes: Pass[] } {
  const decoder = new PointDecoder();
  const passes: Pass[] = [];
  for (const piece of encodePoints(columns, columns[0].values.length)) passes.push(...decoder.push(piece));
  return { sweep: new Sweep(frame, decoder.finish()), passes };
}

/** A sweep that is all there. */
export function wholeSweep(columns: readonly Column[]): Sweep {
  const { sweep, passes } = sweepToCome(columns);
  for (const pass of passes) sweep.append(pass);
  return sweep;
}

/** Rows of x, y, z as the columns of a sweep, and other columns by name. */
export function columnsOf(
  rows: ReadonlyArray<readonly [x: number, y: number, z: number]>,
  fields: { readonly [name: string]: readonly number[] } = {},
): Column[] {
  return [
    ...['x', 'y', 'z'].map((name, c) => ({ name, values: rows.map((row) => row[c]) })),
    ...Object.entries(fields).map(([name, values]) => ({ name, values })),
  ];
}
