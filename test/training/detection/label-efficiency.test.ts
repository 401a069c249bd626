import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  labelEfficiencyChart,
  labelEfficiencyRows,
  labelEfficiencyTable,
} from '../../../src/report/label-efficiency-report.ts';
import {
  type CellResult,
  cellName,
  cellsOf,
  type LabelEfficiencyOptions,
  runLabelEfficiency,
} from '../../../src/training/detection/label-efficiency.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { tinyDetector, tinyScenes } from './tiny-detector.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-efficiency-'));
  data = join(folder, 'scenes');
  await tinyScenes(data);
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

function options(out: string, changes: Partial<LabelEfficiencyOptions> = {}): LabelEfficiencyOptions {
  return {
    out,
    data,
    pretraining: tinyRun({ steps: 2 }),
    detector: tinyDetector('point3d', ['steps=2']),
    fractions: [0.2, 1],
    seeds: [1],
    evaluate: async ({ detections }) => ({ size: (await readFile(join(detections, '000006.txt'))).length }),
    stream: { write: () => {} },
    ...changes,
  };
}

describe('the experiment', () => {
  it('runs every share of labels from both beginnings, and goes on where it was to the same numbers', async () => {
    const whole = (await runLabelEfficiency(options(join(folder, 'whole'))))!;
    expect(whole.map(cellName)).toEqual([
      '20pct-scratch-seed1',
      '20pct-pretrained-seed1',
      '100pct-scratch-seed1',
      '100pct-pretrained-seed1',
    ]);
    expect(whole.map(({ frames }) => frames)).toEqual([2, 2, 6, 6]);
    const controller = new AbortController();
    const out = join(folder, 'interrupted');
    const stopped = await runLabelEfficiency(
      options(out, { signal: controller.signal, onCell: (done) => done === 2 && controller.abort() }),
    );
    expect(stopped).toBeUndefined();
    const done: string[] = [];
    const went = await runLabelEfficiency(
      options(out, { onCell: (_, __, cell) => done.push(cellName(cell)) }),
    );
    const numbers = (results: readonly CellResult[]) => results.map(({ seconds: _, ...rest }) => rest);
    expect(numbers(went!)).toEqual(numbers(whole));
    expect(done).toHaveLength(4);
    // What was measured leaves no gigabytes.
    await expect(stat(join(out, 'cells', '20pct-scratch-seed1', 'run', 'checkpoints'))).rejects.toThrow();
    expect(JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))).toHaveLength(4);
    const more = (await runLabelEfficiency(options(out, { seeds: [1, 2], fractions: [1] })))!;
    expect(numbers(more).slice(0, 2)).toEqual(numbers(whole).slice(2));
    const other = options(out, { detector: tinyDetector('point3d', ['steps=3']) });
    await expect(runLabelEfficiency(other)).rejects.toThrow(/experiment\.json: expected the same experiment/);
  });

  it('has whole seeds first', () => {
    const cells = cellsOf({ fractions: [0.01, 1], seeds: [1, 2] });
    expect(cells.map(({ seed }) => seed)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(cellName({ beginning: 'scratch', fraction: 0.07, seed: 3 })).toBe('7pct-scratch-seed3');
  });
});

describe('its table', () => {
  const result = (beginning: CellResult['beginning'], seed: number, ap: number): CellResult => ({
    beginning,
    seed,
    fraction: 0.05,
    frames: 20,
    seconds: 1,
    ap: { 'Car 3d': ap },
  });
  const results = [
    ...[10, 12, 14].map((ap, seed) => result('scratch', seed, ap)),
    ...[11, 15, 16].map((ap, seed) => result('pretrained', seed, ap)),
  ];

  it('has mean and spread over seeds, and the difference seed by seed', () => {
    const rows = labelEfficiencyRows(results, 'Car 3d');
    expect(rows).toHaveLength(1);
    expect(rows[0].scratch).toEqual({ mean: 12, std: 2, values: [10, 12, 14] });
    expect(rows[0].difference.values).toEqual([1, 3, 2]);
    expect(labelEfficiencyTable(rows, 'Car 3d')).toContain(
      '| 5 % | 20 | 12.0 ± 2.0 | 14.0 ± 2.6 | +2.0 ± 1.0 (3 of 3 seeds up) |',
    );
  });

  it('is drawn', async () => {
    const svg = await labelEfficiencyChart(labelEfficiencyRows(results, 'Car 3d'));
    expect(svg).toContain('5 % (20)');
    expect(svg).toContain('pretrained');
    expect(svg).not.toContain('NaN');
  });
});
