import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { float32 } from '../../src/engine/host-tensor.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import type { RetrievalResult } from '../../src/evaluation/retrieval-result.ts';
import { pictureOf, writeReport } from '../../src/report/run-report.ts';
import { saveCheckpoint } from '../../src/training/run/checkpoint.ts';
import type { MetricsLine } from '../../src/training/run/run-folder.ts';
import { createRunFolder } from '../../src/training/run/run-folder.ts';

const LN_K = Math.log(1024);

async function makeRun({
  lines,
  name = 'street',
  config = { seed: 1, points: { samples: [512, 256] } } as object,
  chance = { intra: LN_K, inter: LN_K },
}: {
  lines: MetricsLine[];
  name?: string;
  config?: object;
  chance?: Record<string, number>;
}): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'pointpair-report-')), name);
  const run = await createRunFolder(path, { config });
  run.writeHeader({ chance, terms: { intra: 'between two views of the points' } });
  for (const line of lines) run.appendMetrics(line);
  run.close();
  return path;
}

/** Steps in which `intra` falls and `inter` stays where it is. */
function someLines(count: number): MetricsLine[] {
  const random = Random.fromSeed(7);
  return Array.from({ length: count }, (_, i) => ({
    step: i + 1,
    epoch: (i + 1) / 10,
    time: 2 * (i + 1),
    samplesPerSecond: 7.9,
    learningRate: { points: 0.001, image: 0.03, heads: 0.03 },
    loss: { intra: LN_K - (4 * i) / count + random.normal(0, 0.1), inter: LN_K + random.normal(0, 0.01) },
    metric: { intraTop1: i / count },
  }));
}

const retrieval: RetrievalResult = {
  split: 'validation',
  frames: 40,
  pool: 128,
  rows: [
    {
      task: 'intra-modal',
      metric: 'top-1',
      chance: 1 / 128,
      random: { mean: 0.06, std: 0.01, seeds: 5 },
      before: 0.05,
      after: 0.71,
    },
    {
      task: 'cross-modal',
      metric: 'top-1',
      chance: 1 / 128,
      random: { mean: 0.009, std: 0.003, seeds: 5 },
      before: null,
      after: 0.012,
    },
  ],
};

const report = async (
  path: string,
  ...rest: Parameters<typeof writeReport> extends [string, ...infer R] ? R : never
) => readFileSync(await writeReport(path, ...rest), 'utf8');

const warningsOf = (page: string) =>
  [...page.matchAll(/<p class="warning" role="note"><strong>Warning\.<\/strong> (.*?)<\/p>/g)].map(
    ([, text]) => text,
  );

