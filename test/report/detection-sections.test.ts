import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { describeRun } from '../../src/report/describe-run.ts';
import { detectionSections } from '../../src/report/detection-sections.ts';
import { writeReport } from '../../src/report/run-report.ts';
import { createRunFolder } from '../../src/training/run/run-folder.ts';
import { removeFolders, temporaryFolder, write, writeTinyKitti } from '../viewer/server/tiny-data.ts';

afterEach(removeFolders);

/** A car that the benchmark counts as easy: tall enough in the picture, in full view. */
const car = 'Car 0.00 0 0.10 1.00 2.00 30.00 62.00 1.50 1.60 4.00 0.00 1.00 10.00 0.00';
const moved = (by: number) => car.replace(' 0.00 1.00 10.00 ', ` ${by.toFixed(2)} 1.00 10.00 `);

/** A detector's run of two steps on three frames with a car each. */
async function makeRun(config: object = {}): Promise<{ readonly run: string; readonly data: string }> {
  const folder = temporaryFolder();
  const data = await writeTinyKitti(join(folder, 'data'), 3);
  for (const id of ['000000', '000001', '000002'])
    write(join(data, `training/label_2/${id}.txt`), `${car}\n`);
  const path = join(folder, 'point3d');
  const run = await createRunFolder(path, {
    config: {
      detector: 'point3d',
      point3d: { classes: ['Car'] },
      batchSize: 2,
      labels: { fraction: 0.5, seed: 7 },
      data: { root: data, imageSet: 'train', frames: 2 },
      from: { run: 'runs/kitti', step: 80 },
      ...config,
    },
  });
  run.writeHeader({ chance: {}, terms: {} });
  for (const step of [1, 2])
    run.appendMetrics({ step, epoch: step / 2, loss: { total: 3 - step }, metric: { positives: step } });
  run.close();
  return { run: path, data };
}

const detect = (folder: string, texts: Readonly<Record<string, string>>) => {
  for (const [id, text] of Object.entries(texts)) write(join(folder, `${id}.txt`), text);
};
const manifest = (root: string) => JSON.stringify({ data: { root, split: 'training', imageSet: 'val' } });

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

