import { describe, expect, it } from 'vitest';
import { colourTable } from '../../../../src/viewer/app/sweep/colour-maps.ts';
import { noValue } from '../../../../src/viewer/app/sweep/colouring.ts';
import { colourChoices, SweepColours } from '../../../../src/viewer/app/sweep/sweep-colours.ts';
import { defaultState, type ViewState } from '../../../../src/viewer/app/view-state.ts';
import { columnsOf, sweepToCome, wholeSweep } from './streamed-sweep.ts';

const stateOf = (state: Partial<ViewState>): ViewState => ({ ...defaultState, map: 'viridis', ...state });
const rows = Array.from({ length: 101 }, (_, i) => [i, 0, i / 10] as const);
const now = { afterS: 0 };
const colourAt = (colours: Uint8Array, row: number) => [...colours.subarray(4 * row, 4 * row + 4)];
const level = (at: number) => [...colourTable('viridis').subarray(3 * at, 3 * at + 3), 255];

describe('colourChoices', () => {
  const names = (...args: Parameters<typeof colourChoices>) => colourChoices(...args).map(([value]) => value);
  const fields = (...of: string[]) =>
    wholeSweep(columnsOf([[1, 2, 3]], Object.fromEntries(of.map((name) => [name, [1]]))));

  it('are the fields of the file and what there is beside it', () => {
    expect(names(fields(), false, false)).toEqual(['height', 'range']);
    expect(names(fields('intensity', 'ring'), true, true)).toEqual([
      ...['height', 'range', 'field:intensity', 'field:ring', 'picture', 'time'],
    ]);
    expect(names(fields('red', 'green', 'blue', 'i'), false, false)).toEqual([
      'height',
      'range',
      'field:i',
      'file',
    ]);
    expect(names(fields('red', 'green'), false, false)).toEqual([
      'height',
      'range',
      'field:red',
      'field:green',
    ]);
    expect(colourChoices(fields('ring'), false, false)[2]).toEqual(['field:ring', 'Ring']);
  });
});

