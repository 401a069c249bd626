import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImages, encodePoints } from '../../src/encoders/encoders.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { type Tree, treeOf } from '../../src/engine/tree.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { readPcd, writePcd } from '../../src/pointcloud/pcd.ts';
import { cloudFromRows, fieldOf } from '../../src/pointcloud/point-cloud.ts';
import { loadRun } from '../../src/training/run/model-state.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';
import { writeTracking } from '../datasets/tiny-sequences.ts';
import { bothEncoders } from '../objectives/tiny-simipu.ts';
import { realData } from '../real-data.ts';

const cli = fileURLToPath(new URL('../../dist/tools/cli.js', import.meta.url));
let folder = '';
let data = '';

/** Runs the built command as a process of its own. */
function pointpair(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Runs a command line as somebody would who copied it. */
function inShell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = line.replace(/^(npx )?pointpair/, `'${process.execPath}' '${cli}'`);
  return new Promise((resolve) => {
    execFile('sh', ['-c', command], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The command lines that are suggested. */
const commandsIn = (stdout: string) =>
  stdout.split('\n').flatMap((line) => /^ {2}(pointpair .*)/.exec(line)?.[1] ?? []);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-cli-'));
  data = join(folder, 'scenes');
  await smallScenes(data, { count: 6 });
  await writeFile(join(folder, 'notes.txt'), 'no cloud at all\n');
  await writeFile(join(folder, 'false.pcd'), 'no cloud at all\n');
  await mkdir(join(folder, 'empty'));
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('every command', () => {
  it.each([
    'scenes',
    'prepare',
    'methods',
    'pretrain',
    'pseudo-label',
    'finetune',
    'detect',
    'evaluate',
    'experiment',
    'inspect',
    'export',
    'report',
    'view',
    'demo',
    'ranks',
    'bench',
  ])('%s --help shows an example', async (command) => {
    const { code, stdout } = await pointpair(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  pointpair ${command}`));
  });

  it.each([
    [['pretrain', '--preset', 'simipu-smal', '--data', 'x', '--out', 'y'], /nearest: simipu-small/],
    [
      [
        'pretrain',
        '--preset',
        'simipu-smoke',
        '--data',
        'x',
        '--out',
        'y',
        '--set',
        'objectives.simipu.temprature=1',
      ],
      /nearest: temperature/,
    ],
    [
      ['pretrain', '--preset', 'simipu-smoke', '--data', 'x', '--out', 'y', '--set', 'batchSize=many'],
      /batchSize: expected .* found "many"/,
    ],
    [
      ['pretrain', '--preset', 'simipu-smoke', '--data', 'nowhere', '--out', 'y'],
      /nowhere: expected the folder of a KITTI object data set/,
    ],
    [
      ['pretrain', '--data', 'x', '--out', 'y'],
      /expected --preset \(simipu-kitti, simipu-small, simipu-smoke, .*simsiam-cifar, .*occupancy-small\) or --config, found neither/,
    ],
    [['finetune', '--data', 'x', '--out', 'y'], /expected one of --detector \(image3d, point3d.*found none/],
    [
      ['finetune', '--detector', 'point3d', '--data', 'x', '--out', 'y', '--labels-fraction', '5'],
      /^pointpair: --labels-fraction: expected a share above 0 and up to 1, such as 0.05, found '5'/,
    ],
    [
      ['finetune', '--detector', 'point3d', '--data', 'x', '--out', 'y', '--from', 'nowhere'],
      /nowhere: expected a run, with config.json/,
    ],
    [
      ['finetune', '--detector', 'point3d', '--data', 'x', '--out', 'y', '--set', 'point3d.headWidth=1'],
      /nearest: headWidths/,
    ],
    [['finetune', '--preset', 'point3d-smal', '--data', 'x', '--out', 'y'], /nearest: point3d-small/],
    [['detect', 'nowhere', '--out', 'y'], /nowhere: expected the folder of a detector's run/],
    [['evaluate', '--labels', 'nowhere', '--detections', 'y'], /nowhere: expected a folder of label files/],
    [
      ['experiment', 'label-efficiency', '--fractions', '0.1,2'],
      /--fractions: expected shares above 0 and up to 1, .* found '0\.1,2' \(pointpair experiment label-efficiency --help/,
    ],
    [['inspect', 'missing.pcd'], /missing.pcd: expected a file or a folder, found nothing$/m],
    [['export', 'nowhere', '--to', 'out'], /nowhere: expected a run's folder/],
    [['report', 'nowhere'], /nowhere/],
    [['view', 'nowhere'], /nowhere: expected a run, a data set or a point cloud, found nothing$/m],
    ...['many', '80000', '-1', '1.5', '0x50', ' 80 '].map((port): [string[], RegExp] => [
      ['view', '.', '--port', port],
      /^pointpair: --port: expected a whole number from 0 to 65535, in decimal digits, found '.*' \(pointpair view --help/,
    ]),
    [
      ['view', 'scenes', '--port', '0', '--host', '203.0.113.7'],
      /--host: expected an address of this machine/,
    ],
    ...['1e3', '0x10', ' 10 ', '1.5', ''].map((steps): [string[], RegExp] => [
      ['pretrain', '--preset', 'simipu-smoke', '--data', 'x', '--out', 'y', '--steps', steps],
      /--steps: expected a positive integer, in decimal digits, found '/,
    ]),
    [['bench', 'loader', '--workers', '1,0x2'], /expected a whole number from 0 on, in decimal digits/],
    [
      ['view', 'notes.txt'],
      /notes.txt: expected a KITTI object data set, .*\(\.bin, \.pcd, \.ply\) or a run, found/,
    ],
    [['view', 'false.pcd'], /false\.pcd: .*expected/],
    [['view', 'empty'], /empty: expected a KITTI object data set, .*found an empty folder/],
    [
      ['scenes', '--count', '1', '--out', 'notes.txt'],
      /notes.txt.*: expected a path that can be written, found a file where a folder has to be/,
    ],
    [
      ['scenes', '--drives', '1', '--depth', '--out', 'drives'],
      /--drives cannot be combined with --depth, which is of single scenes/,
    ],
    [['scenes', '--rolling', '--out', 'drives'], /--rolling is of drives: give --drives with it/],
    [
      ['scenes', '--drives', '1', '--frames', '1000', '--out', 'drives'],
      /expected a whole number from 1 to 200/,
    ],
    [['scenes', '--drives', '1', '--out', 'scenes'], /scenes: expected a folder of its own/],
    [
      ['scenes', '--count', '1', '--out', 'notes.txt/x'],
      /notes.txt.*: expected .*, found a file where a folder has to be/,
    ],
    [
      ['scenes', '--count', '5', '--out', 'scenes'],
      /scenes: count: expected at least the 6 frames that are there/,
    ],
    [
      ['pretrain', '--preset', 'simipu-smoke', '--data', 'scenes', '--out', 'notes.txt'],
      /notes.txt: expected a folder that can be made, found something of that name \(EEXIST\)$/m,
    ],
    [
      ['pretrain', '--preset', 'simipu-smoke', '--data', 'scenes', '--out', 'notes.txt/run'],
      /notes.txt\/run: expected a folder that can be made, found a file where a folder has to be \(ENOTDIR\)$/m,
    ],
    [
      ['inspect', 'scenes', '--frame', '000001', '--picture', 'notes.txt/frame.png'],
      /notes.txt: expected a folder that can be made, found something of that name \(EEXIST\)$/m,
    ],
    [
      ['inspect', 'scenes', '--frame', '000001', '--picture', 'empty'],
      /empty: expected a path that can be written, found (a folder|something of that name)/,
    ],
  ])('%j is one line on stderr and exit code 1', async (args, message) => {
    const { code, stdout, stderr } = await pointpair(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([1, '']);
  });

  it('says of a port that is taken which one', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await pointpair('view', 'scenes', '--port', String(port));
    server.close();
    expect(stderr).toMatch(/^pointpair: --port: 127\.0\.0\.1:\d+: expected a free port, found .*\n$/);
    const [, taken, free] = /:(\d+): .*found one that is taken; --port (\d+) is free$/m.exec(stderr)!;
    expect([code, Number(taken), Number(free) > port]).toEqual([1, port, true]);
  });

  it('shows the stack of an error with --debug', async () => {
    const { code, stderr } = await pointpair('--debug', 'inspect', 'missing.pcd');
    expect(code).toBe(1);
    expect(stderr).toMatch(/InputError: .*\n\s+at /);
  });
});

describe('a run from scenes to encoders', () => {
  it('pretrains, goes on, is inspected, reported and exported', { timeout: 240_000 }, async () => {
    const smoke = [
      '--preset',
      'simipu-smoke',
      '--data',
      data,
      '--image-set',
      'train',
      '--out',
      'run',
      '--set',
      'checkpoint.everySteps=4',
    ];
    const first = await pointpair('pretrain', ...smoke, '--steps', '6');
    expect(first.stderr).toContain('4 frames, 6 steps of 4; chance-level loss:');
    expect(first.code).toBe(0);
    expect((await pointpair('pretrain', ...smoke, '--steps', '6')).stderr).toMatch(
      /a run with a checkpoint of step 6: --resume goes on .*--overwrite/,
    );
    const second = await pointpair('pretrain', '--out', 'run', '--resume', '--steps', '9');
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('going on after step 6')]);
    const { lines } = await readMetrics(join(folder, 'run'));
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);

    const inspected = await pointpair('inspect', 'run');
    expect(inspected.stdout).toMatch(/9 steps/);
    expect((await pointpair('inspect', 'run/checkpoints/00000009')).stdout).toMatch(
      /params\/pointEncoder\/sa1/,
    );
    expect((await pointpair('report', 'run')).code).toBe(0);
    expect(await readFile(join(folder, 'run', 'report.html'), 'utf8')).toContain('chance level');

    expect((await pointpair('export', 'run', '--to', 'out', '--batch', '2')).code).toBe(0);
    await expectExportedAsInProcess(join(folder, 'run'), join(folder, 'out'));
    for (const [to, fault] of [
      ['notes.txt', 'a folder that can be made, found something of that name'],
      ['notes.txt/out', 'a folder that can be made, found a file where a folder has to be'],
      ['/proc', 'a path that can be written, found '],
    ]) {
      const { code, stderr } = await pointpair('export', 'run', '--to', to);
      expect([code, stderr.split('\n').length]).toEqual([1, 2]);
      expect(stderr).toMatch(new RegExp(`^pointpair: ${to}.*: expected ${fault}`));
    }
    const shorter = await pointpair('pretrain', '--out', 'run', '--resume', '--steps', '8');
    expect(shorter.stderr).toBe(
      'pointpair: run: expected a length of at least the 9 steps that are done, or another --out, found 8 steps\n',
    );
    const done = await pointpair('pretrain', '--out', 'run', '--resume');
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringContaining('nothing to do: all 9 steps are done'),
    ]);
    const { stderr: demo } = await pointpair('demo', '--data', 'never', '--out', 'run', '--steps', '8');
    expect(demo).toMatch(/run: expected a length of at least the 9 steps/);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});

describe('a detector from labels to average precision', () => {
  it('is trained, goes on, looks at frames and is evaluated', { timeout: 240_000 }, async () => {
    const run = join(folder, 'detector');
    const settings = [
      'batchSize=2',
      'point3d.points.count=512',
      'loader.workers=0',
      'point3d.scoreThreshold=0.01',
    ].flatMap((setting) => ['--set', setting]);
    const options = ['--data', data, '--image-set', 'train', '--labels-fraction', '0.5', '--steps', '3'];
    const first = await pointpair('finetune', '--detector', 'point3d', '--out', run, ...options, ...settings);
    expect(first.stderr).toMatch(/2 of 4 frames with \d+ Car.*; 3 steps of 2/);
    expect(first.stdout).toMatch(/3 steps done.*\n {2}pointpair detect .*--image-set val/);
    const again = await pointpair('finetune', '--out', run, '--resume');
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('3 steps done')]);
    const results = join(folder, 'results');
    const found = await pointpair('detect', run, '--image-set', 'val', '--out', results);
    expect(found.stdout).toMatch(
      /\d+ detections? in 2 frames.*\n(nothing had a score .*\n)? {2}pointpair evaluate .*--image-set val\n/,
    );
    const list = join(data, 'ImageSets', 'val.txt');
    const folders = ['--labels', data, '--detections', results, '--image-set', 'val'];
    const table = await pointpair('evaluate', ...folders, '--overlaps', 'loose');
    expect(table.stdout).toMatch(
      /2 frames, loose overlaps; R40 and R11 are different rules[\s\S]*Car +bev +0\.50/,
    );
    const { stdout } = await pointpair('evaluate', ...folders, '--json');
    expect(Object.keys(JSON.parse(stdout))).toEqual(['Car', 'Pedestrian', 'Cyclist']);
    const listed = ['--labels', data, '--detections', results, '--frames', list];
    expect((await pointpair('evaluate', ...listed, '--json')).stdout).toBe(stdout);
    const all = await pointpair('evaluate', '--labels', data, '--detections', results);
    expect([all.code, all.stderr]).toEqual([1, expect.stringContaining('none for 4 of them')]);
    const counted = await pointpair(
      'evaluate',
      '--labels',
      data,
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
    await cp(data, join(folder, own), { recursive: true });
    await rm(join(folder, own, 'ImageSets'), { recursive: true });
    await rm(join(folder, own, 'training', 'velodyne', '000002.bin'));
    const run = 'a run';
    const settings = ['batchSize=2', 'point3d.points.count=512', 'loader.workers=0'];
    const { stdout: trained } = await pointpair(
      ...['finetune', '--detector', 'point3d', '--data', own, '--out', run, '--steps', '1'],
      ...settings.flatMap((setting) => ['--set', setting]),
    );
    const [detect, ...others] = commandsIn(trained);
    expect(detect).toBe(`pointpair detect 'a run' --data 'own data; it'\\''s' --out 'a run/detections'`);
    expect(others).toEqual(["pointpair view 'a run'", "pointpair report 'a run'"]);
    const { stdout: found } = await inShell(detect);
    const [evaluate, view] = commandsIn(found);
    expect(view).toBe(`pointpair view 'own data; it'\\''s' --detections 'a run/detections'`);
    expect(evaluate).toMatch(/ --missing empty$/);
    for (const command of [evaluate, others[1]]) expect((await inShell(command)).code, command).toBe(0);
    await rm(join(folder, own, 'training', 'label_2'), { recursive: true });
    const { stdout: unlabelled } = await inShell(detect);
    expect(commandsIn(unlabelled)).toEqual([view]);
  });

  const eval234 = realData('kitti-eval');
  it.skipIf(eval234 === undefined)("prints the official program's numbers as JSON", async () => {
    const folders = ['--labels', join(eval234!, 'label_2'), '--detections', join(eval234!, 'detections')];
    const { stdout } = await pointpair('evaluate', ...folders, '--json');
    expect(JSON.parse(stdout).Car['3d'].moderate.R40).toBeCloseTo(69.6057, 3);
  });
});

describe('evaluate', () => {
  const label = 'Car 0 0 0.5 100 100 200 180 1.5 1.6 4 0 1.6 20 0.3';

  async function folders(labels: string, results: string): Promise<string[]> {
    const root = await mkdtemp(join(folder, 'evaluate-'));
    for (const [part, text] of Object.entries({ labels, results })) {
      await mkdir(join(root, part));
      await writeFile(join(root, part, '000000.txt'), text);
    }
    return ['--labels', join(root, 'labels'), '--detections', join(root, 'results')];
  }

  it('says why nothing counts where no box in the image was written, also beside JSON', async () => {
    const given = await folders(label, `${label.replace('100 100 200 180', '-1 -1 -1 -1')} 0.9`);
    const table = await pointpair('evaluate', ...given);
    expect(table.stdout).toMatch(/Car +bbox +0\.70 +- +- +- +- +- +-\n/);
    expect(table.stdout).toMatch(/Car +3d +0\.70 +0\.00/);
    expect(table.stdout).toContain('1 of 1 Car detections have boxes in the image lower than 25 pixels');
    const json = await pointpair('evaluate', ...given, '--json');
    expect(JSON.parse(json.stdout).Car).toMatchObject({
      bbox: { easy: null, moderate: null, hard: null },
      aos: { easy: null, moderate: null, hard: null },
      bev: { easy: { R40: 0, R11: 0 } },
    });
    expect(json.stderr).toContain('1 of 1 Car detections');
  });

  it('says what numbers lie between over draws of the frames', async () => {
    const given = await folders(label, `${label} 0.9`);
    const table = await pointpair('evaluate', ...given, '--bootstrap', '100');
    // A single frame is the same in every draw.
    expect(table.stdout).toContain('Car 3d R40 moderate: 0.00 to 0.00 in 95 of 100 draws of the frames');
    const json = await pointpair('evaluate', ...given, '--bootstrap', '100', '--json');
    const { moderate, easy } = JSON.parse(json.stdout).Car['3d'];
    expect(moderate).toEqual({ R40: 0, R11: 100 / 11, interval95: { low: 0, high: 0 } });
    expect(easy).not.toHaveProperty('interval95');
    expect((await pointpair('evaluate', ...given, '--bootstrap', '7')).stderr).toContain(
      'a whole number from 100 on',
    );
  });

  it('tells each type that KITTI does not know once with its count, and ends there when strict', async () => {
    const bus = label.replace('Car', 'Bus');
    const given = await folders(`${label}\n${bus}\n${bus}\n`, `${label} 0.9\n${bus} 0.5\n`);
    const told = await pointpair('evaluate', ...given);
    expect([told.code, told.stderr.match(/Bus/g)]).toEqual([0, ['Bus']]);
    expect(told.stderr).toContain('2 in labels, 1 in results');
    const strict = await pointpair('evaluate', ...given, '--strict');
    expect([strict.code, strict.stdout]).toEqual([1, '']);
    expect(strict.stderr).toMatch(
      /000000\.txt: line 2, column 1 \(type\): expected one of Car, .*found "Bus"/,
    );
  });
});

describe('prepare', () => {
  it('packs a data set in threads, and finds a byte that was changed', async () => {
    const { code, stdout } = await pointpair(
      'prepare',
      data,
      '--out',
      'prepared',
      '--workers',
      '2',
      '--verify',
    );
    expect(stdout).toMatch(
      /^6 frames written, 0 kept: .*prepared\n1 sequence, 1 shard, [\d.]+ MB; .*frames a second\nverified: 1 shard, 18 files/,
    );
    expect(code).toBe(0);
    const shard = join(folder, 'prepared', 'scenes-00000.tar');
    const bytes = await readFile(shard);
    bytes[1000] ^= 1;
    await writeFile(shard, bytes);
    const found = await pointpair('prepare', '--out', 'prepared', '--verify');
    expect(found.stdout).toMatch(
      /^prepared\/scenes-00000.tar: byte 512 \(000000.points.pcd, \d+ bytes\): expected data of CRC-32/,
    );
    expect([found.code, found.stderr.split('\n').at(-2)]).toEqual([
      1,
      'pointpair: prepared: expected shards as they were written, found 1 fault, named above',
    ]);
  });
});

describe('inspect', () => {
  it('describes a frame, a data set and point clouds', async () => {
    const frame = await pointpair('inspect', data, '--frame', '000001', '--picture', 'frame.png');
    expect(frame.stdout).toMatch(/frame 000001: \d+ points/);
    expect((await readFile(join(folder, 'frame.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await pointpair('inspect', data)).stdout).toContain('6 frames, 000000 to 000005, with labels');
    await writeFile(
      join(folder, 'three.pcd'),
      writePcd(cloudFromRows(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, Number.NaN), ['x', 'y', 'z']), {
        encoding: 'ascii',
      }),
    );
    const cloud = await pointpair('inspect', 'three.pcd');
    expect(cloud.stdout).toMatch(/three.pcd: 3 points\n/);
    expect(cloud.stdout).toMatch(/z +float32 +3 +4\.500 +6 +1\n/);
    await writeFile(join(folder, 'cut.bin'), new Uint8Array(37));
    expect((await pointpair('inspect', 'cut.bin')).stderr).toMatch(/cut.bin: .*expected/);
  });

  it('says what one should know of a cloud, and where its picture is', async () => {
    const places = '500000.12 4649776.45 2\n500001.5 4649777.5 3';
    const header = 'FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 2\nDATA ascii\n';
    await writeFile(join(folder, 'map.pcd'), header + places);
    const { stdout } = await pointpair('inspect', 'map.pcd', '--picture', 'map.png');
    expect(stdout).toMatch(/x +float64 +500000\.120 +500000\.810 +500001\.500\n/);
    expect(stdout).toContain('Declared as float32, which loses digits that the text has');
    expect(stdout).toContain('The last line has no line end');
    expect(stdout).toMatch(/map\.png: centred on \(500000\.12, 4649776\.45\).*: 2 of 2 points inside\n$/);
    expect((await readFile(join(folder, 'map.png'))).subarray(1, 4).toString()).toBe('PNG');
  });

  it('reads rows of as many columns as it is told', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => [9 * Math.sin(i), 9.5 * Math.cos(i), 0.1, 100, i % 32]);
    await writeFile(join(folder, 'five.pcd.bin'), Float32Array.from(rows.flat()));
    const refused = await pointpair('inspect', 'five.pcd.bin');
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('found 40 points of 5 columns (inspect and view take --columns 5');
    const { stdout } = await pointpair('inspect', 'five.pcd.bin', '--columns', '5');
    expect(stdout).toMatch(/^five\.pcd\.bin: 40 points\n/);
    expect(stdout).toMatch(/column5 +float32 +0 +\d+\.\d+ +31\n/);
    for (const path of ['three.pcd', data])
      expect((await pointpair('inspect', path, '--columns', '5')).stderr).toContain('which columns go with');
  });

  it('describes sequences and their frames, and writes the points of one with every field', async () => {
    for (const number of ['0000', '0003'])
      await writeTracking(join(folder, 'tracking/training'), number, [0, 1, 3]);
    const all = await pointpair('inspect', 'tracking');
    expect(all.stdout).toMatch(/^KITTI tracking sequence: 2 sequences, 6 frames\n/);
    expect(all.stdout).toMatch(
      /\n +0003 +3 +000000 +000003 +3 +image_02 3, image_03 3 +0\.3 +0\.100 +1 +3 +3 \(1 track\)\n/,
    );
    expect(all.stdout).toContain('0000/000001: frame 2 is missing\n');
    expect(all.stdout).toContain('0003/000001: 0.200 s until the next frame with a time, 000003\n');
    const one = await pointpair('inspect', 'tracking', '--sequence', '0003');
    expect(one.stdout).toMatch(/^KITTI tracking sequence: 3 frames\n/);
    const asked = [
      '--sequence',
      '0003',
      '--frame',
      '3',
      '--cloud',
      'three.cloud.pcd',
      '--picture',
      'above.png',
    ];
    const frame = await pointpair('inspect', 'tracking', ...asked, '--camera', 'image_03');
    expect(frame.stdout).toMatch(/^frame 000003: 400 points\n/);
    expect(frame.stdout).toContain('time: 0.300 s\nplace: 3.00, 0.00, 0.00 m');
    expect(frame.stdout).toMatch(/\nimage_03: 40 x 20, sees \d+ of the points .*\nimage_02: /);
    expect(frame.stdout).toMatch(/\n +Car +10\.3, .* 7\n/);
    expect(frame.stdout).toMatch(/\nthree\.cloud\.pcd: 400 points with x, y, z, reflectance\n$/);
    const written = readPcd(await readFile(join(folder, 'three.cloud.pcd')));
    expect([written.count, fieldOf(written, 'reflectance').data[0]]).toEqual([400, 3 / 256]);
    expect((await readFile(join(folder, 'above.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await pointpair('inspect', 'tracking', '--frame', '0000/000001')).stdout).toMatch(
      /^frame 000001: /,
    );
    const faults = [
      [['--frame', '1'], 'found 2: 0000, 0003'],
      [
        ['--sequence', '0003', '--frame', '2'],
        'frame 2: expected one of 3 frames, 000000 to 000003, found no such frame',
      ],
      [
        ['--cloud', 'x.pcd'],
        'expected the name or number of a frame (--frame), whose points --cloud takes, found none',
      ],
      [
        ['--camera', 'front'],
        'camera front: expected a camera of image_02, image_03, found none of that name',
      ],
    ] as const;
    for (const [args, told] of faults) {
      const { code, stdout, stderr } = await pointpair('inspect', 'tracking', ...args);
      expect([code, stdout, stderr], told).toEqual([1, '', expect.stringContaining(told)]);
    }
    const scene = await pointpair('inspect', data, '--frame', '2', '--cloud', 'scene.pcd');
    expect(scene.stdout).toMatch(
      /^frame 000002: (\d+) points\n[\s\S]*\nscene\.pcd: \1 points with x, y, z, reflectance\n$/,
    );
    const cloud = await pointpair('inspect', 'scene.pcd', '--cloud', 'again.pcd');
    expect(cloud.stdout).toContain('\nagain.pcd: ');
    expect(await readFile(join(folder, 'again.pcd'))).toEqual(await readFile(join(folder, 'scene.pcd')));
  });

  it('says how many pictures of which classes are in a folder, and that view has nothing to show of it', async () => {
    const image = { width: 4, height: 2, data: new Uint8Array(24) };
    for (const name of ['cat/1.png', 'cat/2.png', 'dog/1.png']) {
      await mkdir(join(folder, 'pets', dirname(name)), { recursive: true });
      await writeFile(join(folder, 'pets', name), await encodePng(image));
    }
    const { code, stdout } = await pointpair('inspect', 'pets');
    expect([code, stdout.split('\n')[0]]).toEqual([
      0,
      'image folder: 3 pictures in 2 classes, cat/1.png to dog/1.png',
    ]);
    expect(stdout).toContain('width x height: 4 x 2\ndamaged: 0\n');
    const viewed = await pointpair('view', 'pets');
    expect([viewed.code, viewed.stderr]).toEqual([
      1,
      expect.stringMatching(/^pointpair: pets: .*found a folder of pictures alone, .*\n$/),
    ]);
  });

  const real = realData('kitti-object');
  it.skipIf(real === undefined)(
    'describes a recorded frame (needs ../shared/data/kitti-object)',
    async () => {
      const { stdout } = await pointpair('inspect', real!, '--frame', '000003');
      expect(stdout).toContain('frame 000003: 113110 points');
      expect(stdout).toContain('image_2: 1242 x 375');
    },
  );
});

/** The exported encoders, run by ONNX Runtime alone, against the same networks compiled in process. */
async function expectExportedAsInProcess(run: string, out: string): Promise<void> {
  const { config, state } = await loadRun(run);
  const { image: imageEncoder, points: pointEncoder } = bothEncoders(config);
  const branchOf = (parameters: Tree<tf.Tensor>, name: string) => ({
    params: branchAt(branchAt(parameters, 'params'), name),
    stats: branchAt(branchAt(parameters, 'stats'), name),
  });
  const params = branchAt(state, 'params');
  const stats = branchAt(state, 'stats');
  const { inputs } = JSON.parse(await readFile(join(out, 'encoders.json'), 'utf8'))['image-encoder.onnx'];
  const random = Random.fromSeed('images');
  const { shape } = inputs.image as { shape: number[] };
  const image = float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  );
  const step = await compile(
    (parameters, batch) => [
      parameters,
      {
        features: encodeImages(branchOf(parameters, 'imageEncoder'), batch.image as tf.Tensor, {
          encoder: imageEncoder,
          training: false,
        }).features.c5!,
      },
    ],
    { state: { params, stats }, batch: { image } },
  );
  const { outputs } = await step.run({ params, stats }, { image });
  const expected = outputs.features as typeof image;
  const session = await InferenceSession.create(join(out, 'image-encoder.onnx'));
  const { image_features: features } = await session.run({
    image: new Tensor('float32', image.data as Float32Array, shape),
  });
  expect([...features.dims]).toEqual([...expected.shape]);
  const differences = (features.data as Float32Array).map((value, i) => Math.abs(value - expected.data[i]));
  expect(Math.max(...differences)).toBeLessThan(1e-4 * Math.max(1, ...expected.data.map(Math.abs)));

  const points = await InferenceSession.create(join(out, 'point-encoder.onnx'));
  const feeds = Object.fromEntries(
    points.inputMetadata.map((meta) => {
      const dims = [...(meta as InferenceSession.TensorValueMetadata).shape].map(Number);
      const size = dims.reduce((a, b) => a * b);
      const ints = meta.name.startsWith('levels');
      const rows = Math.min(64, size);
      const values = ints
        ? Int32Array.from({ length: size }, () => random.integer(rows))
        : Float32Array.from({ length: size }, () => random.uniform());
      return [meta.name, { dims, values, ints }];
    }),
  );
  const result = await points.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, { dims, values, ints }]) => [
        name,
        ints
          ? new Tensor('int32', values as Int32Array, dims)
          : new Tensor('float32', values as Float32Array, dims),
      ]),
    ),
  );
  const tree: {
    [path: string]: { dtype: 'float32' | 'int32'; shape: number[]; data: Float32Array | Int32Array };
  } = {};
  for (const [name, { dims, values, ints }] of Object.entries(feeds))
    tree[name] = { dtype: ints ? 'int32' : 'float32', shape: dims, data: values };
  // Tables of centres are no inputs of the file where coordinates are not used; in process they say how many there are.
  for (const [l, { points: count }] of pointEncoder.levels.entries()) {
    tree[`levels/${l}/centers`] = { dtype: 'int32', shape: [2 * count], data: new Int32Array(2 * count) };
  }
  const { inputs: described } = JSON.parse(await readFile(join(out, 'encoders.json'), 'utf8'))[
    'point-encoder.onnx'
  ];
  expect(Object.keys(described).sort()).toEqual([...points.inputNames].sort());
  const view = treeOf(Object.entries(tree));
  const encode = await compile(
    (parameters, batch) => [
      parameters,
      {
        features: encodePoints(branchOf(parameters, 'pointEncoder'), batch, {
          encoder: pointEncoder,
          training: false,
        }).features,
      },
    ],
    { state: { params, stats }, batch: view },
  );
  const inProcess = (await encode.run({ params, stats }, view)).outputs.features as typeof image;
  const apart = (result.point_features.data as Float32Array).map((value, i) =>
    Math.abs(value - inProcess.data[i]),
  );
  expect(Math.max(...apart)).toBeLessThan(1e-4 * Math.max(1, ...inProcess.data.map(Math.abs)));
}
