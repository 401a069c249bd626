import { expect, it } from 'vitest';
import { RunHistory, SPEED } from '../../../../src/viewer/app/run/run-history.ts';

const point = (step: number, values: { [name: string]: number | null }, time?: number) => ({
  step,
  time,
  samplesPerSecond: undefined,
  values,
});

it('a history has a value of every column at every step, or a gap', () => {
  const history = new RunHistory();
  history.append([point(1, { 'loss/total': 3 }), point(2, { 'loss/total': null, 'metric/late': 7 })]);
  history.append([{ ...point(3, { 'metric/late': 8 }), samplesPerSecond: 5 }]);
  expect(history.steps).toEqual([1, 2, 3]);
  expect(history.column('loss/total')).toEqual([3, Number.NaN, Number.NaN]);
  expect(history.column('metric/late')).toEqual([Number.NaN, 7, 8]);
  expect(history.column(SPEED)).toEqual([Number.NaN, Number.NaN, 5]);
  expect(history.column('unknown')).toEqual([]);
  expect(history.names).toEqual(['loss/total', 'metric/late', SPEED]);
});

it('a history tells what was not finite from what was not told', () => {
  const history = new RunHistory();
  history.append([point(99, { 'loss/total': 3 }), point(100, { 'loss/total': 3, 'loss/late': 7 })]);
  expect(history.brokenStep('loss/late')).toBeUndefined();
  history.append([point(101, { 'loss/late': null }), point(102, { 'loss/late': null })]);
  expect(history.brokenStep('loss/late')).toBe(101);
  expect(history.brokenStep('loss/total')).toBeUndefined();
  history.clear();
  expect(history.brokenStep('loss/late')).toBeUndefined();
});

it('a history smooths anew once it has grown, was set otherwise or began anew', () => {
  const history = new RunHistory();
  history.append([point(1, { a: 8 }), point(2, { a: 4 })]);
  const before = history.smoothed('a', 2);
  expect(before[1]).toBeCloseTo(16 / 3, 12);
  expect(history.smoothed('a', 2)).toBe(before);
  expect(history.smoothed('a', 1)).toEqual([8, 4]);
  history.append([point(3, { a: 0 })]);
  expect(history.smoothed('a', 2)).toHaveLength(3);
  history.clear();
  expect([history.length, history.names]).toEqual([0, []]);
  history.append([point(1, { a: 1 }), point(2, { a: 1 }), point(3, { a: 1 })]);
  expect(history.smoothed('a', 2)).toEqual([1, 1, 1]);
});

it.each([
  ['all', [1, 2, 2, 3], true],
  ['some', [1, undefined, 3], false],
  ['backward', [1, 3, 2], false],
  ['no', [], false],
])('with %s times, steps over time are %s', (_, times, expected) => {
  const history = new RunHistory();
  history.append(times.map((time, i) => point(i, {}, time)));
  expect(history.hasTimes).toBe(expected);
});
