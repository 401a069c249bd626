import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeImages, encodePoints } from '../../src/encoders/encoders.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { type Tree, treeOf } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { loadRun } from '../../src/training/run/model-state.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import { bothEncoders } from '../objectives/tiny-simipu.ts';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

beforeAll(() => writeFile(join(cli.path, 'notes.txt'), 'no cloud at all\n'));

describe('a run from scenes to encoders', () => {
  it('pretrains, goes on, is inspected, reported and exported', { timeout: 240_000 }, async () => {
    const smoke = [
      '--preset',
      'simipu-smoke',
      '--data',
      cli.data,
      '--image-set',
      'train',
      '--out',
      'run',
      '--set',
      'checkpoint.everySteps=4',
    ];
    const first = await cli.run('pretrain', ...smoke, '--steps', '6');
    expect(first.stderr).toContain('4 frames, 6 steps of 4; chance-level loss:');
    expect(first.code).toBe(0);
    expect((await cli.run('pretrain', ...smoke, '--steps', '6')).stderr).toMatch(
      /a run with a checkpoint of step 6: --resume goes on .*--overwrite/,
    );
    const second = await cli.run('pretrain', '--out', 'run', '--resume', '--steps', '9');
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('going on after step 6')]);
    const { lines } = await readMetrics(join(cli.path, 'run'));
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);

    const inspected = await cli.run('inspect', 'run');
    expect(inspected.stdout).toMatch(/9 steps/);
    expect((await cli.run('inspect', 'run/checkpoints/00000009')).stdout).toMatch(
      /params\/pointEncoder\/sa1/,
    );
    expect((await cli.run('report', 'run')).code).toBe(0);
    expect(await readFile(join(cli.path, 'run', 'report.html'), 'utf8')).toContain('chance level');

    expect((await cli.run('export', 'run', '--to', 'out', '--batch', '2')).code).toBe(0);
    await expectExportedAsInProcess(join(cli.path, 'run'), join(cli.path, 'out'));
    for (const [to, fault] of [
      ['notes.txt', 'a folder that can be made, found something of that name'],
      ['notes.txt/out', 'a folder that can be made, found a file where a folder has to be'],
      ['/proc', 'a path that can be written, found '],
    ]) {
      const { code, stderr } = await cli.run('export', 'run', '--to', to);
      expect([code, stderr.split('\n').length]).toEqual([1, 2]);
      expect(stderr).toMatch(new RegExp(`^pointpair: ${to}.*: expected ${fault}`));
    }
    const shorter = await cli.run('pretrain', '--out', 'run', '--resume', '--steps', '8');
    expect(shorter.stderr).toBe(
      'pointpair: run: expected a length of at least the 9 steps that are done, or another --out, found 8 steps\n',
    );
    const done = await cli.run('pretrain', '--out', 'run', '--resume');
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringContaining('nothing to do: all 9 steps are done'),
    ]);
    const { stderr: demo } = await cli.run('demo', '--data', 'never', '--out', 'run', '--steps', '8');
    expect(demo).toMatch(/run: expected a length of at least the 9 steps/);
    expect(existsSync(join(cli.path, 'never'))).toBe(false);
  });
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
