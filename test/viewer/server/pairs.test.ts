import { describe, expect, it } from 'vitest';
import { frameOf, openSequence } from '../../../src/datasets/open-sequence.ts';
import { Random } from '../../../src/engine/random.ts';
import { multiply34by44, transformPoint } from '../../../src/geometry/matrix.ts';
import { applyView, inverseView, matrixOf } from '../../../src/geometry/view-transform.ts';
import { createPretraining } from '../../../src/training/create-pretraining.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { Encoders } from '../../../src/viewer/server/encoders.ts';
import { inWords, pairsOf, ranking } from '../../../src/viewer/server/pairs.ts';
import { drawPointPair, type PointPairView } from '../../../src/views/point-pair.ts';
import { distance, uploadTree, valuesOf } from '../../nn/tensors.ts';
import {
  batchOfPairs,
  embedded,
  observedModel,
  pairView,
  syntheticFrame,
} from '../../objectives/tiny-simipu.ts';
import { describeWithRealData } from '../../real-data.ts';
import { lookingAt, wideRun } from './tiny-model.ts';

const frame = syntheticFrame('pairs');
const drawnBy = 'a test';
const wideView = pairView(wideRun);
const draw = (seed: number, config: PointPairView = wideView) => pairsOf(frame, { config, drawnBy, seed });

/** The sample that a table is made of. */
const sampleOf = (seed: number) =>
  drawPointPair(frame, Random.fromSeed(`pairs ${frame.id} ${seed}`), wideView);

const row = (rows: ArrayLike<number>, i: number, width: number) =>
  Array.from({ length: width }, (_, k) => rows[i * width + k]);

/** The pixel of a point of the LiDAR frame, and the third homogeneous coordinate. */
function pixelOf(point: readonly number[], { cameras: [camera] }: Pick<typeof frame, 'cameras'>) {
  const matrix = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const [x, y, w] = transformPoint(matrix, point as [number, number, number]);
  return { x: x / w, y: y / w, w };
}

