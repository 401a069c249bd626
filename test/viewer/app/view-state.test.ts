import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultState,
  linkOf,
  stateOfLink,
  tabs,
  type ViewState,
} from '../../../src/viewer/app/view-state.ts';

const flag = fc.boolean();
const index = fc.nat(999_999_999);
const within = (min: number, max: number) =>
  fc.oneof(fc.double({ min, max, noNaN: true }), fc.integer({ min: Math.ceil(min), max: Math.floor(max) }));
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);
const text = fc.string({ maxLength: 40 });
const orNone = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined });

const states: fc.Arbitrary<ViewState> = fc.record({
  tab: fc.constantFrom(...tabs),
  frame: fc.oneof(text, fc.constantFrom('000003', '#7', 'a&b=c', '100 %', 'ä €.pcd')),
  theme: fc.constantFrom('dark' as const, 'light' as const),
  camera: fc.constantFrom('', 'image_3'),
  colour: fc.oneof(text, fc.constantFrom('range', 'field:__proto__')),
  map: text,
  categories: flag,
  low: orNone(anyNumber),
  high: orNone(anyNumber),
  size: within(0.5, 20),
  attenuation: flag,
  eyeDome: within(0, 1),
  grid: flag,
  axes: flag,
  frusta: flag,
  labels: flag,
  detections: flag,
  tracks: flag,
  score: within(-1e9, 1e9),
  outcomes: flag,
  overlaps: fc.constantFrom('strict' as const, 'loose' as const),
  objects: fc.constantFrom('off' as const, 'coordinates' as const, 'uncertainty' as const, 'error' as const),
  neighbours: fc.nat(10),
  steady: flag,
  onPicture: fc.constantFrom('depth' as const, 'colours' as const, 'nothing' as const),
  navigation: fc.constantFrom('orbit' as const, 'fly' as const),
  view: fc.constantFrom('perspective' as const, 'birds-eye' as const, 'camera' as const),
  pose: fc.array(within(-5000, 5000), { maxLength: 12 }),
  point: orNone(index),
  objectClass: text,
  near: orNone(anyNumber),
  far: orNone(anyNumber),
  xMin: orNone(anyNumber),
  xMax: orNone(anyNumber),
  yMin: orNone(anyNumber),
  yMax: orNone(anyNumber),
  zMin: orNone(anyNumber),
  zMax: orNone(anyNumber),
  measure: flag,
  speed: within(0.05, 20),
  seed: index,
  layout: fc.constantFrom('beside' as const, 'over' as const),
  matchColour: fc.constantFrom('distance' as const, 'similarity' as const),
  shortest: within(0, 1e6),
  longest: orNone(within(0, 1e6)),
  wrong: fc.constantFrom('all' as const, 'right' as const, 'wrong' as const),
  pixelLines: flag,
  model: fc.oneof(index, fc.constantFrom('before' as const, 'latest' as const)),
  compare: fc.constantFrom('run' as const, 'untrained' as const, 'nothing' as const),
  show: fc.constantFrom('colours' as const, 'similarity' as const),
  place: orNone(index),
  cell: orNone(index),
});

/** What a link keeps of a number: whole ones as they are, the others to 6 digits. */
const kept = (value: number) => (Number.isInteger(value) ? value + 0 : Number(value.toPrecision(6)));

describe('a link', () => {
  it('brings any state back, fractions rounded', () => {
    fc.assert(
      fc.property(states, (state) => {
        const rounded = Object.fromEntries(
          Object.entries(state).map(([key, value]) => {
            if (Array.isArray(value)) return [key, value.map((each) => Number(each.toFixed(3)) + 0)];
            return [key, typeof value === 'number' ? kept(value) : value];
          }),
        );
        const link = linkOf(state);
        const again = stateOfLink(link);
        expect(again).toEqual(rounded);
        expect(stateOfLink(`#${link}`)).toEqual(rounded);
        expect(linkOf(again)).toBe(link);
      }),
      { numRuns: 500 },
    );
  });

  it('holds nothing but the theme and what differs from the default', () => {
    expect(linkOf(defaultState)).toBe('theme=dark');
    expect(stateOfLink('')).toEqual(defaultState);
    expect(stateOfLink('#')).toEqual(defaultState);
    expect(
      linkOf({ ...defaultState, frame: '000002', grid: false, point: 1_234_567, size: 2.50000001 }),
    ).toBe('frame=000002&theme=dark&size=2.5&grid=no&point=1234567');
    expect(linkOf({ ...defaultState, pose: [1.23456, -2, 0] })).toBe('theme=dark&pose=1.235%2C-2%2C0');
  });

  it('lies over the state that it is read over', () => {
    const base: ViewState = { ...defaultState, theme: 'light', point: 5 };
    expect(stateOfLink('grid=no', base)).toEqual({ ...base, grid: false });
    expect(base.grid).toBe(true);
  });

  it.each([
    ...['tab=nothing', 'tab=', 'theme=blue', 'onPicture=Depth', 'navigation=', 'view=top', 'model=newest'],
    ...['grid=maybe', 'grid=true', 'grid=', 'size=0', 'size=1e9', 'size=-2', 'size=x', 'size=', 'eyeDome=2'],
    ...[
      'low=',
      'low=x',
      'high=Infinity',
      'high=NaN',
      'speed=0',
      'neighbours=11',
      'neighbours=1.5',
      'shortest=-1',
      'longest=x',
    ],
    ...['point=-1', 'point=1.5', 'point=1e3', 'point=9999999999', 'seed=x', 'place=', 'cell= 1', 'model=-1'],
    ...['pose=', 'pose=1,x', 'pose=1,,2', 'pose=Infinity', `frame=${'x'.repeat(201)}`],
    ...[
      '__proto__=x',
      'constructor=1',
      'toString=no',
      'hasOwnProperty=1',
      'Tab=run',
      'x=1',
      '=',
      '&&&',
      '%',
      '%zz',
    ],
    ...['__proto__[grid]=no', 'prototype=1', 'TAB', 'tab', '#tab=run'],
  ])('that says what cannot be is passed over: %s', (link) => {
    expect(stateOfLink(`#${link}`)).toEqual(defaultState);
    expect(stateOfLink(`#steady=no&${link}&frame=7`)).toEqual({ ...defaultState, steady: false, frame: '7' });
  });

  it('gives a state with the same keys and no others, whatever it says', () => {
    const keys = fc.constantFrom(...Object.keys(defaultState), '__proto__', 'constructor', 'x');
    const values = fc.oneof(text, fc.constantFrom('yes', '1', '-1', '1e400', 'before', '0,0,1'));
    const links = fc
      .array(fc.tuple(keys, values))
      .map((words) => words.map((word) => word.join('=')).join('&'));
    fc.assert(
      fc.property(fc.oneof(links, fc.string()), (link) => {
        const state = stateOfLink(link);
        expect(Object.keys(state)).toEqual(Object.keys(defaultState));
        expect(Object.getPrototypeOf(state)).toBe(Object.prototype);
        // What was taken can be told in a link again.
        expect(stateOfLink(linkOf(state))).toEqual(stateOfLink(linkOf(stateOfLink(linkOf(state)))));
      }),
    );
    expect(({} as { grid?: unknown }).grid).toBeUndefined();
  });
});
