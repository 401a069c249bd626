import { describe, expect, it } from 'vitest';
import { dotChartSvg } from '../../src/report/dot-chart.ts';

describe('a chart of dots', () => {
  const rows = [
    { name: 'lower', value: 30, std: 1, beside: { value: 20, std: 0 } },
    { name: 'higher', value: 40, std: 2, beside: { value: 25, std: 1 } },
  ];
  const chart = {
    title: 'Leave-one-out kNN',
    names: ['pretrained', 'random encoder'] as const,
    rows,
    levels: [{ name: 'raw pixels', value: 35 }],
  };

  it('names its rows, the highest first, its marks and its levels', async () => {
    const svg = await dotChartSvg(chart);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(texts).toEqual(
      expect.arrayContaining(['pretrained', 'random encoder', 'raw pixels', chart.title]),
    );
    const y = (name: string) =>
      Number(new RegExp(`transform="translate\\([^,]*,([\\d.]+)\\)"[^>]*>${name}<`).exec(svg)![1]);
    expect(y('higher')).toBeLessThan(y('lower'));
  });

  it('puts dots on one axis, linear, with rings beside them', async () => {
    const svg = await dotChartSvg(chart);
    const places = [
      ...svg.matchAll(/<path transform="translate\(([\d.]+),([\d.]+)\)" d="M[^"]*" fill="(?!none)/g),
    ].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
    const [lower, higher] = [places.slice(0, 2), places.slice(2, 4)].sort(([a], [b]) => b.y - a.y);
    const dot = (row: typeof places) => Math.max(...row.map(({ x }) => x));
    const ring = (row: typeof places) => Math.min(...row.map(({ x }) => x));
    // 20, 25, 30 and 40 on one line.
    const unit = (dot(higher) - dot(lower)) / 10;
    expect((ring(higher) - ring(lower)) / unit).toBeCloseTo(5, 3);
    expect((dot(lower) - ring(lower)) / unit).toBeCloseTo(10, 3);
  });
});
