import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { createRunFolder, environment, readMetrics } from '../../../src/training/run/run-folder.ts';

const newPath = () => join(mkdtempSync(join(tmpdir(), 'pointpair-run-')), 'runs', 'first');
const config = { seed: 1, steps: 30, loader: { batchSize: 8, workers: [1, 2] } };
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

async function runWithSteps(count: number): Promise<string> {
  const path = newPath();
  const run = await createRunFolder(path, { config });
  run.writeHeader({ chance: { intra: 6.93 }, terms: {} });
  for (let step = 1; step <= count; step++) run.appendMetrics({ step, loss: { intra: 7 - step / 10 } });
  run.close();
  return path;
}

describe('createRunFolder', () => {
  it('makes the folder with the configuration and the environment', async () => {
    const path = newPath();
    (await createRunFolder(path, { config })).close();
    expect(readdirSync(path).sort()).toEqual(['config.json', 'env.json', 'metrics.jsonl']);
    expect(json(path, 'config.json')).toEqual(config);
    const { name, version } = json('package.json');
    expect(name).toBe('pointpair');
    expect(json(path, 'env.json')).toMatchObject({
      pointpair: version,
      node: process.version,
      onnxruntime: json('node_modules', 'onnxruntime-node', 'package.json').version,
      platform: `${process.platform} ${process.arch}`,
      gitRevision: existsSync('.git') ? expect.stringMatching(/^[0-9a-f]{40}$/) : null,
    });
    expect(Date.parse(json(path, 'env.json').started)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('does not know a revision outside a git checkout', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pointpair-run-'));
    const here = process.cwd();
    try {
      process.chdir(folder);
      expect(environment().gitRevision).toBeNull();
    } finally {
      process.chdir(here);
    }
  });

  it('takes an empty folder, and refuses a full one saying what to do', async () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    (await createRunFolder(path, { config })).close();
    await expect(createRunFolder(path, { config })).rejects.toThrow(InputError);
    await expect(createRunFolder(path, { config })).rejects.toThrow(
      /expected a new or empty folder, found a run without a checkpoint: --resume .*--overwrite .*another --out/,
    );
    mkdirSync(join(path, 'checkpoints', '00000030'), { recursive: true });
    await expect(createRunFolder(path, { config })).rejects.toThrow(/a run with a checkpoint of step 30: /);
    const others = newPath();
    mkdirSync(join(others, 'photographs'), { recursive: true });
    await expect(createRunFolder(others, { config })).rejects.toThrow(
      /found 1 entry \(photographs\): give another --out$/,
    );
    expect(json(path, 'config.json')).toEqual(config);
  });

  it('overwrites a run, and nothing that is no run', async () => {
    const path = await runWithSteps(3);
    (await createRunFolder(path, { config: { seed: 2 }, overwrite: true })).close();
    expect(json(path, 'config.json')).toEqual({ seed: 2 });
    expect((await readMetrics(path)).lines).toEqual([]);
    // What else commands leave beside it.
    for (const name of ['initialization.json', 'teacher.json', 'probe.json', 'report.html'])
      writeFileSync(join(path, name), '{}');
    // Results of a detector, where they are suggested to be, and what is not known as such.
    mkdirSync(join(path, 'detections'));
    writeFileSync(join(path, 'detections', 'detections.json'), '{}');
    (await createRunFolder(path, { config, overwrite: true })).close();
    mkdirSync(join(path, 'detections'));
    await expect(createRunFolder(path, { config, overwrite: true })).rejects.toThrow(/\(detections\)/);
    rmdirSync(join(path, 'detections'));
    writeFileSync(join(path, 'thesis.tex'), 'years of work');
    const refused = createRunFolder(path, { config, overwrite: true });
    await expect(refused).rejects.toThrow(
      /nothing but the files of a run to overwrite, found 1 entry \(thesis\.tex\)/,
    );
    expect(readdirSync(path)).toContain('config.json');
  });

  it('names the folder where it cannot be made', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'a file');
    await expect(createRunFolder(path, { config })).rejects.toThrow(InputError);
  });
});

