import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { designOf, scalingOf } from '../../../src/evaluation/probes/design.ts';
import { type LabelledFeatures, selectRows } from '../../../src/evaluation/probes/features.ts';
import { linearProbe } from '../../../src/evaluation/probes/linear-probe.ts';
import { ridgeRegression } from '../../../src/evaluation/probes/ridge-regression.ts';
import { rowProducts } from '../../../src/evaluation/probes/row-products.ts';
import { softmaxRegression } from '../../../src/evaluation/probes/softmax-regression.ts';
import { drawnFeatures, split, written } from './drawn-features.ts';

const whole = z.number().int();
const cases = z
  .array(
    z.strictObject({
      seed: whole,
      count: whole,
      width: whole,
      classes: whole,
      results: z.array(
        z.strictObject({
          penalty: z.number(),
          loss: z.number(),
          logistic: z.array(whole),
          ridge: z.array(whole),
          ridgeScores: z.array(z.number()),
        }),
      ),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('./golden/linear.json', import.meta.url), 'utf8')));

const dataOf = (features: LabelledFeatures) => ({
  design: designOf(features, scalingOf(features)),
  labels: features.labels,
  classes: features.classes,
});

describe("scikit-learn's classifiers of the same features", () => {
  for (const { seed, count, width, classes, results } of cases) {
    const [train, test] = split(drawnFeatures(seed, { count: count + 40, width, classes }), count);
    for (const { penalty, loss, logistic, ridge, ridgeScores } of results) {
      const name = `${count} rows of ${width}, ${classes} classes, penalty ${penalty}`;
      it(`are those of the probe: ${name}`, () => {
        const fit = softmaxRegression(dataOf(train))(penalty);
        expect(fit.converged).toBe(true);
        expect(Math.abs(fit.loss - loss)).toBeLessThan(1e-6 * loss);
        const probe = linearProbe(train, test, { penalties: [penalty] });
        expect([...probe.predictions]).toEqual(logistic);
        expect(probe).toMatchObject({
          classifier: 'logistic',
          penalty,
          tried: [],
          converged: true,
          count: 40,
        });
        const cheap = linearProbe(train, test, { penalties: [penalty], classifier: 'ridge' });
        expect([...cheap.predictions]).toEqual(ridge);
        const scaled = designOf(selectRows(test, [0]), scalingOf(train));
        const scores = rowProducts(scaled, ridgeRegression(dataOf(train))(penalty).weights);
        scores.forEach((score, c) => {
          expect(score).toBeCloseTo(ridgeScores[c], 5);
        });
      });
    }
  }

  it('have a loss that does not depend on where the search begins', () => {
    const fitAt = softmaxRegression(dataOf(drawnFeatures(5, { count: 80, width: 9, classes: 3 })));
    const cold = fitAt(0.01);
    const warm = fitAt(0.01, fitAt(1));
    expect(Math.abs(warm.loss - cold.loss)).toBeLessThan(1e-9);
  });
});

describe('ridgeRegression', () => {
  it('has the loss that its weights give', () => {
    const features = drawnFeatures(6, { count: 50, width: 7, classes: 3 });
    const data = dataOf(features);
    const { weights, loss } = ridgeRegression(data)(0.2);
    const scores = rowProducts(data.design, weights);
    let expected = 0;
    scores.forEach((score, at) => {
      const target = features.labels[Math.floor(at / 3)] === at % 3 ? 1 : 0;
      expected += (score - target) ** 2 / 50;
    });
    weights.rows.forEach((weight, at) => {
      if (at % 8 !== 7) expected += 0.2 * weight * weight;
    });
    expect(loss).toBeCloseTo(expected, 12);
  });
});

describe('linearProbe', () => {
  const [train, test] = split(drawnFeatures(7, { count: 400, width: 30, classes: 4 }), 300);

  it('chooses a penalty that is neither the strongest nor the weakest where that is best, and does so again', () => {
    // 30 columns and 4 classes from 300 rows: hardly any penalty fits the rows too well, and a huge one sees means alone.
    for (const classifier of ['logistic', 'ridge'] as const) {
      const probe = linearProbe(train, test, { classifier, penalties: [1000, 0.1, 1e-7] });
      expect(probe.tried.map(({ penalty }) => penalty)).toEqual([1000, 0.1, 1e-7]);
      const best = Math.max(...probe.tried.map(({ accuracy }) => accuracy));
      expect(probe.tried.find(({ accuracy }) => accuracy === best)!.penalty).toBe(probe.penalty);
      expect(probe.accuracy).toBeGreaterThan(0.5);
      expect(linearProbe(train, test, { classifier, penalties: [1e-7, 1000, 0.1] })).toEqual(probe);
    }
  });

  it('chooses without the test rows', () => {
    const other = { ...test, labels: test.labels.map((label) => (label + 1) % 4) };
    const [probe, turned] = [linearProbe(train, test), linearProbe(train, other)];
    expect(turned.tried).toEqual(probe.tried);
    expect(turned.penalty).toBe(probe.penalty);
    expect(turned.accuracy).toBeLessThan(0.3);
  });

  it('does not mind columns of other units, or that never vary', () => {
    const widened = (
      { rows, count, width, ...rest }: LabelledFeatures,
      constant: number,
    ): LabelledFeatures => ({
      ...rest,
      count,
      width: width + 1,
      rows: Float32Array.from({ length: count * (width + 1) }, (_, at) => {
        const column = at % (width + 1);
        if (column === width) return constant;
        return rows[Math.floor(at / (width + 1)) * width + column] * (column === 3 ? 2 ** 20 : 1);
      }),
    });
    const plain = linearProbe(train, test, { penalties: [0.1] });
    // The last column is 0.1 in all training rows, and something else in the test rows.
    const probe = linearProbe(widened(train, 0.1), widened(test, 7), { penalties: [0.1] });
    expect(probe.predictions).toEqual(plain.predictions);
  });

  it('knows only the classes that occur', () => {
    const indices = [...train.labels.keys()].filter((i) => train.labels[i] === 1 || train.labels[i] === 3);
    for (const classifier of ['logistic', 'ridge'] as const) {
      const probe = linearProbe(selectRows(train, indices), test, { classifier });
      expect(new Set(probe.predictions)).toEqual(new Set([1, 3]));
      expect(probe.converged).toBe(true);
      const right = probe.predictions.filter((label, i) => label === test.labels[i]).length;
      expect(probe.accuracy).toBe(right / 100);
    }
    const one = linearProbe(selectRows(train, indices.slice(0, 1)), test);
    expect(new Set(one.predictions)).toEqual(new Set([train.labels[indices[0]]]));
  });

  it('makes do with one row of each class', () => {
    const rows = written(
      [
        [1, 0],
        [0, 1],
      ],
      [2, 0],
      3,
    );
    const probe = linearProbe(
      rows,
      written(
        [
          [0.9, 0.1],
          [0, 3],
        ],
        [2, 0],
        3,
      ),
    );
    expect(probe.accuracy).toBe(1);
  });

  it('refuses penalties that are none', () => {
    for (const penalties of [[], [0], [-1], [Number.NaN]]) {
      expect(() => linearProbe(train, test, { penalties })).toThrow('penalties are numbers above 0');
    }
    const nan = { ...train, rows: train.rows.slice().fill(Number.POSITIVE_INFINITY, 31, 32) };
    expect(() => linearProbe(nan, test)).toThrow(
      'training features: row 1, column 1: expected a finite number, found Infinity',
    );
  });
});