/** The tags that are open where they should not be, and ids that stand twice. */
function faultsOf(page: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  const body = page.replace(/<style>.*?<\/style>/s, '').replace('<!doctype html>', '');
  for (const [, end, tag, selfClosed] of body.matchAll(/<(\/?)([a-zA-Z0-9]+)(?:[^<>"]|"[^"]*")*?(\/?)>/g)) {
    if (['meta', 'img'].includes(tag) || selfClosed === '/') continue;
    if (end === '') open.push(tag);
    else if (open.pop() !== tag) faults.push(`</${tag}>`);
  }
  const ids = [...body.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  return [...faults, ...open, ...ids.filter((id, i) => ids.indexOf(id) !== i)];
}

describe('writeReport', () => {
  it('writes one page that stands alone', async () => {
    const path = await makeRun({ lines: someLines(100) });
    writeFileSync(join(path, 'evaluation.json'), JSON.stringify(retrieval));
    const page = await report(path);
    expect(faultsOf(page)).toEqual([]);
    const addresses = [...page.matchAll(/(?:https?:)?\/\/[^\s"'<)]+/g)].map(([address]) => address);
    expect([...new Set(addresses)].sort()).toEqual([
      'http://www.w3.org/1999/xlink',
      'http://www.w3.org/2000/svg',
    ]);
    expect(page).not.toMatch(/<script|<link|@import|src="(?!data:)|url\((?!#)/);
    expect(page).toContain('prefers-color-scheme: dark');
  });

  it('tells what was run, how long and how fast', async () => {
    const page = await report(await makeRun({ lines: someLines(100) }));
    expect(page).toContain('<h1>street</h1>');
    expect(page).toContain('<dt>steps</dt><dd>100</dd>');
    expect(page).toContain('<dt>epochs</dt><dd>10</dd>');
    expect(page).toContain('<dt>time</dt><dd>3:20</dd>');
    expect(page).toContain('<dt>samples/s, median</dt><dd>7.9</dd>');
    expect(page).toContain('<td>points.samples</td><td>512, 256</td>');
    expect(page).toContain(`<td>node</td><td>${process.version}</td>`);
  });

  it('draws each loss with its value when nothing is learned, and warns where it stays there', async () => {
    const page = await report(await makeRun({ lines: someLines(100) }));
    expect(page.match(/stroke-dasharray="5,4"/g)).toHaveLength(2);
    expect(page).toContain('chance level: 6.93');
    expect(page).toMatch(
      /<b>intra-modal loss \(view to view\)<\/b> between two views of the points; from \d\.\d+ at the first step to 3\.\d+, the mean of the last 10 steps<\/figcaption>/,
    );
    expect(warningsOf(page)).toEqual([
      expect.stringMatching(
        /^The inter loss ends at 6\.9\d, the mean of the last \d+ steps\. Its chance level is 6\.93: .*no learning/,
      ),
    ]);
  });

  it('takes the value from the configuration where the metrics have no header', async () => {
    const path = await makeRun({ lines: [], config: { chance: { inter: 5 } } });
    writeFileSync(join(path, 'metrics.jsonl'), `${JSON.stringify({ step: 1, loss: { inter: 5.2 } })}\n`);
    const page = await report(path);
    expect(page).toContain('chance level: 5');
    expect(warningsOf(page)).toHaveLength(1);
  });

  it('says where a loss was not finite', async () => {
    const lines = [...someLines(20), { step: 21, loss: { intra: Number.NaN, inter: 1 } }];
    expect(warningsOf(await report(await makeRun({ lines })))).toContain(
      'The intra-modal loss (view to view) was not a finite number at step 21.',
    );
  });

  it('shows the learning rates, groups with the same one together', async () => {
    const page = await report(await makeRun({ lines: someLines(20) }));
    expect(page).toContain('<b>learning rate</b> parameter groups: points; image, heads</figcaption>');
  });

  it('shows retrieval in numbers and bars, and warns where there is no gain', async () => {
    const path = await makeRun({ lines: someLines(100), chance: {} });
    writeFileSync(join(path, 'evaluation.json'), JSON.stringify(retrieval));
    const page = await report(path);
    const row = (...cells: string[]) => cells.map((cell) => `<td>${cell}</td>`).join('');
    expect(page).toContain(row('intra-modal', 'top-1', '0.78%', '6.0% ± 1.0% (5 seeds)', '5.0%', '71.0%'));
    expect(page).toContain(
      row('cross-modal', 'top-1', '0.78%', '0.90% ± 0.30% (5 seeds)', 'not measured', '1.2%'),
    );
    expect(page).toContain('>71.0%</text>');
    expect(warningsOf(page)).toEqual([
      'After training, cross-modal top-1 retrieval is 1.2%. That is no clear gain: chance is 0.78%, and networks with random weights reach 0.90% ± 0.30% (5 seeds).',
    ]);
    rmSync(join(path, 'evaluation.json'));
    expect(await report(path)).not.toContain('Retrieval');
  });

  it('carries pictures and lists checkpoints', async () => {
    const path = await makeRun({ lines: someLines(5) });
    const random = Random.fromSeed(1).state;
    const meta = {
      step: 5,
      fingerprint: '',
      loader: null,
      random,
      metrics: {},
      time: '2024-05-06T07:08:09Z',
    };
    await saveCheckpoint(path, 5, { state: { x: float32([1], [1]) }, meta });
    const picture = await pictureOf(
      { width: 4, height: 2, data: new Uint8Array(24) },
      'Frame 7 & its "points"',
    );
    const page = await report(path, {
      sections: [{ title: 'Frames', text: 'Held out.', pictures: [picture] }],
    });
    expect(page).toContain('<td>5</td><td>checkpoints/00000005</td><td>2024-05-06T07:08:09Z</td>');
    expect(page).toContain('<h2>Frames</h2><p>Held out.</p>');
    expect(page).toContain('<figcaption>Frame 7 &amp; its &quot;points&quot;</figcaption>');
    const [, base64] = /src="data:image\/jpeg;base64,([^"]+)"/.exec(page)!;
    expect([...Buffer.from(base64, 'base64').subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    expect(faultsOf(page)).toEqual([]);
  });

  it('takes names and values for text, whatever is in them', async () => {
    const evil = `"><script>alert('x')</script>`;
    const loss = { [evil]: 1 };
    const lines = [1, 2].map((step) => ({ step, loss, metric: loss, learningRate: { [evil]: step, b: 1 } }));
    const path = await makeRun({ lines, config: { [evil]: evil }, chance: loss, name: "it's <b>" });
    const page = await report(path, { sections: [{ title: evil, text: evil }] });
    expect(page).not.toContain('<script');
    expect(faultsOf(page)).toEqual([]);
    expect(page).toContain('<h1>it&#39;s &lt;b&gt;</h1>');
  });

  it('is made of a run without a step and of one with very many', async () => {
    expect(await report(await makeRun({ lines: [] }))).toContain('No step was finished.');
    const page = await report(await makeRun({ lines: someLines(20_000) }));
    expect(page.length).toBeLessThan(600_000);
    expect(faultsOf(page)).toEqual([]);
  });

  it('names the file of a run that is missing or cannot be right', async () => {
    const path = await makeRun({ lines: [] });
    writeFileSync(join(path, 'evaluation.json'), JSON.stringify({ ...retrieval, frames: 'many' }));
    await expect(writeReport(path)).rejects.toThrow(InputError);
    await expect(writeReport(path)).rejects.toThrow(
      /evaluation\.json: frames: expected what a run writes there/,
    );
    rmSync(join(path, 'evaluation.json'));
    writeFileSync(join(path, 'config.json'), '{');
    await expect(writeReport(path)).rejects.toThrow(/config\.json: expected a JSON file of a run/);
    await expect(writeReport(join(path, 'none'))).rejects.toThrow(InputError);
  });
});