describe('resuming', () => {
  it('goes on with the metrics up to the resumed step', async () => {
    const path = await runWithSteps(9);
    const run = await createRunFolder(path, { config, resume: 4 });
    run.writeHeader({ chance: {}, terms: {} });
    run.appendMetrics({ step: 5, loss: { intra: 1 } });
    run.sync();
    run.close();
    const { header, lines } = await readMetrics(path);
    expect(header!.chance).toEqual({ intra: 6.93 });
    expect(lines.map(({ step, loss }) => [step, loss.intra])).toEqual([
      [1, 6.9],
      [2, 6.8],
      [3, 6.7],
      [4, 6.6],
      [5, 1],
    ]);
    const { started, resumed } = json(path, 'env.json');
    expect(resumed).toMatchObject([{ step: 4, node: process.version }]);
    expect(resumed[0].started >= started).toBe(true);
    (await createRunFolder(path, { config, resume: 0 })).close();
    expect(json(path, 'env.json').resumed).toHaveLength(2);
    expect((await readMetrics(path)).lines).toEqual([]);
  });

  it('names every key of the configuration that differs', async () => {
    const path = await runWithSteps(1);
    const other = { seed: 1, steps: 60, loader: { batchSize: 16, workers: [1, 3] }, device: 'webgpu' };
    await expect(createRunFolder(path, { config: other, resume: 1 })).rejects.toThrow(
      `${join(path, 'config.json')}: steps: expected 30, as the run began with, found 60; ` +
        '3 more differ: loader.batchSize 8 against 16, loader.workers.1 2 against 3, device nothing against "webgpu"',
    );
    expect((await readMetrics(path)).lines).toHaveLength(1);
  });

  it('lets go of the keys that may differ, and of them alone', async () => {
    const path = await runWithSteps(1);
    const other = { ...config, steps: 60, loader: { batchSize: 8, workers: [4] } };
    const mayDiffer = ['steps', 'loader.workers'];
    (await createRunFolder(path, { config: other, resume: 1, mayDiffer })).close();
    expect(json(path, 'config.json')).toEqual(other);
    const wrong = { ...other, seed: 2 };
    await expect(createRunFolder(path, { config: wrong, resume: 1, mayDiffer })).rejects.toThrow(
      /seed: expected 1/,
    );
  });

  it('needs a run', async () => {
    await expect(createRunFolder(newPath(), { config, resume: 1 })).rejects.toThrow(
      /config\.json: expected the configuration of the run to resume, found nothing$/,
    );
  });

  it('survives a kill -9 in the middle of a line and of a write', async () => {
    const path = await runWithSteps(3);
    const file = join(path, 'metrics.jsonl');
    const whole = readFileSync(file);
    writeFileSync(join(path, '.metrics.jsonl.1-0.tmp'), 'half');
    for (let length = 0; length <= whole.length; length++) {
      // Every byte of the last line, and places all over the others.
      if (length < whole.length - 40 && length % 11 > 0) continue;
      writeFileSync(file, whole.subarray(0, length));
      const before = length === 0 ? [] : (await readMetrics(path)).lines;
      const run = await createRunFolder(path, { config, resume: 2 });
      run.writeHeader({ chance: { intra: 6.93 }, terms: {} });
      run.appendMetrics({ step: 3, loss: { intra: 0 } });
      run.close();
      const { header, lines } = await readMetrics(path);
      expect(header!.chance).toEqual({ intra: 6.93 });
      expect(lines.slice(0, -1)).toEqual(before.filter(({ step }) => step <= 2));
      expect(lines.at(-1)!.loss.intra).toBe(0);
    }
    expect(readdirSync(path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('finds every line of a process that was killed', async () => {
    const path = await runWithSteps(0);
    const script = `import { createRunFolder } from './src/training/run/run-folder.ts';
      const run = await createRunFolder(${JSON.stringify(path)}, { config: ${JSON.stringify(config)}, resume: 0 });
      for (let step = 1; step <= 50; step++) run.appendMetrics({ step, loss: {} });
      process.kill(process.pid, 'SIGKILL');`;
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
    expect(() => execFileSync(node[0], node.slice(1))).toThrow();
    expect((await readMetrics(path)).lines).toHaveLength(50);
  });
});

describe('readMetrics', () => {
  it('holds null for what was not finite', async () => {
    const path = newPath();
    const run = await createRunFolder(path, { config });
    run.appendMetrics({ step: 1, loss: { intra: Number.NaN }, learningRate: { heads: 0.03 } });
    run.close();
    expect((await readMetrics(path)).lines).toEqual([
      { step: 1, loss: { intra: null }, learningRate: { heads: 0.03 } },
    ]);
  });

  it.each([
    [
      'a broken line',
      '{"step":1,"loss":{}}\n{"step":2,"lo\n{"step":3,"loss":{}}\n',
      /line 2: expected a JSON object/,
    ],
    ['a line without a step', '{"loss":{}}\n', /line 1: expected the metrics of a step, found step: /],
    [
      'a loss that is no number',
      '{"step":1,"loss":{"a":"b"}}\n',
      /line 1: expected the metrics of a step, found loss\.a: /,
    ],
    ['a wrong header', '{"kind":"footer"}\n', /line 1: expected a header of metrics/],
    ['an empty line', '\n{"step":1,"loss":{}}\n', /line 1: expected a JSON object/],
  ])('names the place of %s', async (_, content, message) => {
    const path = await runWithSteps(0);
    writeFileSync(join(path, 'metrics.jsonl'), content);
    await expect(readMetrics(path)).rejects.toThrow(InputError);
    await expect(readMetrics(path)).rejects.toThrow(message);
  });
});
