import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { applyView, isMirrored, type ViewTransform } from '../../src/geometry/view-transform.ts';
import { clusterBoxes } from '../../src/pointcloud/segments/cluster-boxes.ts';
import { collateViews } from '../../src/views/collate-views.ts';
import { headingOf } from '../../src/views/point-targets.ts';
import { type DrawnSweep, drawSweep, type SweepView } from '../../src/views/sweep-view.ts';
import { needsOf } from '../../src/views/view-config.ts';
import { leafOf } from '../objectives/tiny-image-run.ts';
import { carsOf, streetFrame } from '../objectives/tiny-street.ts';

const sensor = [0.4, -0.3, 0.2] as const;
const view: SweepView = {
  kind: 'sweep',
  points: { count: 256, range: { min: [0, -40, -3], max: [70, 40, 1] }, cropToImage: true },
  groundShare: 0.2,
  view: { maxRotation: Math.PI, pivot: [3, 0, 0], scale: [0.9, 1.1], flipProbability: 0.5 },
  pointEncoder: {
    useXyz: true,
    dilated: false,
    levels: [
      { points: 64, radii: [2], neighbors: [4], widths: [[4]], out: 4 },
      { points: 32, radii: [4], neighbors: [4], widths: [[4]], out: 4 },
      { points: 8, radii: [9], neighbors: [4], widths: [[4]], out: 4 },
    ],
  },
  candidateLevel: 1,
  boxes: { headingBins: 6, insideMarginM: 0.2, ignoreMarginM: 0.6, leastScore: 0.3 },
  rays: { count: 90, sensor, marginM: 0.1, reachM: 1, neighbors: 2 },
};

const frame = streetFrame(3);
const draw = (seed: number, config: SweepView = view) => drawSweep(frame, Random.fromSeed(seed), config);
const seeds = [0, 1, 2, 3, 4, 5];

/** What a view did, in plain trigonometry: turned about the pivot, scaled, and mirrored. */
function movedBy(steps: ViewTransform) {
  const [turn, scale] = steps;
  if (turn.kind !== 'rotateZ' || scale.kind !== 'scale') throw new Error('another view');
  const sign = isMirrored(steps) ? -1 : 1;
  const [c, s] = [Math.cos(turn.angle), Math.sin(turn.angle)];
  return {
    place: ([x, y, z]: readonly [number, number, number]) => {
      const [dx, dy] = [x - turn.pivot[0], y - turn.pivot[1]];
      const turned = [turn.pivot[0] + c * dx - s * dy, turn.pivot[1] + s * dx + c * dy, z];
      return turned.map((value, axis) => value * scale.factor * (axis === 1 ? sign : 1));
    },
    axis: (yaw: number) => sign * (yaw + turn.angle),
    factor: scale.factor,
  };
}