describe("a frame's pairs", () => {
  it('are places of both views, in their frames, and who belongs to whom', async () => {
    const { info, arrays } = await draw(3);
    const { view } = sampleOf(3);
    const turned = view[0] as { angle: number };
    expect(info).toMatchObject({ id: 'pairs', seed: 3, gateM: 3, gateIsConfigured: true, drawnBy });
    expect(info.model).toBeUndefined();
    expect(info.view[0]).toBe(
      `turned by ${Math.round((turned.angle * 180) / Math.PI)} degrees about (35.2, 0, -1)`,
    );
    const { alphaPoints, betaPoints, alpha, beta, betaInLidar, partner, distanceM } = arrays;
    const known = new Set(Array.from({ length: 400 }, (_, i) => String(row(frame.points, i, 4))));
    for (let i = 0; i < 96; i++) expect(known.has(String(row(alphaPoints, i, 4)))).toBe(true);
    const among = (points: ArrayLike<number>) =>
      new Set(Array.from({ length: 96 }, (_, i) => String(row(points, i, 4).slice(0, 3))));
    for (let i = 0; i < 12; i++) {
      expect(among(alphaPoints).has(String(row(alpha, i, 3)))).toBe(true);
      expect(among(betaPoints).has(String(row(beta, i, 3)))).toBe(true);
      const mate = row(betaInLidar, partner[i], 3);
      const apart = Math.hypot(...row(alpha, i, 3).map((value, k) => value - mate[k]));
      expect(distanceM[i]).toBeCloseTo(apart, 3);
    }
    expect([...partner].sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
    expect(distance(applyView(betaInLidar as Float32Array, 3, view), beta)).toBeLessThan(1e-4);
    expect(distance(applyView(beta as Float32Array, 3, inverseView(view)), betaInLidar)).toBeLessThan(1e-4);
    expect(distance(beta, betaInLidar)).toBeGreaterThan(1);
    expect(Object.keys(arrays)).not.toContain('intraRank');
  });

  it('have their pixels on the picture itself, whether the canvas is mirrored or not', async () => {
    const mirrored = new Set<boolean>();
    for (let seed = 0; seed < 6; seed++) {
      const { info, arrays } = await draw(seed);
      mirrored.add(info.mirrored);
      expect(info.view.includes('mirrored left to right')).toBe(info.mirrored);
      const { width, height } = frame.cameras[0].image;
      let outside = 0;
      for (let i = 0; i < 12; i++) {
        const { x, y, w } = pixelOf(row(arrays.alpha, i, 3), frame);
        const [u, v] = row(arrays.pixels, i, 2);
        if (w > 1e-5) {
          expect(Math.abs(u - x) + Math.abs(v - y)).toBeLessThan(1e-2 * (1 + Math.abs(x) + Math.abs(y)));
        } else expect([u, v]).toEqual([Number.NaN, Number.NaN]);
        const onPicture = w > 0 && u >= -0.5 && u < width - 0.5 && v >= -0.5 && v < height - 0.5;
        if (arrays.inside[i] === 1) expect(onPicture).toBe(true);
        else outside++;
      }
      expect(outside).toBeGreaterThan(0);
      expect(outside).toBeLessThan(12);
    }
    expect(mirrored).toEqual(new Set([true, false]));
  });

  it('are the same for a seed, others for another one, and gated as evaluations do where the run has no gate', async () => {
    expect(await draw(1)).toEqual(await draw(1));
    expect((await draw(1)).arrays.alpha).not.toEqual((await draw(2)).arrays.alpha);
    const { info } = await draw(1, { ...wideView, matchGateM: null });
    expect(info).toMatchObject({ gateM: 1, gateIsConfigured: false });
  });

  it('have the cosines and ranks of plain loops over what the losses compare', async () => {
    const model = observedModel(wideRun, Random.fromSeed('pairs'));
    const encoders = await Encoders.open(lookingAt(wideRun), model);
    const seen = { intra: 0, cross: 0, none: 0, beyond: 0 };
    const ranks = new Set<number>();
    for (const seed of [3, 4]) {
      const { info, arrays } = await pairsOf(frame, {
        config: wideView,
        drawnBy,
        seed,
        through: { model: 40, encoders },
      });
      expect(info.model).toBe(40);
      const batch = uploadTree(batchOfPairs(createPretraining(wideRun, 1), [sampleOf(seed)]));
      const uploaded = { params: uploadTree(model.params), stats: uploadTree(model.stats) };
      const rows = embedded(wideRun, uploaded, batch, { training: false });
      for (const [name, queries, keys, counts] of [
        ['intra', rows.intraQueries, rows.intraKeys, (i: number) => arrays.distanceM[i] <= 3],
        ['cross', rows.crossQueries, rows.crossKeys, (i: number) => arrays.inside[i] === 1],
      ] as const) {
        const [q, k] = [valuesOf(queries), valuesOf(keys)];
        for (let i = 0; i < 12; i++) {
          const cosines = Array.from({ length: 12 }, (_, j) =>
            row(q, i, 8).reduce((sum, value, d) => sum + value * row(k, j, 8)[d], 0),
          );
          expect(arrays[`${name}Similarity`][i]).toBeCloseTo(cosines[i], 4);
          const rank = arrays[`${name}Rank`][i];
          if (!counts(i)) {
            expect(rank).toBe(-1);
            seen[name === 'intra' ? 'beyond' : 'none']++;
            continue;
          }
          seen[name]++;
          ranks.add(rank);
          // Cosines within what the two computations differ by may stand on either side.
          const others = cosines.filter((_, j) => j !== i);
          expect(rank).toBeGreaterThanOrEqual(others.filter((each) => each > cosines[i] + 2e-5).length);
          expect(rank).toBeLessThanOrEqual(others.filter((each) => each > cosines[i] - 2e-4).length);
        }
      }
    }
    await encoders.close();
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
    expect(ranks.size).toBeGreaterThan(5);
  });
});

describe('a rank', () => {
  it('counts the other keys that are at least as similar, ties among them', () => {
    const keys = { width: 2, rows: Float32Array.of(1, 0, 0, 1, 1, 0, 0.6, 0.8, -1, 0) };
    const queries = { width: 2, rows: Float32Array.of(1, 0, 1, 0, 0, 1, 0.6, 0.8, 0.6, 0.8) };
    const right = [0, 1, 1, 3, 4];
    const { rank, similarity } = ranking(queries, keys, {
      right: (i) => right[i],
      counts: (i) => i !== 3,
    });
    expect([...rank]).toEqual([1, 3, 0, -1, 4]);
    expect(similarity[1]).toBe(0);
    expect(similarity[4]).toBeCloseTo(-0.6, 6);
  });
});

describe('a step of a view', () => {
  it('is told in words', () => {
    expect(inWords({ kind: 'rotateZ', angle: (34.2 * Math.PI) / 180, pivot: [35.2, 0, -1] })).toBe(
      'turned by 34 degrees about (35.2, 0, -1)',
    );
    expect(inWords({ kind: 'rotateZ', angle: -0.001, pivot: [0, -0, 0] })).toBe(
      'turned by 0 degrees about (0, 0, 0)',
    );
    expect(inWords({ kind: 'scale', factor: 0.9134 })).toBe('scaled by 0.91');
    expect(inWords({ kind: 'flipY' })).toBe('mirrored left to right');
    expect(inWords({ kind: 'translate', by: [1, -0.25, 0] })).toBe('moved by (1, -0.25, 0) m');
  });
});

describeWithRealData('pairs of a real frame', 'kitti-object', (root) => {
  it('lie close to each other when the view is undone, and on the picture', async () => {
    const sequence = await openSequence({ path: root });
    const index = sequence.moments.findIndex(({ id }) => id === '000003');
    const real = await frameOf(sequence, index);
    const config = pairView(presetOf('simipu-small')!);
    for (const seed of [0, 1, 2]) {
      const { info, arrays } = await pairsOf(real, { config, drawnBy: 'simipu-small', seed });
      const { view } = drawPointPair(real, Random.fromSeed(`pairs 000003 ${seed}`), config);
      const undo = matrixOf(inverseView(view));
      const { width, height } = real.cameras[0].image;
      let within = 0;
      for (let i = 0; i < 128; i++) {
        const mate = transformPoint(undo, row(arrays.beta, arrays.partner[i], 3) as [number, number, number]);
        const apart = Math.hypot(...row(arrays.alpha, i, 3).map((value, k) => value - mate[k]));
        if (arrays.distanceM[i] <= info.gateM) {
          within++;
          expect(apart).toBeLessThan(info.gateM + 1e-3);
        } else expect(apart).toBeGreaterThan(info.gateM - 1e-3);
        if (arrays.inside[i] !== 1) continue;
        const [u, v] = row(arrays.pixels, i, 2);
        expect(u >= -0.5 && u < width - 0.5 && v >= -0.5 && v < height - 0.5).toBe(true);
        const { x, y } = pixelOf(row(arrays.alpha, i, 3), real);
        expect(Math.hypot(u - x, v - y)).toBeLessThan(0.01);
      }
      expect(within).toBeGreaterThan(64);
      expect(arrays.inside.filter((each) => each === 1).length).toBe(128);
    }
  });
});
