import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePcd } from '../../src/pointcloud/pcd.ts';
import { cloudFromRows } from '../../src/pointcloud/point-cloud.ts';
import type { SessionInfo } from '../../src/viewer/protocol.ts';
import { repository } from '../architecture/source-files.ts';
import { launch, requireBuild, run, runModule } from './commands.ts';

interface Packed {
  readonly filename: string;
  readonly files: ReadonlyArray<{ readonly path: string }>;
}

let folder: string;
let files: readonly string[];

/**
 * Packs the package as it would be published, and installs it, with its dependencies, in an empty folder: a plain
 * `npm install` that runs all install scripts and reaches no host but the registry (and a proxy on the way to it).
 */
beforeAll(() => {
  requireBuild();
  folder = mkdtempSync(join(tmpdir(), 'pointpair-pack-'));
  const packed = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], repository),
  ) as readonly Packed[];
  files = packed[0].files.map(({ path }) => path);
  const user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const config = (key: string) => run('npm', ['config', 'get', key], user).trim();
  const hosts = ['registry', 'proxy', 'https-proxy']
    .map(config)
    .flatMap((address) => (URL.canParse(address) ? [new URL(address).hostname] : []));
  run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed[0].filename)],
    user,
    {
      NODE_OPTIONS: `--import ${new URL('./registry-only.mjs', import.meta.url).href}`,
      ALLOWED_HOSTS: ['localhost', ...hosts].join(),
      REFUSED_HOSTS: join(folder, 'refused-hosts'),
    },
  );
}, 300_000);

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}, 60_000);

const inUser = (...path: string[]) => join(folder, 'user', ...path);

