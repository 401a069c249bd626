import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelEfficiencyChart } from '../../../src/report/label-efficiency-chart.ts';
import {
  type CellCurve,
  labelEfficiencyRows,
  labelEfficiencyTable,
} from '../../../src/report/label-efficiency-report.ts';
import { loadDetectionRun } from '../../../src/training/detection/detection-run.ts';
import {
  type CellResult,
  cellName,
  cellsOf,
  type LabelEfficiencyOptions,
  runLabelEfficiency,
} from '../../../src/training/detection/label-efficiency.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { tinyDetector } from './tiny-detector.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-efficiency-'));
  data = join(folder, 'scenes');
  await smallScenes(data);
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

function options(out: string, changes: Partial<LabelEfficiencyOptions> = {}): LabelEfficiencyOptions {
  return {
    out,
    train: { root: data, imageSet: 'train' },
    heldOut: { root: data, imageSet: 'val' },
    arms: [{ name: 'pretrained', config: tinyRun({ steps: 2 }) }],
    detector: tinyDetector('point3d', ['steps=2']),
    fractions: [0.2, 1],
    seeds: [1],
    evaluate: async (detections) => ({ size: (await readFile(join(detections, '000006.txt'))).length }),
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
    await expect(runLabelEfficiency(other)).rejects.toThrow(
      /experiment\.json: detector\.steps: expected the same experiment, to go on with: 2, found 3: give the same again/,
    );
    // Begun before an option was there, it goes on with the option's default.
    const file = join(out, 'experiment.json');
    const noted = JSON.parse(await readFile(file, 'utf8'));
    const { lastLevel, ...older } = noted.detector.point3d;
    expect(lastLevel).toBe('weighted');
    await writeFile(file, JSON.stringify({ ...noted, detector: { ...noted.detector, point3d: older } }));
    expect(numbers((await runLabelEfficiency(options(out)))!)).toEqual(numbers(whole));
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(noted);
  });

  it('compares several pretrainings, one of them a run that is there, and takes up more', async () => {
    const out = join(folder, 'arms');
    const first = { name: 'first', config: tinyRun({ steps: 2 }) };
    const small = { fractions: [0.2], seeds: [1] };
    const before = (await runLabelEfficiency(options(out, { ...small, arms: [first] })))!;
    const arms = [{ name: 'there', run: join(out, 'pretrained', 'first') }, first];
    const cells = (await runLabelEfficiency(options(out, { ...small, arms })))!;
    expect(cells.map(cellName)).toEqual(['scratch', 'there', 'first'].map((name) => `20pct-${name}-seed1`));
    const [scratch, there, again] = cells;
    expect([scratch, again]).toEqual(before);
    // The same encoders, so the same detector.
    expect(there.ap).toEqual(again.ap);
    const initialization = await readFile(
      join(out, 'cells', '20pct-there-seed1', 'run', 'initialization.json'),
      'utf8',
    );
    expect(initialization).toContain('pointEncoder');
    const changed = { name: 'first', config: tinyRun({ steps: 3 }) };
    await expect(runLabelEfficiency(options(out, { ...small, arms: [changed] }))).rejects.toThrow(
      /arms\.first\.config\.steps: expected the same experiment, to go on with: 2, found 3/,
    );
  });

  it('begins with whole detectors that learned from boxes of clusters, heads and all', async () => {
    const out = join(folder, 'clusters');
    const arms = [{ name: 'boxes', clusters: { steps: 2 } }];
    const small = { fractions: [0.2], seeds: [1], arms };
    const cells = (await runLabelEfficiency(options(out, small)))!;
    expect(cells.map(cellName)).toEqual(['20pct-scratch-seed1', '20pct-boxes-seed1']);
    const files = await readdir(join(out, 'pretrained', 'boxes-boxes'));
    expect(files.filter((name) => name.endsWith('.txt'))).toHaveLength(6);
    const text = await readFile(
      join(out, 'cells', '20pct-boxes-seed1', 'run', 'initialization.json'),
      'utf8',
    );
    const { loaded, fresh, unused } = JSON.parse(text);
    expect(fresh).toEqual([]);
    expect(unused.filter((path: string) => !path.startsWith('optimizer'))).toEqual([]);
    expect(loaded.some((path: string) => path.startsWith('params/head/'))).toBe(true);
    const learned = await loadDetectionRun(join(out, 'pretrained', 'boxes'));
    expect(learned.data).toMatchObject({ labels: join(out, 'pretrained', 'boxes-boxes') });
    // The cells of what they are compared with are those of any other experiment.
    const scratch = await runLabelEfficiency(options(join(folder, 'alone'), { ...small, arms: [] }));
    expect(scratch![0].ap).toEqual(cells[0].ap);
  });

  it('takes no arms whose detectors would differ, and no names that are none', async () => {
    const config = tinyRun({ steps: 2 });
    const { points } = config.encoders;
    const other = { ...config.encoders, points: { ...points!, useXyz: !points!.useXyz } };
    const arms = [
      { name: 'a', config },
      { name: 'b', config: { ...config, encoders: other } },
    ];
    await expect(runLabelEfficiency(options(join(folder, 'differ'), { arms }))).rejects.toThrow(
      /pretrained\/b: expected encoders as those of a, .*found other ones of b/,
    );
    for (const names of [['scratch'], ['a', 'a'], ['a/b'], ['..']]) {
      const wrong = names.map((name) => ({ name, config }));
      const run = runLabelEfficiency(options(join(folder, 'names'), { arms: wrong }));
      await expect(run).rejects.toThrow(/arms: expected names of arms, each once/);
    }
  });

  it('has whole seeds first', () => {
    const cells = cellsOf({
      arms: [{ name: 'time', run: 'runs/time' }],
      fractions: [0.01, 1],
      seeds: [1, 2],
    });
    expect(cells.map(({ seed }) => seed)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(cells.slice(0, 2).map(({ beginning }) => beginning)).toEqual(['scratch', 'time']);
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
    expect(rows[0].arms[0].difference.values).toEqual([1, 3, 2]);
    expect(labelEfficiencyTable(rows, 'Car 3d')).toContain(
      '| 5 % | 20 | 12.0 ± 2.0 | 14.0 ± 2.6 | +2.0 ± 1.0 (3 of 3 seeds up) |',
    );
  });

  it('has several arms below each other, and says what was not measured', () => {
    const more = [13, 11].map((ap, seed) => result('time', seed, ap));
    const rest = [{ ...result('scratch', 0, 30), fraction: 1, frames: 400 }];
    const table = labelEfficiencyTable(
      labelEfficiencyRows([...rest, ...results, ...more], 'Car 3d'),
      'Car 3d',
    );
    expect(table.split('\n').slice(2)).toEqual([
      '| 5 % | 20 | from scratch | 12.0 ± 2.0 | |',
      '| | | pretrained | 14.0 ± 2.6 | +2.0 ± 1.0 (3 of 3 seeds up) |',
      '| | | time | 12.0 ± 1.4 | +1.0 ± 2.8 (1 of 2 seeds up) |',
      '| 100 % | 400 | from scratch | 30.0 ± 0.0 | |',
      '| | | pretrained | not measured | not measured |',
      '| | | time | not measured | not measured |',
    ]);
  });

  it('says what differences lie between, over draws of the same frames and seeds for both', () => {
    /** A frame is of one kind, of which a training finds this share: R40 hangs on it alone. */
    const curveOf =
      (share: number) =>
      (times: ArrayLike<number> = [1, 1]) => ({
        labels: times[0] + times[1],
        precision: Array.from({ length: 41 }, (_, k) => (k <= 40 * share ? 1 : 0)),
      });
    const cell = (beginning: string, seed: number, share: number): CellCurve => {
      const curve = curveOf(share);
      return { beginning, seed, fraction: 0.05, frames: 2, curve };
    };
    const scratch = [0.2, 0.4, 0.6].map((share, seed) => cell('scratch', seed, share));
    const alike = [0.3, 0.5, 0.7].map((share, seed) => cell('pretrained', seed, share));
    const [row] = labelEfficiencyRows(results, 'Car 3d', [...scratch, ...alike]);
    // However seeds are drawn, each is 10 better than its own.
    expect(row.arms[0].interval!.low).toBeCloseTo(10, 9);
    expect(row.arms[0].interval!.high).toBeCloseTo(10, 9);
    expect(labelEfficiencyTable([row], 'Car 3d')).toContain('(3 of 3 seeds up), 95 %: 10.0 to 10.0 |');
    const [other] = labelEfficiencyRows(results, 'Car 3d', [
      ...scratch,
      cell('pretrained', 0, 0.8),
      ...alike.slice(1),
    ]);
    // Where all three draws are of seed 0, and where none is: 8 and 1 of 27.
    expect(other.arms[0].interval!.low).toBeCloseTo(10, 9);
    expect(other.arms[0].interval!.high).toBeCloseTo(60, 9);
    expect(
      labelEfficiencyRows(results, 'Car 3d', [scratch[0], alike[0]])[0].arms[0].interval,
    ).toBeUndefined();
  });

  it('is drawn', async () => {
    const measures = ['Car 3d', 'Car bev'];
    const svg = await labelEfficiencyChart(
      measures.map((measure) => ({ measure, rows: labelEfficiencyRows(results, measure) })),
    );
    for (const text of ['5 % (20)', ...measures]) expect(svg).toContain(text);
    const arms = ['a', 'b', 'c'].map((beginning) => ({ ...results[0], beginning }));
    const rows = labelEfficiencyRows([{ ...results[0], beginning: 'scratch' }, ...arms], 'Car 3d');
    const ofFour = await labelEfficiencyChart([{ measure: 'Car 3d', rows }]);
    const bars = [...ofFour.matchAll(/d="M[\d.]+,[\d.]+h[\d.]+v[\d.]+h[^"]*" fill="([^"]*)"/g)];
    const colours = bars.map(([, fill]) => fill).filter((fill) => /--series|--pale/.test(fill));
    expect(new Set(colours).size).toBe(4);
    expect(svg).toContain('pretrained');
    expect(svg).not.toContain('NaN');
  });
});
