import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImages } from '../../../src/encoders/encoders.ts';
import { exportOnnx } from '../../../src/engine/export-onnx.ts';
import { int32, sizeOf } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf, type Tree, treeOf } from '../../../src/engine/tree.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { describeRun } from '../../../src/report/describe-run.ts';
import { adoptEncoders } from '../../../src/training/detection/adopt-encoders.ts';
import { detectionState } from '../../../src/training/detection/finetune.ts';
import { exportEncoders } from '../../../src/training/export-encoders.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { initializeFrom } from '../../../src/training/pretrained.ts';
import { loadRun, readRunConfig } from '../../../src/training/run/model-state.ts';
import { oldForm, upgradedConfig, upgradedState } from '../../../src/training/run/old-runs.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import { readRunInfo } from '../../../src/viewer/server/run-info.ts';
import { distance } from '../../nn/tensors.ts';
import { bothEncoders, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { tinyDetector } from '../detection/tiny-detector.ts';

const fixture = fileURLToPath(new URL('fixtures/run-of-old-form', import.meta.url));

type Json = Record<string, unknown>;
const jsonIn = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8')) as Json;

/** What the old program gave of the run. */
const expected = (await jsonIn(fixture, 'expected.json')) as {
  readonly losses: ReadonlyArray<Record<'loss' | 'metric' | 'learningRate', Record<string, number>>>;
  readonly state: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
};
const old = await jsonIn(fixture, 'config.json');

let folder: string;
let data: { root: string };
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'old-runs-'));
  data = { root: join(folder, 'kitti') };
  await writeSyntheticKitti(data.root, 5);
});

afterAll(() => rm(folder, { recursive: true }));

async function copyOfOld(): Promise<string> {
  const run = join(folder, `run${serial++}`);
  for (const name of ['config.json', 'metrics.jsonl', 'env.json', 'checkpoints'])
    await cp(join(fixture, name), join(run, name), { recursive: true });
  return run;
}