describe('the packed package', () => {
  it('holds what is built, the licence and the README, and no sources or tests', () => {
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    expect(files).toEqual(expect.arrayContaining(['dist/tools/cli.js', 'dist/vendor/tfjs-gradients.js']));
    expect(files).toContain('dist/viewer/index.html');
    const rest = files.filter(
      (path) =>
        !/^(LICENSE|README\.md|package\.json|install\/skip-cuda-download\.mjs|dist\/.+\.(js|d\.ts)|dist\/viewer\/.+\.(html|css|svg))$/.test(
          path,
        ),
    );
    expect(rest).toEqual([]);
    expect(files.filter((path) => /^dist\/(test|bench)\//.test(path))).toEqual([]);
  });

  it('passes publint', async () => {
    const pkgDir = inUser('node_modules', 'pointpair');
    const { messages, pkg } = await publint({ pkgDir, pack: false, strict: true });
    expect(pkg.name).toBe('pointpair');
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
});

describe('installed in an empty folder', () => {
  it('asked for no host but the registry', () => {
    expect(existsSync(join(folder, 'refused-hosts'))).toBe(false);
  });

  it('gives a pointpair that runs', () => {
    const manifest = JSON.parse(readFileSync(inUser('node_modules/pointpair/package.json'), 'utf8'));
    expect(run('npx', ['--no-install', 'pointpair', '--version'], inUser()).trim()).toBe(manifest.version);
  });

  it('has one copy of tfjs, the one that a user of it imports', () => {
    const copies = readdirSync(inUser('node_modules'), { recursive: true, encoding: 'utf8' });
    expect(copies.filter((path) => path.endsWith(join('@tensorflow', 'tfjs-core')))).toHaveLength(1);
  });

  it('inspects a point cloud', () => {
    const rows = Float32Array.from({ length: 12 }, (_, i) => i / 2);
    writeFileSync(
      inUser('small.pcd'),
      writePcd(cloudFromRows(rows, ['x', 'y', 'z']), { encoding: 'binary' }),
    );
    const said = run('npx', ['--no-install', 'pointpair', 'inspect', 'small.pcd'], inUser());
    expect(said).toMatch(/\b4\b/);
    expect(said).toMatch(/\bx\b/);
  });

  it('shows a point cloud in the browser', async () => {
    const cli = inUser('node_modules', 'pointpair', 'dist', 'tools', 'cli.js');
    const rows = Float32Array.from({ length: 12 }, (_, i) => i);
    writeFileSync(inUser('seen.pcd'), writePcd(cloudFromRows(rows, ['x', 'y', 'z']), { encoding: 'binary' }));
    const viewer = spawn(process.execPath, [cli, 'view', 'seen.pcd', '--port', '0'], {
      cwd: inUser(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(viewer, 'exit');
    const [said] = (await once(viewer.stdout, 'data')) as [Buffer];
    const address = /http:\/\/localhost:\d+\//.exec(String(said))![0];
    const page = await (await fetch(address)).text();
    const [, script] = /<script type="module"[^>]* src="\.?\/([^"]+)"/.exec(page)!;
    expect((await fetch(`${address}${script}`)).headers.get('content-type')).toContain('javascript');
    const session = (await (await fetch(`${address}api/session`)).json()) as SessionInfo;
    expect(session.sequence?.frames.map(({ id }) => id)).toEqual(['seen.pcd']);
    viewer.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('compiles a step with a gradient', () => {
    const code = `
      import * as tf from '@tensorflow/tfjs-core';
      import { compile, float32, scalar } from 'pointpair/engine';
      import { farthestPointSample } from 'pointpair/pointcloud';
      const points = Float32Array.of(0, 0, 0, 1, 0, 0, 5, 0, 0);
      const descend = ({ w }, { x }) => {
        const [slope] = tf.grads((weight) => tf.sum(tf.square(tf.mul(x, weight))))([w]);
        return [{ w: tf.sub(w, tf.mul(slope, 0.1)) }, { slope }];
      };
      const state = { w: scalar(2) };
      const step = await compile(descend, { state, batch: { x: float32([0, 0], [2]) } });
      const result = await step.run(state, { x: float32([1, 2], [2]) });
      const slope = result.outputs.slope.data[0];
      const w = (await result.state.read()).w.data[0];
      console.log(JSON.stringify({ sample: [...farthestPointSample(points, 2)], slope, w }));
      await step.dispose();`;
    // d/dw of (1 + 4) w^2 at w = 2 is 20.
    expect(JSON.parse(runModule(code, inUser()))).toEqual({ sample: [0, 2], slope: 20, w: 0 });
  });

  it('has types that a strict TypeScript project accepts', () => {
    writeFileSync(inUser('consumer.ts'), consumer);
    const compilerOptions = {
      target: 'ES2023',
      lib: ['ES2023', 'DOM'],
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(repository, 'node_modules/@types')],
    };
    writeFileSync(inUser('tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    const tsc = join(repository, 'node_modules/typescript-7/bin/tsc');
    const { stdout } = launch(
      process.execPath,
      [tsc, '-p', '.', '--pretty', 'false', '--listFiles'],
      inUser(),
    );
    // tfjs's own declarations do not pass, so all declarations are checked and only what it says of others counts.
    const places = stdout.split('\n').filter((line) => /^\S.*: error TS/.test(line));
    expect(
      places.filter((line) => !/^node_modules\/@(tensorflow|webgpu)\/|\/lib\.dom\.d\.ts/.test(line)),
    ).toEqual([]);
    expect(stdout).toContain('node_modules/pointpair/dist/src/training/pretrain.d.ts');
  }, 120_000);
});

const consumer = `
import * as tf from '@tensorflow/tfjs-core';
import { compile, scalar, type HostTensor, type Step, type Tree } from 'pointpair/engine';
import { KittiObject, type Frame } from 'pointpair/datasets';
import { pixelFromLidar, type KittiCalibration, type Matrix34 } from 'pointpair/geometry';
import { decodeImage, type RgbImage } from 'pointpair/image';
import { linearSumAssignment } from 'pointpair/matching';
import { initLinear, linear, valueAndGrad } from 'pointpair/nn';
import { chain, linearNet, type Net } from 'pointpair/encoders';
import { type Pretraining, type System, systems } from 'pointpair/objectives';
import { ballQuery, readPcd, type PointCloud } from 'pointpair/pointcloud';
import { createPretraining, presetOf, pretrain, type RunConfig } from 'pointpair/training';

const identity: Step = (state) => [state, {}];
export const compiled = await compile(identity, { state: { a: scalar(1) }, batch: {} });
const adding = await compile((state, { x }) => [{ sum: tf.add(state.sum, x) }, { twice: tf.mul(x, 2) }], {
  state: { sum: scalar(1) },
  batch: { x: scalar(2) },
});
export const twice: HostTensor = (await adding.run({ sum: scalar(1) }, { x: scalar(2) })).outputs.twice;
// @ts-expect-error: there is no such output.
export const thrice = (await adding.run({ sum: scalar(1) }, { x: scalar(2) })).outputs.thrice;
export const state: Tree<HostTensor> = { a: scalar(1) };
export const matrix = (calibration: KittiCalibration): Matrix34 => pixelFromLidar(calibration);
export const picture = (bytes: Uint8Array): Promise<RgbImage> => decodeImage(bytes);
export const pairs: Int32Array = linearSumAssignment(Float64Array.of(1, 2, 2, 1), 2, 2).columnOfRow;
export const pairsOfRows: Int32Array = linearSumAssignment([[1, 2], [2, 1]]).columnOfRow;
export const neighbors = (points: Float32Array, centers: Float32Array) =>
  ballQuery(points, centers, { radiusM: 1, maxNeighbors: 4 });
export const cloud = (bytes: Uint8Array): PointCloud => readPcd(bytes);
export const config: RunConfig | undefined = presetOf('simipu-small');
export const model: Pretraining | undefined = config && createPretraining(config, config.batchSize);
export const head: Net = chain(linearNet({ inputs: 4, outputs: 2 }));
export const known: readonly System[] = systems;
export const first = async (root: string): Promise<Frame> => {
  const data = await KittiObject.open(root);
  return data.frame(0);
};
export { initLinear, linear, pretrain, valueAndGrad };
// @ts-expect-error: a step is a function.
await compile(1, { state: {}, batch: {} });
`;
