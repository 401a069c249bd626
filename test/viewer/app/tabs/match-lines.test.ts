import { describe, expect, it } from 'vitest';
import { identity44, transformPoint } from '../../../../src/geometry/matrix.ts';
import { translation } from '../../../../src/geometry/rigid-transform.ts';
import {
  betaMatrix,
  foundShare,
  histogram,
  matchColour,
  matchLines,
  type Pairs,
  pairsOf,
  visibleMatches,
} from '../../../../src/viewer/app/tabs/match-lines.ts';
import { defaultState, type ViewState } from '../../../../src/viewer/app/view-state.ts';
import type { PairsInfo, PairsTable } from '../../../../src/viewer/protocol.ts';

const GREEN = [98, 205, 138];
const RED = [255, 92, 92];

const info: PairsInfo = {
  id: '000000',
  seed: 0,
  gateM: 2,
  gateIsConfigured: false,
  view: [],
  mirrored: false,
  lidarFromView: [...translation(1, 2, 3)],
  drawnBy: 'preset',
  model: undefined,
};

/** Four matches of 0, 1, 2 and 5 m; the partners of the places of alpha are turned round. */
const table: PairsTable = {
  info,
  arrays: {
    alphaPoints: Float32Array.of(0, 0, 0, 9, 4, -3, 1, 9),
    betaPoints: Float32Array.of(10, 7, 0, 9, 12, 1, 1, 9),
    alpha: Float32Array.of(0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0),
    beta: Float32Array.of(30, 1, 1, 20, 1, 1, 10, 1, 1, 0, 1, 1),
    betaInLidar: new Float32Array(12),
    partner: Int32Array.of(3, 2, 1, 0),
    distanceM: Float32Array.of(0, 1, 2, 5),
    pixels: new Float32Array(8),
    inside: new Uint8Array(4),
  },
};
const pairs = pairsOf(table);
const seenWith = (state: Partial<ViewState>) => [...visibleMatches(pairs, { ...defaultState, ...state })];

describe('visibleMatches', () => {
  it('are those that the state lets be seen, both ends of its lengths included', () => {
    expect(seenWith({})).toEqual([0, 1, 2, 3]);
    expect(seenWith({ wrong: 'right' })).toEqual([0, 1, 2]);
    expect(seenWith({ wrong: 'wrong' })).toEqual([3]);
    expect(seenWith({ shortest: 1 })).toEqual([1, 2, 3]);
    expect(seenWith({ longest: 2 })).toEqual([0, 1, 2]);
    expect(seenWith({ shortest: 1, longest: 2, wrong: 'wrong' })).toEqual([]);
  });
});

describe('betaMatrix', () => {
  it('lays the second view to the right of the first, as far ahead, or back over it', () => {
    const beside = betaMatrix(pairs, 'beside');
    // The leftmost of its points comes to lie 6 m to the right of the rightmost of the first.
    expect(transformPoint(beside, [10, 7, 0])).toEqual([0, -9, 0]);
    expect(transformPoint(beside, [12, 1, 1])).toEqual([2, -15, 1]);
    expect(betaMatrix(pairs, 'over')).toEqual(translation(1, 2, 3));
  });
});

describe('matchLines', () => {
  it('lead from places of the first view to their partners, where these are shown', () => {
    const matrix = translation(100, 0, 0);
    const { segments, colours, dashed } = matchLines(pairs, Int32Array.of(1, 3), {
      matrix,
      state: defaultState,
    });
    expect([...segments]).toEqual([1, 0, 0, 110, 1, 1, 3, 0, 0, 130, 1, 1]);
    expect([...dashed]).toEqual([0, 1]);
    expect([...colours.subarray(4, 7)]).toEqual(RED);
    expect([...colours.subarray(0, 3)]).toEqual([...matchColour(pairs, 1, defaultState)]);
    expect(pairs.beta[0]).toBe(30);
    const none = matchLines(pairs, new Int32Array(0), { matrix: identity44(), state: defaultState });
    expect(none.segments).toHaveLength(0);
  });
});

describe('matchColour', () => {
  it('goes from green at nothing to yellow at the gate, and is red beyond it', () => {
    const at = (i: number) => matchColour(pairs, i, defaultState);
    expect(at(0)).toEqual(GREEN);
    expect(at(2)).toEqual([242, 200, 76]);
    expect(at(3)).toEqual(RED);
    const [red] = at(1);
    expect(red).toBeGreaterThan(at(0)[0]);
    expect(red).toBeLessThan(at(2)[0]);
  });

  it('is by likeness where there is a model, from the least alike to the most', () => {
    const alike: Pairs = { ...pairs, intraSimilarity: Float32Array.of(-0.5, 0.2, 0.2, 0.9) };
    const state: ViewState = { ...defaultState, matchColour: 'similarity' };
    const colours = [0, 1, 2, 3].map((i) => matchColour(alike, i, state).join());
    expect(new Set(colours).size).toBe(3);
    expect(colours[1]).toBe(colours[2]);
    expect(matchColour(pairs, 3, state)).toEqual(RED);
  });
});

describe('histogram', () => {
  it('counts every value once, those beyond the end in the last part', () => {
    expect(histogram(Float32Array.of(0, 0.9, 1, 2.5, 4, 99), 4, 4)).toEqual([2, 1, 1, 2]);
    expect(histogram(new Float32Array(0), 4, 3)).toEqual([0, 0, 0]);
  });
});

describe('foundShare', () => {
  it('is the share of those that were found first, among those that count', () => {
    expect(foundShare(undefined)).toBeUndefined();
    expect(foundShare(Int32Array.of(-1, -1))).toBeUndefined();
    expect(foundShare(Int32Array.of(0, 3, -1, 0, 1))).toEqual({ share: 0.5, count: 4 });
  });
});
