import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Points } from '../../src/report/vega-svg.ts';
import { barChartSvg, lineChartSvg, smoothedLines, thinned } from '../../src/report/vega-svg.ts';

/** The points of every line drawn, in the units of the SVG: one list for each `path` without fill. */
function pathsOf(svg: string): number[][][] {
  return [...svg.matchAll(/aria-hidden|<path d="(M[^"Z]+)" stroke/g)]
    .flatMap(([, d]) => (d === undefined ? [] : [d]))
    .map((d) =>
      d
        .slice(1)
        .split(/[ML]/)
        .map((point) => point.split(',').map(Number)),
    );
}

const textsOf = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

const warn = vi.spyOn(console, 'warn');
beforeAll(() => warn.mockClear());
afterAll(() => {
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

describe('a line chart', () => {
  it('puts points where they belong: x to the right, y up, both linear', async () => {
    const points: Points = [
      [0, 0],
      [50, 10],
      [100, 5],
    ];
    const svg = await lineChartSvg({ x: 'step', lines: [{ name: 'loss', points }] });
    const [[a, b, c]] = pathsOf(svg).filter((path) => path.length === 3);
    expect(b[0] - a[0]).toBeCloseTo(c[0] - b[0], 1);
    expect(b[0]).toBeGreaterThan(a[0]);
    expect(a[1] - c[1]).toBeCloseTo((a[1] - b[1]) / 2, 1);
    expect(b[1]).toBeLessThan(a[1]);
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 480 290"/);
  });

  it('shows a level that the data never reach, dashed and labelled', async () => {
    const points: Points = [
      [1, 2],
      [2, 1],
    ];
    const level = { value: 6.93, label: 'chance level: 6.93' };
    const svg = await lineChartSvg({ x: 'step', lines: [{ name: 'loss', points }], level });
    expect(svg).toContain('stroke-dasharray="5,4"');
    expect(textsOf(svg)).toContain('chance level: 6.93');
    expect(textsOf(svg)).toContain('7');
    const without = await lineChartSvg({ x: 'step', lines: [{ name: 'loss', points }] });
    expect(without).not.toContain('stroke-dasharray="5,4"');
  });

  it('breaks a line where a value is missing', async () => {
    const points: Points = [
      [1, 2],
      [2, 1],
      [3, null],
      [4, 1],
      [5, 3],
    ];
    const svg = await lineChartSvg({ x: 'step', lines: [{ name: 'loss', points }] });
    expect(svg).toMatch(/d="M[^"M]+M[^"M]+"/);
  });

  it('names several lines, not a single one', async () => {
    const points: Points = [
      [1, 0.1],
      [2, 1],
    ];
    const lines = ['points', 'image & <heads>'].map((name) => ({ name, points }));
    const svg = await lineChartSvg({ x: 'step', lines, logarithmic: true });
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['points', 'image &amp; &lt;heads&gt;', '1e-1', '1e+0']),
    );
    const single = await lineChartSvg({ x: 'step', lines: [lines[0]] });
    expect(textsOf(single)).not.toContain('points');
  });

  it('has the ends that are given, in whole numbers', async () => {
    const points: Points = [
      [0, 40],
      [100, 60],
    ];
    const svg = await lineChartSvg({ x: 'recall', lines: [{ name: 'bev', points }], ends: [0, 100] });
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['0', '20', '80', '100']));
  });

  it.each<[string, Points]>([
    ['one point', [[1, 2]]],
    [
      'a constant',
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'no finite point',
      [
        [1, null],
        [2, null],
      ],
    ],
    [
      'large and small numbers',
      [
        [1, 1e-12],
        [2, 1e12],
      ],
    ],
  ])('is drawn for %s', async (_, points) => {
    expect(await lineChartSvg({ x: 'step', lines: [{ name: 'loss', points }] })).not.toMatch(
      /NaN|Infinity|undefined/,
    );
  });

  it('is the same every time, and has no ids that could meet those of another on one page', async () => {
    const points: Points = [
      [1, 2],
      [2, 1],
    ];
    const chart = { x: 'step', lines: [{ name: 'loss', points }], level: { value: 1, label: 'one' } };
    expect(await lineChartSvg(chart)).toBe(await lineChartSvg(chart));
    const groups = [{ name: 'top-1', level: 0.1, bars: [{ name: 'after', value: 0.5, std: 0.1 }] }];
    for (const svg of [await lineChartSvg(chart), await barChartSvg({ highest: 1, groups })]) {
      expect(svg).not.toMatch(/ id=|url\(/);
    }
  });
});

it('a bar chart has bars as high as their values, the values above them, and the level', async () => {
  const bars = (after: number) => [
    { name: 'random weights', value: 0.1, std: 0.02 },
    { name: 'after training', value: after },
  ];
  const groups = [
    { name: 'top-1', level: 0.05, bars: bars(0.4) },
    { name: 'top-5', level: 0.25, bars: bars(0.8) },
  ];
  const svg = await barChartSvg({ highest: 1, groups });
  const shown = ['top-1', 'top-5', 'random weights', 'after training', '10.0%', '40.0%', '80.0%'];
  expect(textsOf(svg)).toEqual(expect.arrayContaining(shown));
  const heights = [...svg.matchAll(/d="M[\d.]+,[\d.]+h[\d.]+v([\d.]+)h[^"]*" fill="var\(--series-1/g)];
  const highest = Number(/class="background"[^>]* d="M0,0h[\d.]+v([\d.]+)h/.exec(svg)![1]);
  expect(heights.map(([, height]) => Number(height) / highest)).toEqual([
    expect.closeTo(0.4, 6),
    expect.closeTo(0.8, 6),
  ]);
});

describe('curves', () => {
  const values = fc.array(fc.option(fc.integer({ min: -1000, max: 1000 }), { freq: 9 }), {
    minLength: 1,
    maxLength: 3000,
  });
  const pointsOf = (ys: Array<number | null>): Points => ys.map((y, i) => [i + 1, y]);

  it('are averaged over the values around each', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 40 }), (ys, window) => {
        const points = pointsOf(ys.slice(0, 700));
        const [faint, smooth] = smoothedLines('loss', points, window);
        expect(faint).toEqual({ name: 'loss', points, faint: true });
        for (const [i, [x, y]] of smooth.points.entries()) {
          const near = points.filter(([other]) => Math.abs(other - x) <= Math.floor(window / 2));
          const finite = near.flatMap(([, value]) => value ?? []);
          const mean =
            points[i][1] === null ? null : finite.reduce((sum, value) => sum + value, 0) / finite.length;
          if (mean === null) expect(y).toBeNull();
          else expect(y).toBeCloseTo(mean, 9);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('keep their order, ends in height and gaps when they are thinned', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (ys, stretches) => {
        const points = pointsOf(ys);
        const few = thinned(points, stretches);
        expect(few.every(([x, y]) => points[x - 1][1] === y)).toBe(true);
        expect(few.every(([x], i) => i === 0 || x >= few[i - 1][0])).toBe(true);
        expect(few.length).toBeLessThanOrEqual(
          Math.max(2 * stretches, Math.min(points.length, 2 * stretches)),
        );
        expect(few.some(([, y]) => y === null)).toBe(ys.includes(null));
        if (!ys.includes(null)) {
          const heights = few.map(([, y]) => y!);
          expect([Math.min(...heights), Math.max(...heights)]).toEqual([
            Math.min(...(ys as number[])),
            Math.max(...(ys as number[])),
          ]);
        }
      }),
      { numRuns: 50 },
    );
  });
});
