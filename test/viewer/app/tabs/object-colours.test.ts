import { describe, expect, it } from 'vitest';
import {
  cellAt,
  cellFacts,
  certainties,
  deviationOf,
  type Objects,
  objectColours,
  placeOfCell,
  scoredObjects,
} from '../../../../src/viewer/app/tabs/object-colours.ts';

const cells = 4;
const pose = { center: [10, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 } as const;
/** Two objects whose regions overlap; the second one is surer of itself. */
const objects: Objects = {
  info: {
    cells,
    objects: [
      { box: [0, 0, 40, 40], pose, score: 0.4, deviations: { rotationY: Math.PI / 60, depthM: 0.5 } },
      { box: [20, 20, 60, 40], pose, score: 0.8, deviations: { rotationY: 0, depthM: 0 } },
    ],
  },
  coordinates: Float32Array.from({ length: 96 }, (_, i) => [2, -1.5, 1][i % 3] * (i < 48 ? 1 : 0)),
  places: Float32Array.from({ length: 96 }, (_, i) => i),
  // Of the first object deviations of 1, 2, 4, … pixels; of the second 0.5 everywhere.
  logStd: Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? Math.floor(i / 2) : -1) * Math.LN2),
  errorPx: Float32Array.from({ length: 32 }, (_, i) => i + 1),
};
const pixel = (colours: Uint8ClampedArray, cell: number) => [...colours.subarray(4 * cell, 4 * cell + 4)];

describe('scoredObjects', () => {
  it('have enough of a score', () => {
    expect([0, 0.4, 0.5, 0.9].map((least) => scoredObjects(objects, least))).toEqual([
      [0, 1],
      [0, 1],
      [1],
      [],
    ]);
  });
});

describe('certainties', () => {
  it('fall by a quarter for each doubling of the deviation', () => {
    const [first, second] = [certainties(objects, 0), certainties(objects, 1)];
    // The tenth part of 16 cells is one: the second smallest deviation, 2 pixels, counts as sure.
    [1, 1, 0.75, 0.5, 0.25, 0, 0].forEach((value, k) => {
      expect(first[k]).toBeCloseTo(value, 5);
    });
    expect([...second]).toEqual(Array(16).fill(1));
    expect(deviationOf(objects, 3)).toBeCloseTo(8, 4);
    expect(deviationOf(objects, 16)).toBeCloseTo(0.5, 6);
  });
});

describe('objectColours', () => {
  it('of coordinates are shares of the size, and fade with doubt', () => {
    const { colours, range } = objectColours(objects, [0, 1], 'coordinates');
    expect(range).toBeUndefined();
    expect(pixel(colours.get(0)!, 0)).toEqual([255, 255, 255, 255]);
    expect(pixel(colours.get(0)!, 3)).toEqual([255, 255, 255, 128]);
    expect(pixel(colours.get(1)!, 0)).toEqual([128, 0, 128, 255]);
  });

  it('of uncertainty and error have one scale for all objects that are seen, in equal factors', () => {
    const { colours, range } = objectColours(objects, [0, 1], 'error');
    expect(range!.low).toBeCloseTo(2, 4);
    expect(range!.high).toBeCloseTo(31, 4);
    const alone = objectColours(objects, [1], 'error');
    expect(alone.range!.low).toBeGreaterThan(16);
    expect(pixel(alone.colours.get(1)!, 0)).not.toEqual(pixel(colours.get(1)!, 0));
    const doubt = objectColours(objects, [0], 'uncertainty');
    expect(doubt.range!.low).toBeCloseTo(1, 4);
    expect(pixel(doubt.colours.get(0)!, 2)[3]).toBe(255);
    expect(objectColours(objects, [], 'error').colours.size).toBe(0);
  });
});

describe('cellAt', () => {
  it('is the cell of the surest object that is seen there', () => {
    expect(cellAt(objects, [0, 1], [0, 0])).toEqual({ object: 0, cell: 0 });
    expect(cellAt(objects, [0, 1], [39.9, 19.9])).toEqual({ object: 0, cell: 7 });
    expect(cellAt(objects, [0, 1], [30, 30])).toEqual({ object: 1, cell: 9 });
    expect(cellAt(objects, [0], [30, 30])).toEqual({ object: 0, cell: 15 });
    expect(cellAt(objects, [0, 1], [60, 30])).toBeUndefined();
    expect(cellAt(objects, [], [30, 30])).toBeUndefined();
  });
});

describe('cellFacts', () => {
  it('are the numbers of the maps', () => {
    const facts = Object.fromEntries(cellFacts(objects, { object: 0, cell: 3 }));
    expect(facts).toMatchObject({
      'Ahead of its middle': '2 m',
      'Above its bottom': '1.5 m',
      'Left of its middle': '1 m',
      'Deviation in u, v': '8, 8 px',
      'Reprojection error': '4 px',
      'Pose: depth, heading': '± 0.5 m, ± 3°',
      Score: '0.4',
    });
    expect(placeOfCell(objects, { object: 1, cell: 2 })).toEqual([54, 55, 56]);
  });
});
