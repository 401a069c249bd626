import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realData } from '../real-data.ts';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

const commandsIn = (stdout: string) =>
  stdout.split('\n').flatMap((line) => /^ {2}(pointpair .*)/.exec(line)?.[1] ?? []);

describe('a detector from labels to average precision', () => {
  it('is trained, goes on, looks at frames and is evaluated', { timeout: 240_000 }, async () => {
    const run = join(cli.path, 'detector');
    const settings = [
      'batchSize=2',
      'point3d.points.count=512',
      'loader.workers=0',
      'point3d.scoreThreshold=0.01',
    ].flatMap((setting) => ['--set', setting]);
    const options = ['--data', cli.data, '--image-set', 'train', '--labels-fraction', '0.5', '--steps', '3'];
    const first = await cli.run('finetune', '--detector', 'point3d', '--out', run, ...options, ...settings);
    expect(first.stderr).toMatch(/2 of 4 frames with \d+ Car.*; 3 steps of 2/);
    expect(first.stdout).toMatch(/3 steps done.*\n {2}pointpair detect .*--image-set val/);
    const again = await cli.run('finetune', '--out', run, '--resume');
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('3 steps done')]);
    const results = join(cli.path, 'results');
    const found = await cli.run('detect', run, '--image-set', 'val', '--out', results);
    expect(found.stdout).toMatch(
      /\d+ detections? in 2 frames.*\n(nothing had a score .*\n)? {2}pointpair evaluate .*--image-set val\n/,
    );
    const list = join(cli.data, 'ImageSets', 'val.txt');
    const folders = ['--labels', cli.data, '--detections', results, '--image-set', 'val'];
    const table = await cli.run('evaluate', ...folders, '--overlaps', 'loose');
    expect(table.stdout).toMatch(
      /2 frames, loose overlaps; R40 and R11 are different rules[\s\S]*Car +bev +0\.50/,
    );
    const { stdout } = await cli.run('evaluate', ...folders, '--json');
    expect(Object.keys(JSON.parse(stdout))).toEqual(['Car', 'Pedestrian', 'Cyclist']);
    const listed = ['--labels', cli.data, '--detections', results, '--frames', list];
    expect((await cli.run('evaluate', ...listed, '--json')).stdout).toBe(stdout);
    const all = await cli.run('evaluate', '--labels', cli.data, '--detections', results);
    expect([all.code, all.stderr]).toEqual([1, expect.stringContaining('none for 4 of them')]);
    const counted = await cli.run(
      'evaluate',
      '--labels',
      cli.data,
      '--detections',
      results,
      '--missing',
      'empty',
    );
    expect(counted.stderr).toContain(
      '4 of 6 frames have no result file and count as frames without detections',
    );
  });

  it('suggests commands that work as they are', { timeout: 240_000 }, async () => {
    // A data set without lists, whose name a shell would take apart, and a frame that cannot be looked at.
    const own = "own data; it's";
    await cp(cli.data, join(cli.path, own), { recursive: true });
    await rm(join(cli.path, own, 'ImageSets'), { recursive: true });
    await rm(join(cli.path, own, 'training', 'velodyne', '000002.bin'));
    const run = 'a run';
    const settings = ['batchSize=2', 'point3d.points.count=512', 'loader.workers=0'];
    const { stdout: trained } = await cli.run(
      ...['finetune', '--detector', 'point3d', '--data', own, '--out', run, '--steps', '1'],
      ...settings.flatMap((setting) => ['--set', setting]),
    );
    const [detect, ...others] = commandsIn(trained);
    expect(detect).toBe(`pointpair detect 'a run' --data 'own data; it'\\''s' --out 'a run/detections'`);
    expect(others).toEqual(["pointpair view 'a run'", "pointpair report 'a run'"]);
    const { stdout: found } = await cli.inShell(detect);
    const [evaluate, view] = commandsIn(found);
    expect(view).toBe(`pointpair view 'own data; it'\\''s' --detections 'a run/detections'`);
    expect(evaluate).toMatch(/ --missing empty$/);
    for (const command of [evaluate, others[1]]) expect((await cli.inShell(command)).code, command).toBe(0);
    await rm(join(cli.path, own, 'training', 'label_2'), { recursive: true });
    const { stdout: unlabelled } = await cli.inShell(detect);
    expect(commandsIn(unlabelled)).toEqual([view]);
  });

  const eval234 = realData('kitti-eval');
  it.skipIf(eval234 === undefined)("prints the official program's numbers as JSON", async () => {
    const folders = ['--labels', join(eval234!, 'label_2'), '--detections', join(eval234!, 'detections')];
    const { stdout } = await cli.run('evaluate', ...folders, '--json');
    expect(JSON.parse(stdout).Car['3d'].moderate.R40).toBeCloseTo(69.6057, 3);
  });
});
