import { InputError } from '../engine/input-error.ts';

/** How soft a plan is, how long it is worked on, and between which masses. */
export interface SinkhornOptions {
  /** Weight of the entropy in the units of the cost; smaller is closer to the assignment, and slower. */
  readonly epsilon: number;
  /** Rounds at most; each rescales the rows, then the columns. */
  readonly iterations: number;
  /** Ends early once `marginalError` is this or less, up to rounding; 0 by default: only when nothing moves. */
  readonly tolerance?: number;
  /** What each row gives away; 1 / rows by default. */
  readonly rowMass?: ArrayLike<number>;
  /** What each column takes, the same in total; 1 / columns by default. */
  readonly columnMass?: ArrayLike<number>;
}

/** Above this cost / epsilon the differences that decide fall below the rounding of a double. */
const LARGEST_EXPONENT = 1e12;

/** Throws InputError for a wrong size, a cost of NaN or -Infinity, or settings that cannot work. */
export function checkTransport(
  cost: Float32Array | Float64Array,
  rows: number,
  columns: number,
  options: SinkhornOptions,
): void {
  const { epsilon, iterations, tolerance = 0 } = options;
  const whole = Number.isSafeInteger(rows) && Number.isSafeInteger(columns) && rows > 0 && columns > 0;
  if (!whole || cost.length !== rows * columns) {
    throw new InputError({
      file: 'transport costs',
      expected: `rows x columns = ${rows} x ${columns} values, at least one`,
      found: `${cost.length}`,
    });
  }
  let largest = 0;
  for (let k = 0; k < cost.length; k++) {
    if (!(cost[k] > -Infinity)) {
      throw new InputError({
        file: 'transport costs',
        place: `row ${Math.floor(k / columns)}, column ${k % columns}`,
        expected: 'a number, or +Infinity for a forbidden pair',
        found: `${cost[k]}`,
      });
    }
    if (cost[k] < Infinity) largest = Math.max(largest, Math.abs(cost[k]));
  }
  if (!(epsilon > 0 && epsilon < Infinity)) {
    throw new InputError({ file: 'epsilon', expected: 'a finite number above 0', found: `${epsilon}` });
  }
  if (largest / epsilon > LARGEST_EXPONENT) {
    throw new InputError({
      file: 'epsilon',
      expected: `at least ${largest / LARGEST_EXPONENT} for costs of up to ${largest}`,
      found: `${epsilon}`,
    });
  }
  if (!Number.isSafeInteger(iterations) || iterations < 1) {
    throw new InputError({ file: 'iterations', expected: 'a whole number from 1', found: `${iterations}` });
  }
  if (!(tolerance >= 0)) {
    throw new InputError({ file: 'tolerance', expected: '0 or more', found: `${tolerance}` });
  }
}

/** The given masses or the equal ones; throws InputError for what is no mass and for totals that differ. */
export function massesOf(
  rows: number,
  columns: number,
  options: SinkhornOptions,
): { rowMass: Float64Array; columnMass: Float64Array } {
  const rowMass = massOf('rowMass', options.rowMass, rows);
  const columnMass = massOf('columnMass', options.columnMass, columns);
  const given = rowMass.reduce((sum, mass) => sum + mass, 0);
  const taken = columnMass.reduce((sum, mass) => sum + mass, 0);
  if (!(given > 0) || Math.abs(given - taken) > 1e-6 * given) {
    throw new InputError({
      file: 'rowMass and columnMass',
      expected: 'the same total above 0',
      found: `${given} and ${taken}`,
    });
  }
  return { rowMass, columnMass };
}

function massOf(name: string, given: ArrayLike<number> | undefined, count: number): Float64Array {
  if (given === undefined) return new Float64Array(count).fill(1 / count);
  const mass = Float64Array.from(given);
  const bad = mass.findIndex((value) => !(value >= 0 && value < Infinity));
  if (mass.length !== count) {
    throw new InputError({ file: name, expected: `${count} masses`, found: `${mass.length}` });
  }
  if (bad >= 0) {
    throw new InputError({
      file: name,
      place: `entry ${bad}`,
      expected: 'a finite mass of 0 or more',
      found: `${mass[bad]}`,
    });
  }
  return mass;
}
