import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { repository, typescriptFiles } from '../architecture/source-files.ts';
import { requireBuild, run, runModule } from './commands.ts';
import { declarationOf, publicNames } from './public-names.ts';

interface Manifest {
  readonly version: string;
  readonly exports: { readonly [subPath: string]: unknown };
}

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Manifest;
const subPaths = Object.keys(manifest.exports).filter((subPath) => subPath !== './package.json');
const rooms = subPaths.map((subPath) => subPath.slice(2));

/** What the package promises by name. */
const promised: { readonly [room: string]: readonly string[] } = {
  engine: ['compile', 'exportOnnx', 'float32', 'int32', 'scalar', 'leavesOf', 'mapTree', 'treeOf', 'Random'],
  'engine/web': ['openStep', 'float32', 'scalar', 'leavesOf'],
  nn: ['linear', 'conv2d', 'batchNorm', 'valueAndGrad', 'update', 'multiplierAt'],
  pointcloud: [
    'farthestPointSample',
    'ballQuery',
    'readPcd',
    'writePcd',
    'readPly',
    'writePly',
    'readKittiBin',
  ],
  image: ['decodeImage', 'resnet', 'imageView'],
  matching: ['linearSumAssignment', 'sinkhorn', 'matchPoints'],
  geometry: ['parseKittiCalibration', 'projectPoints', 'cornersOf', 'inverseRigid'],
  datasets: ['KittiObject', 'generateScenes', 'createLoader'],
  encoders: [
    'initEncoders',
    'encodeImages',
    'encodePoints',
    'chain',
    'linearNet',
    'normNet',
    'reluNet',
    'running',
  ],
  views: ['drawView', 'collateViews', 'drawPointPair', 'collatePointPairs', 'viewSource'],
  objectives: ['systems', 'combine', 'system', 'simipu', 'infoNce'],
  detection: ['nonMaximumSuppression', 'rotatedNonMaximumSuppression'],
  evaluation: ['evaluateKitti', 'readKittiFolders'],
  training: [
    'pretrain',
    'createPretraining',
    'presetOf',
    'presetNames',
    'exportDetector',
    'exportEncoders',
    'loadRun',
  ],
};

describe('exports', () => {
  it('has one file for each sub-path, and no other', () => {
    expect(typescriptFiles('exports')).toEqual(rooms.map((room) => `exports/${room}.ts`).sort());
    expect(Object.keys(promised).sort()).toEqual([...rooms].sort());
  });

  it.each(rooms)('./%s leads to its built file and its types', (room) => {
    expect(manifest.exports[`./${room}`]).toEqual({
      types: `./dist/exports/${room}.d.ts`,
      default: `./dist/exports/${room}.js`,
    });
  });

  it.each(rooms)('./%s passes on documented names of its own room', (room) => {
    const names = publicNames(room);
    for (const { from } of names) expect(from.startsWith(`src/${room.split('/')[0]}/`), from).toBe(true);
    const undocumented = names.filter((publicName) => {
      const declaration = declarationOf(publicName);
      return declaration === undefined || ts.getJSDocCommentsAndTags(declaration).length === 0;
    });
    expect(undocumented.map(({ name, from }) => `${name} (${from})`)).toEqual([]);
  });

  it.each(rooms)('./%s begins with what it is for and an example', (room) => {
    expect(readFileSync(join(repository, 'exports', `${room}.ts`), 'utf8')).toMatch(
      new RegExp(`^/\\*\\*[^/]*import \\{[^}]+\\} from 'pointpair/${room}'`),
    );
  });
});

describe('the built package, by its own name', () => {
  beforeAll(requireBuild);

  it('gives exactly the values that exports/ names', () => {
    const code = `const names = {};
      for (const room of ${JSON.stringify(rooms)}) names[room] = Object.keys(await import('pointpair/' + room)).sort();
      console.log(JSON.stringify(names));`;
    const found = JSON.parse(runModule(code, repository)) as { readonly [room: string]: string[] };
    for (const room of rooms) {
      const values = publicNames(room).filter(({ typeOnly }) => !typeOnly);
      expect(found[room], room).toEqual(values.map(({ name }) => name).sort());
      expect(found[room], room).toEqual(expect.arrayContaining([...promised[room]]));
    }
  });

  it('gives its package.json, and nothing beside the sub-paths', () => {
    const version = `import { createRequire } from 'node:module';
      console.log(createRequire(import.meta.url)('pointpair/package.json').version);`;
    expect(runModule(version, repository).trim()).toBe(manifest.version);
    const inside = "await import('pointpair/dist/src/engine/graph.js')";
    expect(() => runModule(inside, repository)).toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has declarations beside every module, without TypeScript endings in imports', () => {
    for (const room of rooms) {
      const built = readFileSync(join(repository, 'dist/exports', `${room}.js`), 'utf8');
      expect(built).not.toMatch(/\.ts['"]/);
      expect(existsSync(join(repository, 'dist/exports', `${room}.d.ts`))).toBe(true);
    }
  });

  it('has an executable that a shell can start', () => {
    const cli = join(repository, 'dist/tools/cli.js');
    expect(readFileSync(cli, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
    // npx makes it so only the first time; a later build must not undo it.
    if (process.platform !== 'win32') expect(statSync(cli).mode & 0o111).toBe(0o111);
  });

  it('runs as npx pointpair', () => {
    expect(run('npx', ['--no-install', 'pointpair', '--version'], repository).trim()).toBe(manifest.version);
    const help = run('npx', ['--no-install', 'pointpair', '--help'], repository);
    for (const command of ['scenes', 'pretrain', 'inspect', 'export', 'report'])
      expect(help).toContain(command);
  });
});
