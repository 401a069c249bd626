import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageViewSchema } from '../../src/views/image-view-config.ts';
import { repository, textOf } from '../architecture/source-files.ts';
import { claim } from './claim.ts';
import { launch } from './commands.ts';
import { collectExamples, type Example, moduleOf, pageBlocks, pages } from './example-blocks.ts';
import { writeExampleData } from './example-data.ts';

/** Where a user begins: these names have an example each, and these pages a block of code. */
const entries: { readonly [room: string]: readonly string[] } = {
  pages: [
    'README',
    'data',
    'engine',
    'kitti-raw',
    'prepare',
    'train-in-node',
    'waymo',
    'waymo-v2',
    'writing-an-objective',
  ],
  engine: ['compile', 'exportOnnx', 'exportStep', 'Random', 'treeOf'],
  'engine/web': ['openStep'],
  nn: ['batchNorm', 'l2Normalize', 'linear', 'mlp', 'multiplierAt', 'stopGradient', 'update', 'valueAndGrad'],
  pointcloud: [
    ...[
      'ballQuery',
      'cloudFromRows',
      'clusterPoints',
      'farthestPointSample',
      'filterRange',
      'followSegments',
    ],
    ...[
      'nearestNeighbors',
      'pointNet',
      'pointNet2',
      'rayQueries',
      'readKittiBin',
      'readPcd',
      'readPly',
      'rowsOf',
      'sampleRows',
      'trackBoxes',
      'writePcd',
      'writePly',
    ],
  ],
  image: ['decodeImage', 'imageView', 'normalizeImage', 'randomResizedCrop', 'resample', 'resnet'],
  matching: ['linearSumAssignment', 'matchPoints', 'sinkhorn'],
  geometry: [
    ...['birdsEyeIou', 'boxFromKitti', 'compose', 'cornersOf', 'interpolatePose', 'inverseRigid', 'iou3d'],
    ...['parseKittiCalibration', 'projectBox', 'projectPoints', 'sampleViewTransform', 'wrapAngle'],
  ],
  datasets: [
    ...['createLoader', 'generateScenes', 'KittiObject', 'KittiRaw', 'openFrames', 'openSequence'],
    ...['openWaymoRecords', 'waymoSequence'],
    'generateDrives',
    ...['openPrepared', 'prepareSequences'],
    ...['openSequences', 'windowsOf'],
  ],
  detection: ['epnp', 'nonMaximumSuppression', 'ransacPnp', 'rotatedNonMaximumSuppression', 'uncertaintyPnp'],
  evaluation: ['averagePrecision', 'evaluateKitti', 'featureAssociation', 'kendallTau', 'measureAssociation'],
  encoders: ['sampleFeatures'],
  objectives: ['infoNce'],
  training: [
    ...[
      'applySettings',
      'detect',
      'encodeSafetensors',
      'exportDetector',
      'exportEncoders',
      'finetune',
      'loadRun',
      'presetOf',
      'pretrain',
      'pseudoLabel',
    ],
  ],
};

/** Examples that make what others read: they run first. */
const first = ['generateScenes', 'prepareSequences', 'pretrain', 'finetune', 'detect'];

/** Examples that are type-checked only, and why. */
const notRun: { readonly [name: string]: string } = {
  'writing-an-objective': 'is run by test/objectives/toy-objective.test.ts',
};

const examples = collectExamples();
const placeOf = ({ name }: Example) => (first.includes(name) ? first.indexOf(name) : first.length);
const ordered = examples.toSorted((a, b) => placeOf(a) - placeOf(b));
const fileOf = ({ room, name }: Example, index: number) =>
  `${room.replace('/', '-')}-${name.replace('.', '-')}-${index}.ts`;
const files = new Map(ordered.map((example, index) => [example, fileOf(example, index)]));

let folder: string;
let faults: { readonly [file: string]: readonly string[] };
let outcomes: { readonly [file: string]: string };

/** Writes all examples as modules into a folder where a user could have them, checks their types, and runs them. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pointpair-examples-'));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  copyFileSync(join(repository, 'test/package/claim.ts'), join(folder, 'claim.ts'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const [example, file] of files) writeFileSync(join(folder, file), moduleOf(example));
  await writeExampleData(folder);
  faults = typeFaults([...files.values()]);
  const run = ordered
    .filter(({ name }) => notRun[name] === undefined)
    .map((example) => ({ file: files.get(example)!, within: example.room === 'pages' ? 'pages' : '.' }));
  writeFileSync(join(folder, 'run.mjs'), runner(run));
  const { stderr, status } = launch(process.execPath, ['--import', 'tsx', 'run.mjs'], folder, built());
  if (status !== 0) throw new Error(`the examples were not run to the end (${status}): ${stderr}`);
  outcomes = JSON.parse(readFileSync(join(folder, 'outcomes.json'), 'utf8'));
}, 240_000);

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe('the examples of the package', () => {
  it.each(Object.keys(entries))('are there for each entry of %s', (room) => {
    const named = examples.filter((example) => example.room === room).map(({ name }) => name.split('.')[0]);
    expect(entries[room].filter((name) => !named.includes(name))).toEqual([]);
  });

  it.each(ordered.map((example) => [example.name, example] as const))('%s', (name, example) => {
    const file = files.get(example)!;
    expect(faults[file] ?? [], moduleOf(example)).toEqual([]);
    if (notRun[name] === undefined) expect(outcomes[file], moduleOf(example)).toBe('ran');
  });
});

describe('the pages', () => {
  it('have code between fences, in languages that are known', () => {
    const languages = new Set(pageBlocks().map(({ language }) => language));
    // Python is run by test/training/detection/export-detector.test.ts, where there is one; `bash`, `text` and `yaml` are other programs' own.
    expect([...languages].sort()).toEqual(['bash', 'json', 'python', 'sh', 'text', 'ts', 'yaml']);
    const unfenced = pages.flatMap((page) =>
      [...textOf(page).matchAll(/^ {4}(import |(npx )?pointpair |npm |npx ).*/gm)].map(
        ([line]) => `${page}: ${line}`,
      ),
    );
    const within = unfenced.filter(
      (line) => !pageBlocks().some(({ code }) => code.includes(line.split(': ')[1])),
    );
    expect(within).toEqual([]);
  });

  it('have views that the schema takes', () => {
    const views = pageBlocks().filter(({ language }) => language === 'json');
    expect(views.map(({ page }) => page)).toEqual(['docs/views.md']);
    for (const { code } of views) expect(imageViewSchema.safeParse(JSON.parse(code)).error).toBeUndefined();
  });
});