describe('SweepColours', () => {
  it('go by height, distance, time or a field between the ends of its values', () => {
    const sweep = wholeSweep(columnsOf(rows, { ring: rows.map((_, i) => i % 3) }));
    const colours = new SweepColours({ hasClock: true });
    for (const colour of ['height', 'range']) {
      const painted = colours.colours(sweep, stateOf({ colour }), now);
      expect([0, 100].map((row) => colourAt(painted, row))).toEqual([level(0), level(255)]);
    }
    const rings = colours.colours(sweep, stateOf({ categories: false, colour: 'field:ring' }), now);
    expect([0, 1, 2].map((row) => colourAt(rings, row))).toEqual([level(0), level(128), level(255)]);
    expect(colours.scale(sweep, stateOf({ colour: 'height' }))).toMatchObject({ name: 'Height', unit: 'm' });
    expect(colours.scale(sweep, stateOf({ colour: 'range' }))).toMatchObject({
      name: 'Distance',
      range: { low: expect.closeTo(2, 1), high: expect.closeTo(98.5, 0) },
    });
    expect(colours.scale(sweep, stateOf({ categories: false, colour: 'field:ring' }))).toEqual({
      name: 'Ring',
      unit: '',
      range: { low: 0, high: 2 },
    });
    const chosen = stateOf({ categories: false, colour: 'field:ring', low: -1, high: 9 });
    expect(colours.scale(sweep, chosen)!.range).toEqual({ low: -1, high: 9 });
  });

  it('keep the ends of the first sweep until they are set anew', () => {
    const [first, second] = [
      wholeSweep(columnsOf(rows)),
      wholeSweep(
        columnsOf([
          [0, 0, 50],
          [0, 0, 90],
        ]),
      ),
    ];
    const colours = new SweepColours({ hasClock: true });
    const state = stateOf({ colour: 'height' });
    const { range } = colours.scale(first, state)!;
    expect(colours.scale(second, state)!.range).toEqual(range);
    expect(colourAt(colours.colours(second, state, now), 0)).toEqual(level(255));
    colours.refit();
    expect(colours.scale(second, state)!.range).toEqual({ low: 50, high: 90 });
  });

  it('are by height where a sweep lacks the field, which then has its own ends in the next', () => {
    const [plain, ringed] = [
      wholeSweep(columnsOf(rows)),
      wholeSweep(columnsOf(rows, { ring: rows.map((_, i) => i % 3) })),
    ];
    const colours = new SweepColours({ hasClock: true });
    const state = stateOf({ categories: false, colour: 'field:ring' });
    const height = colours.scale(plain, stateOf({ colour: 'height' }));
    expect(colours.scale(plain, state)).toEqual(height);
    expect(colours.colours(plain, state, now)).toEqual(
      colours.colours(plain, stateOf({ colour: 'height' }), now),
    );
    expect(colours.scale(ringed, state)!.range).toEqual({ low: 0, high: 2 });
    expect(colours.scale(plain, stateOf({ colour: 'file' }))).toEqual(height);
  });

  it('take no ends from a sweep of which nothing is there', () => {
    const colours = new SweepColours({ hasClock: true });
    const { sweep } = sweepToCome(columnsOf(rows));
    const state = stateOf({ colour: 'height' });
    expect(colours.scale(sweep, state)!.range).toEqual({ low: 0, high: 1 });
    expect(colours.scale(wholeSweep(columnsOf(rows)), state)!.range.high).toBeGreaterThan(9);
  });

  it('tell the sweeps of an overlay apart by their time', () => {
    const sweep = wholeSweep(columnsOf([[1, 2, 3]]));
    const colours = new SweepColours({ hasClock: true });
    const state = stateOf({ colour: 'time' });
    expect(colours.scale(sweep, state)).toEqual({
      name: 'Time after this frame',
      unit: 's',
      range: { low: -0.5, high: 0.5 },
    });
    colours.setTimes([-0.2, 0.1, 0.3]);
    expect(colours.scale(sweep, state)!.range).toEqual({ low: -0.2, high: 0.3 });
    expect(colourAt(colours.colours(sweep, state, { afterS: -0.2 }), 0)).toEqual(level(0));
    expect(colourAt(colours.colours(sweep, state, { afterS: 0.3 }), 0)).toEqual(level(255));
    colours.setTimes([]);
    expect(colours.scale(sweep, state)!.range).toEqual({ low: -0.5, high: 0.5 });
  });

  it.each([
    ['bytes', [255, 1, 0], [51, 1, 128], [255, 0, 255]],
    ['fractions', [1, 0, 0.2], [0.2, 0, 0.6], [0, 1, 0]],
    ['16 bits', [65535, 0, 257], [257, 512, 0], [65535, 65535, 0]],
  ])('are those of the file, in %s', (kind, red, green, blue) => {
    const sweep = wholeSweep(
      columnsOf(
        [
          [1, 0, 0],
          [2, 0, 0],
          [3, 0, 0],
        ],
        { red, green, blue },
      ),
    );
    const state = stateOf({ colour: 'file' });
    const colours = new SweepColours({ hasClock: true });
    expect(colours.scale(sweep, state)).toBeUndefined();
    const painted = colours.colours(sweep, state, now);
    const most = kind === 'bytes' ? 255 : kind === 'fractions' ? 1 : 65535;
    for (let row = 0; row < 3; row++) {
      const expected = [red, green, blue].map((values) => (255 * values[row]) / most);
      const [r, g, b, alpha] = colourAt(painted, row);
      [r, g, b].forEach((value, c) => {
        expect(Math.abs(value - expected[c])).toBeLessThanOrEqual(1);
      });
      expect(alpha).toBe(255);
    }
  });

  it('are no darker or brighter where one colour of the file is nearly missing', () => {
    const fields = { red: [0, 1], green: [10, 200], blue: [0, 0] };
    const sweep = wholeSweep(
      columnsOf(
        [
          [1, 0, 0],
          [2, 0, 0],
        ],
        fields,
      ),
    );
    expect(
      colourAt(new SweepColours({ hasClock: true }).colours(sweep, stateOf({ colour: 'file' }), now), 1),
    ).toEqual([1, 200, 0, 255]);
  });

  it('hide points without a place, and wait for a picture that has not come', () => {
    const sweep = wholeSweep(
      columnsOf([
        [1, 2, 3],
        [Number.NaN, 1, 1],
        [4, Number.NaN, 6],
      ]),
    );
    const colours = new SweepColours({ hasClock: true });
    for (const colour of ['height', 'range', 'picture', 'time']) {
      const painted = colours.colours(sweep, stateOf({ colour }), now);
      expect([0, 1, 2].map((row) => painted[4 * row + 3])).toEqual([255, 0, 0]);
    }
    const waiting = colours.colours(sweep, stateOf({ colour: 'picture' }), now);
    expect(colourAt(waiting, 0)).toEqual([...noValue, 255]);
    expect(colours.scale(sweep, stateOf({ colour: 'picture' }))).toBeUndefined();
  });

  it('are the same for the rows that came last as for all', () => {
    const many = Array.from({ length: 65_540 }, (_, i) => [i % 50, 0, i % 7] as const);
    const columns = columnsOf(many, {
      red: many.map((_, i) => i % 256),
      green: many.map(() => 9),
      blue: many.map(() => 0),
    });
    const { sweep, passes } = sweepToCome(columns);
    const colours = new SweepColours({ hasClock: true });
    const begins = [0, passes[0].indices.length];
    for (const colour of ['height', 'range', 'file', 'field:red', 'time', 'picture']) {
      sweep.filled = 0;
      const state = stateOf({ colour });
      const parts = passes.map((pass, p) => {
        sweep.append(pass);
        return colours.colours(sweep, state, now, begins[p]);
      });
      const whole = colours.colours(sweep, state, now);
      const differing = parts.flatMap((part, p) =>
        [...part].filter((byte, i) => byte !== whole[4 * begins[p] + i]),
      );
      expect(parts.map((part) => part.length / 4)).toEqual(passes.map(({ indices }) => indices.length));
      expect(differing).toEqual([]);
    }
  });
});
