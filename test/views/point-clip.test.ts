import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { sharedCells } from '../../src/views/cell-pairs.ts';
import { collatePointClips } from '../../src/views/collate-clips.ts';
import { pairTables } from '../../src/views/place-pairs.ts';
import { drawPointClip, type PointClipView } from '../../src/views/point-clip.ts';
import { leafOf } from '../objectives/tiny-image-run.ts';
import { sweepsOfDrive } from '../objectives/tiny-sweeps.ts';

const view: PointClipView = {
  kind: 'point-clip',
  clip: { frames: 2, gapS: 0.5 },
  points: { count: 400, range: { min: [-60, -60, -5], max: [60, 60, 5] } },
  view: { maxRotation: Math.PI, pivot: [0, 0, 0], scale: [0.9, 1.1], flipProbability: 0.5 },
  pointEncoder: {
    useXyz: true,
    dilated: false,
    levels: [{ points: 64, radii: [2], neighbors: [4], widths: [[4]], out: 4 }],
  },
  pairs: { cellM: 2, most: 20, perPair: 3 },
};

describe('a clip of sweeps', () => {
  const sweeps = sweepsOfDrive(1, { frames: 2, gapS: 0.5 });
  const { places, sweeps: seen, pairs } = drawPointClip(sweeps, Random.fromSeed(0), view);

  it('has places that stand where the world stands, whatever each view did', () => {
    // Every place of the second sweep is a point of the first, in the frame of the first.
    const own = sweeps[0].points;
    for (let i = 0; i < places[1].length; i += 3) {
      let nearest = Infinity;
      for (let k = 0; k < own.length; k += 4)
        nearest = Math.min(
          nearest,
          Math.hypot(own[k] - places[1][i], own[k + 1] - places[1][i + 1], own[k + 2] - places[1][i + 2]),
        );
      expect(nearest).toBeLessThan(1e-4);
    }
    // Without the car's own motion they would not.
    expect(Math.abs(seen[1].centers[0] - places[1][0])).toBeGreaterThan(0.5);
  });

  it('pairs cells whose places are within a diagonal of each other', () => {
    const { first, second, there } = pairs;
    expect(there.reduce((sum, is) => sum + is, 0)).toBeGreaterThan(5);
    for (let pair = 0; pair < there.length; pair++) {
      const sum = (weights: Float32Array) =>
        weights.subarray(pair * 3, pair * 3 + 3).reduce((all, weight) => all + weight, 0);
      expect(sum(first.weights)).toBeCloseTo(there[pair], 6);
      expect(sum(second.weights)).toBeCloseTo(there[pair], 6);
      if (there[pair] === 0) continue;
      const [a, b] = [first.rows[pair * 3], second.rows[pair * 3]];
      const apart = Math.hypot(
        places[0][3 * a] - places[1][3 * b],
        places[0][3 * a + 1] - places[1][3 * b + 1],
      );
      expect(apart).toBeLessThan(2 * Math.SQRT2);
    }
  });

  it('is the same for the same seed, and another for another', () => {
    expect(drawPointClip(sweeps, Random.fromSeed(0), view).places).toEqual(places);
    expect(drawPointClip(sweeps, Random.fromSeed(1), view).places).not.toEqual(places);
  });

  it('counts through the places of a batch', () => {
    const batch = [1, 2].map((seed) =>
      drawPointClip(sweepsOfDrive(seed, view.clip), Random.fromSeed(seed), view),
    );
    const tensors = collatePointClips(batch, view);
    expect(leafOf(tensors, 'sweeps/1/levels/0/centers').shape).toEqual([128]);
    const rows = leafOf(tensors, 'pairs/second/rows').data;
    expect(rows.length).toBe(2 * 20 * 3);
    batch.forEach((clip, b) => {
      const own = Array.from(clip.pairs.second.rows, (row) => row + b * 64);
      expect(Array.from(rows).slice(b * 60, (b + 1) * 60)).toEqual(own);
    });
  });

  it('says which sweep has no point where the encoder looks', () => {
    const far = { ...sweeps[1], id: 'drive/7', points: Float32Array.of(200, 0, 0, 0) };
    const draw = () => drawPointClip([sweeps[0], far], Random.fromSeed(0), view);
    expect(draw).toThrow(InputError);
    expect(draw).toThrow(/frame drive\/7: points: expected some within .* found none of 1/);
  });
});

describe('pairs of cells', () => {
  const coordinate = fc.float({ min: -8, max: 8, noNaN: true });
  const cloud = fc.array(fc.tuple(coordinate, coordinate), { maxLength: 40 });
  const rows = (places: ReadonlyArray<readonly [number, number]>) =>
    Float32Array.from(places.flatMap(([x, y]) => [x, y, 0]));

  it('are all shared cells, each once, or as many as there is room for', () => {
    fc.assert(
      fc.property(cloud, cloud, fc.integer({ min: 1, max: 12 }), (one, other, most) => {
        const [first, second] = [rows(one), rows(other)];
        const keyOf = (places: Float32Array, i: number) =>
          `${Math.floor(places[3 * i] / 2)},${Math.floor(places[3 * i + 1] / 2)}`;
        const keys = (places: Float32Array) =>
          new Set(Array.from({ length: places.length / 3 }, (_, i) => keyOf(places, i)));
        const shared = [...keys(first)].filter((key) => keys(second).has(key));
        const random = Random.fromSeed(most);
        const pairs = pairTables(sharedCells(first, second, random, { cellM: 2 }), random, {
          most,
          perPair: 2,
        });
        const found: string[] = [];
        pairs.there.forEach((is, pair) => {
          if (is === 0) return;
          const key = keyOf(first, pairs.first.rows[2 * pair]);
          expect(keyOf(second, pairs.second.rows[2 * pair])).toBe(key);
          found.push(key);
        });
        expect(new Set(found).size).toBe(found.length);
        expect(found.length).toBe(Math.min(most, shared.length));
        for (const key of found) expect(shared).toContain(key);
      }),
    );
  });
});