describe('an example that is wrong', () => {
  const wrong = (code: string): Example => ({ room: 'geometry', name: 'wrong', from: '', code });

  it('does not type-check with a name that the package has not', () => {
    writeFileSync(join(folder, 'wrong-name.ts'), moduleOf(wrong('const angle = wrapAngel(7);')));
    expect(typeFaults(['wrong-name.ts'])['wrong-name.ts'].join()).toContain('wrapAngel');
  });

  it('ends in an error with a value that it does not have', () => {
    writeFileSync(join(folder, 'wrong-value.ts'), moduleOf(wrong('const two = 1 + 1; // 3')));
    const args = ['--import', 'tsx', 'wrong-value.ts'];
    const { status, stderr } = launch(process.execPath, args, folder, built());
    expect(status).toBe(1);
    expect(stderr).toContain('the example says 3, and it is 2');
  });

  it.each([
    [[2, 4.5], '[2, 4.5]', true],
    [Float32Array.of(1 / 3), '[0.33]', true],
    [Float32Array.of(1 / 3), '[0.34]', false],
    [{ a: 1, b: [true] }, '{"a": 1, "b": [true]}', true],
    [{ a: 1, b: [true] }, '{"a": 1}', false],
    [[1], '{"0": 1}', false],
    [2.0001, '2', false],
    ['2', '2', false],
    [undefined, 'null', false],
  ])('%o is said to be %s: %o', (value, claimed, right) => {
    if (right) claim(value, claimed);
    else expect(() => claim(value, claimed)).toThrow(`the example says ${claimed}`);
  });

  it('says only values behind statements', () => {
    expect(() => claim(1, 'metres')).toThrow('in JSON: metres');
    expect(() => moduleOf(wrong("import 'node:fs'; // 3"))).toThrow('of no value: 3');
  });
});

const options = {
  target: 'ES2023',
  lib: ['ES2023'],
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  types: ['node'],
  typeRoots: [join(repository, 'node_modules/@types')],
  paths: { 'pointpair/*': [join(repository, 'exports/*.ts')] },
};

/** Has what is run take the package from `dist`, which is the sources compiled: they load in half the time. */
function built(): { readonly [name: string]: string } {
  const project = join(folder, 'tsconfig.run.json');
  const paths = { 'pointpair/*': [join(repository, 'dist/exports/*.js')] };
  writeFileSync(project, JSON.stringify({ compilerOptions: { ...options, paths } }));
  return { TSX_TSCONFIG_PATH: project };
}

/** What the compiler says of files in the folder, by file. */
function typeFaults(names: readonly string[]): { [file: string]: string[] } {
  const project = join(folder, 'tsconfig.json');
  writeFileSync(project, JSON.stringify({ compilerOptions: options, files: names }));
  const compiler = join(repository, 'node_modules/typescript-7/bin/tsc');
  const { stdout } = launch(process.execPath, [compiler, '-p', project, '--pretty', 'false'], folder);
  const found: { [file: string]: string[] } = {};
  for (const line of stdout.split('\n')) {
    const [, file, message] = /^(.+?)\(\d+,\d+\): (error .*)$/.exec(line) ?? [];
    if (file === undefined) continue;
    found[file] ??= [];
    found[file].push(message);
  }
  // What is said of no file, such as an option that the compiler does not have, is no answer.
  if (Object.keys(found).some((file) => !names.includes(file)) || /^error /m.test(stdout))
    throw new Error(stdout);
  return found;
}

/** Imports modules one after the other and writes what became of each. */
function runner(examples: ReadonlyArray<{ readonly file: string; readonly within: string }>): string {
  return `import { writeFileSync } from 'node:fs';
const outcomes = {};
const folder = process.cwd();
for (const { file, within } of ${JSON.stringify(examples)}) {
  process.chdir(within);
  outcomes[file] = await import('./' + file).then(() => 'ran', (error) => String(error.stack ?? error));
  process.chdir(folder);
}
writeFileSync('outcomes.json', JSON.stringify(outcomes));
process.exit(0);
`;
}
