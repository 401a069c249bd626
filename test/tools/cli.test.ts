import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

beforeAll(async () => {
  await writeFile(join(cli.path, 'notes.txt'), 'no cloud at all\n');
  await writeFile(join(cli.path, 'false.pcd'), 'no cloud at all\n');
  await mkdir(join(cli.path, 'empty'));
});

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
    const { code, stdout } = await cli.run(command, '--help');
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
    [
      // A preset of pictures alone is told nothing of points, before any scene is made.
      [
        ...['experiment', 'label-efficiency', '--data', 'never', '--detector', 'image3d'],
        ...['--arm', 'x=moco-v2-small', '--pretrain-set', 'batchSize=many'],
      ],
      /batchSize: expected .* found "many"/,
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
    const { code, stdout, stderr } = await cli.run(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([1, '']);
  });

  it('says of a port that is taken which one', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await cli.run('view', 'scenes', '--port', String(port));
    server.close();
    expect(stderr).toMatch(/^pointpair: --port: 127\.0\.0\.1:\d+: expected a free port, found .*\n$/);
    const [, taken, free] = /:(\d+): .*found one that is taken; --port (\d+) is free$/m.exec(stderr)!;
    expect([code, Number(taken), Number(free) > port]).toEqual([1, port, true]);
  });

  it('shows the stack of an error with --debug', async () => {
    const { code, stderr } = await cli.run('--debug', 'inspect', 'missing.pcd');
    expect(code).toBe(1);
    expect(stderr).toMatch(/InputError: .*\n\s+at /);
  });
});