describe('what candidates are to say of the boxes of clusters', () => {
  const boxes = clusterBoxes(frame.points);

  it('is of the cars that stand there', () => {
    expect(boxes.map(({ type }) => type)).toEqual(['Car', 'Car', 'Car']);
    for (const { center } of carsOf(3))
      expect(
        Math.min(
          ...boxes.map(({ box3 }) => Math.hypot(box3.center[0] - center[0], box3.center[1] - center[1])),
        ),
      ).toBeLessThan(0.8);
  });

  it('is turned, scaled and mirrored with the points: offset, size and axis', () => {
    let unlikeUnmoved = 0;
    for (const seed of seeds) {
      const { candidates, targets, view: steps } = draw(seed);
      const { place, axis, factor } = movedBy(steps);
      const { positive, offset, logSize, headingBin, headingResidual, classes } = targets!;
      let found = 0;
      positive.forEach((is, n) => {
        if (is === 0) return;
        found++;
        const at = [0, 1, 2].map((k) => candidates[3 * n + k] + offset[3 * n + k]);
        const apart = (center: readonly number[]) => Math.hypot(...center.map((value, k) => value - at[k]));
        const [best] = boxes
          .map(({ box3 }) => ({ box3, away: apart(place(box3.center)) }))
          .sort((a, b) => a.away - b.away);
        expect(best.away).toBeLessThan(1e-4);
        // As a target that was left as it was would be.
        if (apart(best.box3.center) > 0.5) unlikeUnmoved++;
        const mean = [3.89, 1.62, 1.53];
        best.box3.sizeM.forEach((side, k) => {
          expect(logSize[3 * n + k]).toBeCloseTo(Math.log((factor * side) / mean[k]), 4);
        });
        const bin = headingBin.subarray(6 * n, 6 * n + 6).indexOf(1);
        const said = headingOf(bin, headingResidual[n], 6) / 2;
        expect(Math.abs(Math.sin(said - axis(best.box3.yaw)))).toBeLessThan(1e-5);
        expect([...classes.subarray(3 * n, 3 * n + 3)]).toEqual([1, 0, 0]);
      });
      expect(found).toBeGreaterThan(2);
    }
    expect(unlikeUnmoved).toBeGreaterThan(20);
  });

  it('is the same of a box that is named from its other end', () => {
    const turned = boxes.map((box) => ({ ...box, box3: { ...box.box3, yaw: box.box3.yaw + Math.PI } }));
    const one = drawSweep(frame, Random.fromSeed(1), view, { boxes }).targets!;
    const other = drawSweep(frame, Random.fromSeed(1), view, { boxes: turned }).targets!;
    expect([...other.headingBin]).toEqual([...one.headingBin]);
    other.headingResidual.forEach((value, n) => {
      expect(value).toBeCloseTo(one.headingResidual[n], 5);
    });
  });

  it('does not count in boxes of few points', () => {
    const unsure = boxes.map((box) => ({ ...box, score: 0.2 }));
    const sure = drawSweep(frame, Random.fromSeed(1), view, { boxes }).targets!;
    const { positive, weights } = drawSweep(frame, Random.fromSeed(1), view, { boxes: unsure }).targets!;
    expect(Math.max(...positive)).toBe(0);
    sure.positive.forEach((is, n) => {
      if (is === 1) expect(weights[n]).toBe(0);
    });
  });
});

describe('places along the rays of a sweep', () => {
  it('lie on rays from the moved sensor, on the side of a point that is said', () => {
    for (const seed of seeds) {
      const { candidates, queries, view: steps } = draw(seed);
      const { nearest, offsets, occupied, surface, reflectance } = queries!;
      const [x, y, z] = movedBy(steps).place(sensor);
      const moved = applyView(frame.points, 4, steps);
      const rays = Array.from({ length: moved.length / 4 }, (_, i) => {
        const ray = [moved[4 * i] - x, moved[4 * i + 1] - y, moved[4 * i + 2] - z];
        const length = Math.hypot(...ray);
        return { unit: ray.map((value) => value / length), length, reflectance: moved[4 * i + 3] };
      });
      expect([...surface]).toEqual([...Array(60).fill(1), ...Array(30).fill(0)]);
      for (let q = 0; q < 90; q++) {
        const row = nearest[2 * q];
        const place = [0, 1, 2].map((k) => candidates[3 * row + k] + offsets[6 * q + k]);
        const to = [place[0] - x, place[1] - y, place[2] - z];
        const length = Math.hypot(...to);
        const isOf = rays.some((ray) => {
          const cosine = ray.unit.reduce((sum, value, k) => sum + (value * to[k]) / length, 0);
          const beyond = length - ray.length;
          const fits = occupied[q] === 1 ? beyond > -1e-4 && beyond < 0.1001 : beyond < 1e-4;
          const near = surface[q] === 0 || beyond > -0.1001;
          return cosine > 1 - 1e-9 && fits && near && ray.reflectance === reflectance[q];
        });
        expect(isOf, `place ${q}`).toBe(true);
        expect(occupied[q]).toBe(q < 30 ? 1 : 0);
      }
    }
  });

  it('are seen from the candidates nearest to them, and end near one', () => {
    const { candidates, queries } = draw(2);
    const { nearest, offsets, surface } = queries!;
    for (let q = 0; q < 90; q++) {
      const place = [0, 1, 2].map((k) => candidates[3 * nearest[2 * q] + k] + offsets[6 * q + k]);
      const away = Array.from({ length: 32 }, (_, row) => ({
        row,
        m: Math.hypot(...place.map((value, k) => value - candidates[3 * row + k])),
      })).sort((a, b) => a.m - b.m);
      expect(Math.abs(away[0].m - Math.hypot(...offsets.subarray(6 * q, 6 * q + 3)))).toBeLessThan(1e-4);
      expect(Math.abs(away[1].m - Math.hypot(...offsets.subarray(6 * q + 3, 6 * q + 6)))).toBeLessThan(1e-4);
      if (surface[q] === 1) expect(away[0].m).toBeLessThan(1.1001);
    }
  });
});