describe('detectionSections', () => {
  it('are average precision, curves and drawn frames, of the frames with results', async () => {
    const { run, data } = await makeRun();
    const folder = join(run, 'detections');
    write(join(folder, 'detections.json'), manifest(data));
    detect(folder, { '000000': `${moved(0.05)} 0.9\n`, '000002': `${moved(4)} 0.8\n` });
    const [precision, drawn] = await detectionSections(run);
    expect(precision.text).toContain('on 2 frames with results');
    expect(precision.text).toContain('Car 2, 2, 2');
    const rows = precision.table!.rows;
    expect(rows.map(([name, metric, overlap]) => [name, metric, overlap])).toEqual([
      ['Car', 'bbox', '> 0.7'],
      ['Car', 'aos', '> 0.7'],
      ['Car', 'bev', '> 0.7'],
      ['Car', '3d', '> 0.7'],
    ]);
    expect(precision.table!.head.slice(3, 5)).toEqual(['R40 easy', 'R40 moderate']);
    // One of two labels is found in space, which the one rule rewards at recall 0 and the other not at all.
    expect([rows[2][3], rows[2][6]]).toEqual(['0.00', '9.09']);
    expect(Number(rows[0][3])).toBeGreaterThan(0);
    expect(precision.figures!.map(({ title }) => title)).toEqual(['Car']);
    expect(precision.figures![0].svg).toContain('bev &gt; 0.7');
    expect(drawn.drawings!.map(({ title, note }) => [title, note])).toEqual([
      ['000000', 'among the best: 1 found, 0 missed, 0 false'],
    ]);
    expect(drawn.text).toContain('from the score 0.90 on');
    const page = readFileSync(await writeReport(run, { sections: [precision, drawn] }), 'utf8');
    expect(page.indexOf('Average precision')).toBeLessThan(page.indexOf('<h2>Losses'));
    expect(page.indexOf('Labels and detections')).toBeGreaterThan(page.indexOf('<h2>Losses'));
    expect(page).not.toContain('nothing is learned');
    expect(page).toContain('<td>R40 easy</td>'.replaceAll('td', 'th').replace('<th>', '<th scope="col">'));
    expect(page).toContain('label, missed');
  });

  it('leave out damaged frames and say which, and tell types that KITTI does not know', async () => {
    const { run, data } = await makeRun();
    const folder = join(run, 'detections');
    write(join(folder, 'detections.json'), manifest(data));
    write(join(data, 'training/label_2/000001.txt'), 'Car 0\n');
    write(join(data, 'training/label_2/000002.txt'), `${car}\n${car.replace('Car', 'Bus')}\n`);
    write(join(data, 'training/velodyne/000000.bin'), 'no sweep');
    detect(folder, { '000000': `${car} 0.9\n`, '000001': `${car} 0.9\n`, '000002': `${car} 0.8\n` });
    const [precision, drawn] = await detectionSections(run);
    expect(precision.text).toContain('on 2 frames with results');
    expect(precision.text).toMatch(
      /1 frames left out as damaged, such as .*000001\.txt: line 1: expected 15 columns/,
    );
    expect(precision.text).toContain(
      "type Bus is none of KITTI's and counts as neither right nor wrong: 1 in labels",
    );
    expect(drawn.drawings!.map(({ title }) => title)).toEqual(['000002']);
    expect(drawn.text).toMatch(/1 of them could not be drawn: .*000000\.bin: /);
  });

  it('find results of frames that are not named by numbers, and say why low boxes count for nothing', async () => {
    const { run, data } = await makeRun();
    for (const [part, ending] of Object.entries({
      image_2: 'png',
      velodyne: 'bin',
      calib: 'txt',
      label_2: 'txt',
    }))
      renameSync(
        join(data, `training/${part}/000001.${ending}`),
        join(data, `training/${part}/seq.a+1.${ending}`),
      );
    write(join(run, 'detections/detections.json'), manifest(data));
    detect(join(run, 'detections'), {
      'seq.a+1': `${car.replace('1.00 2.00 30.00 62.00', '-1 -1 -1 -1')} 0.9\n`,
    });
    const [precision, drawn] = await detectionSections(run);
    expect(precision.table!.rows.map(([name, metric, , easy]) => [name, metric, easy])).toEqual([
      ['Car', 'bbox', '–'],
      ['Car', 'aos', '–'],
      ['Car', 'bev', '0.00'],
      ['Car', '3d', '0.00'],
    ]);
    expect(precision.text).toContain('1 of 1 Car detections have boxes in the image lower than 25 pixels');
    expect(drawn.drawings!.map(({ title }) => title)).toEqual(['seq.a+1']);
  });

  it('are of the results that are given, with labels from elsewhere', async () => {
    const { run, data } = await makeRun({ data: { root: 'gone', frames: 2 } });
    const results = temporaryFolder();
    detect(results, { '000001': `${moved(0)} 0.5\n` });
    expect(await detectionSections(run)).toEqual([]);
    expect((await faultOf(detectionSections(run, { detections: results }))).file).toContain('gone');
    const [{ text }] = await detectionSections(run, { detections: results, data });
    expect(text).toContain('on 1 frames');
  });

  it('say why nothing could be measured, where results were found by themselves', async () => {
    const { run, data } = await makeRun();
    detect(join(run, 'detections'), { '000009': '' });
    const [{ title, text }] = await detectionSections(run);
    expect(title).toBe('Average precision');
    expect(text).toMatch(/^It could not be measured: .*000009/);
    write(join(run, 'detections/detections.json'), '{"data":');
    expect((await detectionSections(run))[0].text).toContain('expected JSON');
    expect((await faultOf(detectionSections(run, { detections: join(run, 'detections'), data }))).file).toBe(
      join(run, 'detections/detections.json'),
    );
  });

  it('are none of a pretraining run, with which results do not go', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'pointpair-sections-')), 'run');
    write(join(path, 'config.json'), '{"objective":"simipu"}');
    expect(await detectionSections(path)).toEqual([]);
    expect(await faultOf(detectionSections(path, { detections: path }))).toMatchObject({
      found: 'a pretraining run',
    });
    rmSync(join(path, '..'), { recursive: true });
  });
});

describe("describeRun of a detector's run", () => {
  it('says what it is, on what labels, from what, and how far', async () => {
    const { run, data } = await makeRun();
    expect((await describeRun(run)).split('\n')).toEqual([
      `detector point3d of Car on ${data} (train): batch 2`,
      'labels of 2 frames, a share of 0.5 drawn by seed 7',
      'began with the encoders of runs/kitti (step 80)',
      '2 steps, 1.0 epochs',
      expect.stringMatching(/^ +first step +last step$/),
      expect.stringMatching(/total loss +2\.000 +1\.000$/),
      expect.stringMatching(/positive places a batch +1\.000 +2\.000$/),
      'no checkpoints',
    ]);
    const scratch = await makeRun({ from: null, labels: { fraction: 1, seed: 0 } });
    expect(await describeRun(scratch.run)).toContain('labels of 2 frames\nbegan at random\n');
    writeFileSync(join(run, 'config.json'), '{"detector":"point3d"}');
    expect(await faultOf(describeRun(run))).toMatchObject({ place: 'batchSize' });
  });
});