async function train(out: string, { resume }: { readonly resume: boolean }) {
  const { config } = await readRunConfig(fixture);
  return pretrain({ config, data, out, resume, device: 'eager', stream: { write: () => {} } });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Holds a run's folder against what the old program gave after four steps. */
async function expectWhole(out: string): Promise<void> {
  const { lines } = await readMetrics(out);
  const course = lines.map(({ loss, metric, learningRate, epoch }) => ({
    loss,
    metric,
    learningRate,
    epoch,
  }));
  expect(course).toEqual(expected.losses);
  const { state, step } = await loadRun(out);
  expect(step).toBe(4);
  const found = leavesOf(state).map(
    ([
      path,
      {
        data: { buffer, byteOffset, byteLength },
      },
    ]) => [path, sha256(new Uint8Array(buffer, byteOffset, byteLength)).slice(0, 16)],
  );
  // The heads were a branch of their own, in the parameters and in what optimizers remember of them.
  const moved = Object.entries(expected.state).map(([path, hash]) => [
    path.replace(/^((params|stats|optimizer\/[^/]+\/[^/]+)\/)heads\//, '$1simipu/'),
    hash,
  ]);
  expect(moved.length).toBeGreaterThan(300);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(moved));
}

describe('a run of the old form', () => {
  let resumed: string;

  beforeAll(async () => {
    resumed = await copyOfOld();
    await train(resumed, { resume: true });
  }, 60_000);

  it('has the same numbers when it is run anew', async () => {
    const out = join(folder, 'anew');
    await train(out, { resume: false });
    await expectWhole(out);
  });

  it('goes on to the same numbers, and has the new form then', async () => {
    await expectWhole(resumed);
    const { config } = await readRunConfig(fixture);
    const written = await jsonIn(resumed, 'config.json');
    expect(written).toEqual({ ...JSON.parse(JSON.stringify(config)), data: { ...data, frames: 5 } });
    expect(Object.keys(written)).not.toContain('objective');
  });

  it('goes on from a checkpoint of the old form under a configuration of the new one', async () => {
    const out = join(folder, `run${serial++}`);
    await cp(resumed, out, { recursive: true });
    await rm(join(out, 'checkpoints', '00000004'), { recursive: true });
    const { fingerprint } = await jsonIn(out, 'checkpoints', '00000002', 'state.json');
    await train(out, { resume: true });
    await expectWhole(out);
    // What is saved from then on carries the name of the new form.
    const next = await jsonIn(out, 'checkpoints', '00000004', 'state.json');
    expect(next.fingerprint).not.toBe(fingerprint);
    expect(next.fingerprint).toBe(
      (await jsonIn(resumed, 'checkpoints', '00000004', 'state.json')).fingerprint,
    );
  });

  it('does not go on under another schedule', async () => {
    const out = await copyOfOld();
    const { config } = await readRunConfig(fixture);
    const other = { ...config, schedule: { ...config.schedule, per: 'step' as const } };
    const resume = () => pretrain({ config: other, data, out, resume: true, device: 'eager' });
    await expect(resume()).rejects.toThrow(/config\.json: schedule\.per: expected "epoch"/);
    // The configuration was edited: its checkpoint still knows.
    await writeFile(join(out, 'config.json'), JSON.stringify({ ...other, data: { ...data, frames: 5 } }));
    await expect(resume()).rejects.toThrow(/state\.json: fingerprint: expected a checkpoint/);
  });

  it('gives the same point encoder when it is exported, and an image encoder of the same features', async () => {
    const out = join(folder, 'exported');
    await mkdir(out);
    const run = await loadRun(resumed);
    const { image, points } = bothEncoders(run.config);
    await exportEncoders(run, out, { batch: 1 });
    const own = (part: string) => ({
      params: branchAt(branchAt(run.state, 'params'), part),
      stats: branchAt(branchAt(run.state, 'stats'), part),
    });
    const modelOf = (given: Tree<tf.Tensor>) => ({
      params: branchAt(given, 'params'),
      stats: branchAt(given, 'stats'),
    });
    // As it was written before batches were free and batch norms part of the convolutions.
    const kind = { dtype: 'float32', shape: [1, image.input.height, image.input.width, 3] } as const;
    const before = exportOnnx(
      (given, { image: pictures }) => {
        const options = { encoder: image, training: false };
        return {
          image_features: encodeImages(modelOf(given), pictures as tf.Tensor, options).features.c5!,
        };
      },
      { parameters: own('imageEncoder'), inputs: { image: kind } },
    );
    expect(sha256(before)).toBe(expected.exports['image-encoder.onnx']);
    const random = Random.fromSeed('pictures');
    const picture = new ort.Tensor(
      'float32',
      Float32Array.from({ length: sizeOf(kind.shape) }, () => random.normal()),
      kind.shape,
    );
    const features = async (bytes: Uint8Array) => {
      const session = await ort.InferenceSession.create(bytes);
      return (await session.run({ image: picture })).image_features.data as Float32Array;
    };
    const [then, now] = [
      await features(before),
      await features(await readFile(join(out, 'image-encoder.onnx'))),
    ];
    const largest = Math.max(1, ...then.map(Math.abs));
    expect(distance(now, then) / largest).toBeLessThan(1e-5);
    const pointFile = await readFile(join(out, 'point-encoder.onnx'));
    expect(sha256(withoutMetadata(pointFile))).toBe(expected.exports['point-encoder.onnx']);
    const described = (await jsonIn(out, 'encoders.json'))['point-encoder.onnx'] as {
      points: { count: number };
    };
    expect(described.points.count).toBe(points.input.count);
  });

  it('is read by all that reads runs', async () => {
    const run = await copyOfOld();
    const { state, step, config } = await loadRun(run);
    expect(step).toBe(2);
    const branches = new Set(leavesOf(branchAt(state, 'params')).map(([path]) => path.split('/')[0]));
    expect([...branches]).toEqual(['imageEncoder', 'pointEncoder', 'simipu']);
    expect(config.encoders).toMatchObject({ image: { width: 2 }, points: { input: { count: 96 } } });

    const said = await describeRun(run);
    expect(said).toContain('simipu on kitti: batch 2, ResNet-18 on 96 x 64, 96 points');
    expect(said).toContain('checkpoints at steps 2');
    expect(await readRunInfo(run)).toMatchObject({
      objective: 'simipu',
      learns: 'encoders',
      totalSteps: 4,
      checkpoints: [2],
      problem: undefined,
    });

    const adopted = await adoptEncoders(tinyDetector('point3d'), run);
    if (adopted.detector !== 'point3d') throw new Error('another detector');
    const { input: _, ...theirs } = config.encoders.points!;
    expect(adopted.point3d.pointEncoder.levels.map(({ out }) => out)).toEqual([12, 16]);
    expect(adopted.point3d.pointEncoder.batchNorm).toEqual(theirs.batchNorm);
    const begun = detectionState(adopted);
    const model = { params: branchAt(begun, 'params'), stats: branchAt(begun, 'stats') };
    const { initialization, model: loaded } = await initializeFrom(model, run);
    const points = leavesOf(branchAt(branchAt(state, 'params'), 'pointEncoder'));
    expect(initialization.step).toBe(2);
    expect(initialization.loaded).toEqual(
      expect.arrayContaining(points.map(([path]) => `params/pointEncoder/${path}`)),
    );
    expect(leavesOf(branchAt(loaded.params, 'pointEncoder'))).toEqual(points);
  });
});

describe('upgradedConfig', () => {
  it('moves the encoders with what they look at to the run, and the options to their objective', () => {
    const simipu = old.simipu as Record<string, Json>;
    const { scale, ...canvas } = simipu.image;
    const upgraded = upgradedConfig(old);
    expect(upgraded.encoders).toEqual({
      image: { ...simipu.imageEncoder, input: canvas },
      points: { ...simipu.pointEncoder, input: simipu.points },
    });
    const { view, heads, headBatchNorm, temperature, stopGradient } = simipu;
    expect(upgraded.objectives).toEqual({
      simipu: {
        ...{ view, heads, headBatchNorm, temperature, stopGradient, imageScale: scale },
        ...{ matchGateM: null, validityMask: false, crossFactor: 1 },
      },
    });
    expect(upgraded.schedule).toEqual({ ...(old.schedule as Json), per: 'epoch' });
    for (const key of ['batchSize', 'seed', 'steps', 'optimizers', 'data'])
      expect(upgraded[key], key).toEqual(old[key]);
    expect(Object.keys(upgraded)).not.toEqual(expect.arrayContaining(['objective']));
  });

  it('is undone by oldForm, and undoes it', () => {
    const upgraded = upgradedConfig(old);
    expect(oldForm(upgraded)).toEqual(old);
    expect(upgradedConfig(oldForm(upgraded)!)).toEqual(upgraded);
  });

  it.each<[string, Json]>([
    ['of the new form', { encoders: {}, objectives: { simipu: {} } }],
    ['of another objective', { encoders: {}, objectives: { another: {} } }],
    ['of an objective that was named otherwise', { objective: 'another', another: { points: {} } }],
    ['of a detector', { detector: 'point3d', point3d: { points: {} } }],
    ['that is no run', { objective: 'simipu' }],
  ])('leaves a configuration %s as it is', (_, config) => {
    expect(upgradedConfig(config)).toBe(config);
  });

  it.each<[string, (config: Json) => Json]>([
    ['another objective', (config) => ({ ...config, objectives: { another: {} } })],
    [
      'two objectives',
      (config) => ({ ...config, objectives: { ...(config.objectives as Json), another: {} } }),
    ],
    ['one encoder', (config) => ({ ...config, encoders: { points: (config.encoders as Json).points } })],
    ['a schedule by steps', (config) => ({ ...config, schedule: { kind: 'constant', per: 'step' } })],
  ])('had no old form with %s', (_, change) => {
    expect(oldForm(change(upgradedConfig(old)))).toBeUndefined();
  });
});

describe('upgradedState', () => {
  it('moves the heads into the branch of their objective, and no group of that name', () => {
    const leaf = int32([1], []);
    const paths = (names: readonly string[]) => treeOf(names.map((path) => [path, leaf] as const));
    const upgraded = upgradedState(
      paths([
        'params/heads/intraPoints/0/linear/weight',
        'params/pointEncoder/heads/weight',
        'stats/heads/intraPoints/0/norm/running_mean',
        'optimizer/heads/momentum/heads/intraPoints/0/linear/weight',
        'optimizer/image/momentum/heads/crossImage/0/linear/weight',
        'optimizer/points/step',
      ]),
    );
    expect(leavesOf(upgraded).map(([path]) => path)).toEqual(
      [
        'params/simipu/intraPoints/0/linear/weight',
        'params/pointEncoder/heads/weight',
        'stats/simipu/intraPoints/0/norm/running_mean',
        'optimizer/heads/momentum/simipu/intraPoints/0/linear/weight',
        'optimizer/image/momentum/simipu/crossImage/0/linear/weight',
        'optimizer/points/step',
      ].sort(),
    );
    // A state of today's form stays as it is.
    expect(leavesOf(upgradedState(upgraded))).toEqual(leavesOf(upgraded));
  });
});

/** An ONNX file without its metadata, field 14 of the model: the fields of a protobuf message are tag, length and bytes, or tag and number. */
function withoutMetadata(file: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const begin = at;
    const varint = () => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = file[at++];
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    const tag = varint();
    const number = varint();
    if ((tag & 7) === 2) at += number;
    if (tag >> 3 !== 14) kept.push(file.subarray(begin, at));
  }
  return Buffer.concat(kept);
}
