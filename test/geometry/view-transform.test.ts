import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { identity44, multiply44 } from '../../src/geometry/matrix.ts';
import {
  applyView,
  inverseView,
  isMirrored,
  matrixOf,
  sampleViewTransform,
  type ViewStep,
  type ViewTransform,
} from '../../src/geometry/view-transform.ts';

const coordinate = fc.double({ min: -50, max: 50, noNaN: true });
const vector = fc.tuple(coordinate, coordinate, coordinate);
const step: fc.Arbitrary<ViewStep> = fc.oneof(
  fc.record({
    kind: fc.constant('rotateZ' as const),
    angle: fc.double({ min: -4, max: 4, noNaN: true }),
    pivot: vector,
  }),
  fc.record({ kind: fc.constant('scale' as const), factor: fc.double({ min: 0.5, max: 2, noNaN: true }) }),
  fc.constant<ViewStep>({ kind: 'flipY' }),
  fc.record({ kind: fc.constant('translate' as const), by: vector }),
);
const views: fc.Arbitrary<ViewTransform> = fc.array(step, { maxLength: 8 });

/** One step on one point, written out. */
function stepByHand(one: ViewStep, [x, y, z]: readonly number[]): number[] {
  switch (one.kind) {
    case 'rotateZ': {
      const [px, py] = one.pivot;
      const radius = Math.hypot(x - px, y - py);
      const direction = Math.atan2(y - py, x - px) + one.angle;
      return [px + radius * Math.cos(direction), py + radius * Math.sin(direction), z];
    }
    case 'scale':
      return [x * one.factor, y * one.factor, z * one.factor];
    case 'flipY':
      return [x, -y, z];
    case 'translate':
      return [x + one.by[0], y + one.by[1], z + one.by[2]];
  }
}

describe('views', () => {
  it('do their steps one after the other, and leave other columns and the input alone', () => {
    fc.assert(
      fc.property(views, vector, (view, point) => {
        const expected = view.reduce<number[]>((moved, one) => stepByHand(one, moved), [...point]);
        const points = Float64Array.of(...point, 0.75);
        const found = applyView(points, 4, view);
        expected.forEach((value, k) => {
          expect(Math.abs(found[k] - value)).toBeLessThan(1e-9 * (1 + Math.abs(value)) * 100);
        });
        expect(found[3]).toBe(0.75);
        expect([...points.subarray(0, 3)]).toEqual(point);
      }),
    );
  });

  it('are undone by their inverses', () => {
    fc.assert(
      fc.property(views, (view) => {
        const found = multiply44(matrixOf(inverseView(view)), matrixOf(view));
        const size = Math.max(
          1,
          ...matrixOf(view).map(Math.abs),
          ...matrixOf(inverseView(view)).map(Math.abs),
        );
        identity44().forEach((value, k) => {
          expect(Math.abs(found[k] - value)).toBeLessThan(1e-13 * size * size);
        });
      }),
    );
  });

  it('bring single precision points back to a tenth of a millimetre', () => {
    const random = Random.fromSeed('views');
    for (let k = 0; k < 50; k++) {
      const view = sampleViewTransform(random);
      const points = Float32Array.from({ length: 300 }, (_, n) => random.uniform(n % 3 ? -40 : 0, 70));
      const back = applyView(applyView(points, 3, view), 3, inverseView(view));
      back.forEach((value, n) => {
        expect(Math.abs(value - points[n])).toBeLessThan(1e-4);
      });
    }
  });

  it('survive being saved', () => {
    const view = sampleViewTransform(Random.fromSeed(3), {
      translationDeviationM: [1, 1, 1],
      flipProbability: 1,
    });
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  it('tell whether they mirror', () => {
    const turn: ViewStep = { kind: 'rotateZ', angle: 1, pivot: [0, 0, 0] };
    expect(isMirrored([])).toBe(false);
    expect(isMirrored([turn, { kind: 'flipY' }])).toBe(true);
    expect(isMirrored([{ kind: 'flipY' }, turn, { kind: 'flipY' }])).toBe(false);
  });

  it('with a scale that flattens or mirrors cannot be undone', () => {
    for (const factor of [0, -1, Number.NaN, 1e-320]) {
      expect(() => inverseView([{ kind: 'scale', factor }])).toThrow(/cannot be undone/);
    }
  });
});

describe('sampleViewTransform', () => {
  const sample = (count: number) => {
    const random = Random.fromSeed('simipu');
    return Array.from({ length: count }, () => sampleViewTransform(random));
  };

  it('rotates about the pivot, scales, and flips half of the time, in this order', () => {
    const drawn = sample(4000);
    const angles: number[] = [];
    const factors: number[] = [];
    let flips = 0;
    for (const view of drawn) {
      const [turn, scale, flip, ...rest] = view;
      if (turn.kind !== 'rotateZ' || scale.kind !== 'scale') throw new Error('another order');
      expect(turn.pivot).toEqual([35.2, 0, -1]);
      angles.push(turn.angle);
      factors.push(scale.factor);
      if (flip !== undefined) {
        expect(flip).toEqual({ kind: 'flipY' });
        flips++;
      }
      expect(rest).toEqual([]);
    }
    const spread = (values: number[]) => [Math.min(...values), Math.max(...values)];
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [lowest, highest] = spread(angles);
    expect(lowest).toBeGreaterThanOrEqual(-Math.PI / 2);
    expect(lowest).toBeLessThan(-1.55);
    expect(highest).toBeLessThan(Math.PI / 2);
    expect(highest).toBeGreaterThan(1.55);
    expect(Math.abs(mean(angles))).toBeLessThan(0.06);
    const [smallest, largest] = spread(factors);
    expect(smallest).toBeGreaterThanOrEqual(0.75);
    expect(largest).toBeLessThan(1.25);
    expect(largest - smallest).toBeGreaterThan(0.49);
    expect(mean(factors)).toBeCloseTo(1, 1);
    expect(flips / drawn.length).toBeGreaterThan(0.46);
    expect(flips / drawn.length).toBeLessThan(0.54);
  });

  it('draws the same views from the same seed', () => {
    expect(sample(20)).toEqual(sample(20));
  });

  it('shifts only when asked to, between scale and flip', () => {
    const options = { translationDeviationM: [1, 2, 0] as const, flipProbability: 1 };
    const view = sampleViewTransform(Random.fromSeed(1), options);
    expect(view.map((one) => one.kind)).toEqual(['rotateZ', 'scale', 'translate', 'flipY']);
    expect(view[2]).toMatchObject({ by: [expect.any(Number), expect.any(Number), 0] });
  });

  it('leaves the pivot where it is before scale and flip', () => {
    const options = { scale: [1, 1] as const, flipProbability: 0 };
    const view = sampleViewTransform(Random.fromSeed(8), options);
    const [x, y, z] = applyView(Float64Array.of(35.2, 0, -1), 3, view);
    expect([x, y, z].map((value) => Math.round(value * 1e9) / 1e9 + 0)).toEqual([35.2, 0, -1]);
  });
});