describe('a sweep', () => {
  it('is the same of a seed, and another of another', () => {
    const [one, again] = [draw(1), draw(1)];
    expect([...again.points]).toEqual([...one.points]);
    expect([...again.targets!.offset]).toEqual([...one.targets!.offset]);
    expect([...again.queries!.offsets]).toEqual([...one.queries!.offsets]);
    expect(draw(2).queries!.offsets[0]).not.toBe(draw(1).queries!.offsets[0]);
    expect(draw(2).candidates[0]).not.toBe(draw(1).candidates[0]);
  });

  it('has what its view asks for alone', () => {
    const { boxes, rays, ...bare } = view;
    expect(Object.keys(draw(1, bare))).not.toEqual(expect.arrayContaining(['targets']));
    expect([...draw(1, { ...bare, rays }).queries!.offsets]).toEqual([...draw(1).queries!.offsets]);
    expect(draw(1, { ...bare, boxes }).queries).toBeUndefined();
  });

  it('needs to know what the camera sees only where the rest is left out', () => {
    const all = { ...view, points: { ...view.points, cropToImage: false } };
    expect(needsOf({ a: view })).toEqual(['image', 'points']);
    expect(needsOf({ a: all })).toEqual(['points']);
    const { id, points } = frame;
    expect(drawSweep({ id, points }, Random.fromSeed(1), all).points).toHaveLength(4 * 256);
    const far = { ...all.points, range: { min: [500, 0, 0], max: [600, 1, 1] } } as const;
    expect(() => drawSweep(frame, Random.fromSeed(1), { ...all, points: far })).toThrow(
      /frame 3: points: expected some within \(500,0,0\) to \(600,1,1\) m, found none of/,
    );
  });

  it('is stacked with tables that count through the batch', () => {
    const drawn: DrawnSweep[] = [1, 2].map((seed) => draw(seed));
    const samples = drawn.map((sweep, index) => ({ id: `${index}`, index, views: { 'a/sweep': sweep } }));
    const batch = collateViews(samples, { 'a/sweep': view });
    const at = (path: string): HostTensor => leafOf(batch, `a/sweep/${path}`);
    expect(at('places').shape).toEqual([64, 3]);
    expect(at('targets/offset').shape).toEqual([64, 3]);
    expect(at('targets/headingBin').shape).toEqual([64, 6]);
    expect(at('targets/positive').shape).toEqual([64]);
    expect(at('queries/offsets').shape).toEqual([360, 3]);
    expect(at('queries/occupied').shape).toEqual([180]);
    const [first, second] = drawn;
    expect([...at('queries/nearest').data]).toEqual([
      ...first.queries!.nearest,
      ...second.queries!.nearest.map((row) => row + 32),
    ]);
    expect([...at('nearest').data.subarray(96)]).toEqual([...second.nearest.map((row) => row + 8)]);
    expect([...at('targets/offset').data.subarray(96)]).toEqual([...second.targets!.offset]);
  });
});
