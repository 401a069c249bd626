import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readFrameNames } from '../../../src/datasets/frame-names.ts';
import { Random } from '../../../src/engine/random.ts';
import { detect } from '../../../src/training/detection/detect.ts';
import { createDetector } from '../../../src/training/detection/detection-config.ts';
import type { DetectionRun } from '../../../src/training/detection/detection-run.ts';
import { exportDetector } from '../../../src/training/detection/export-detector.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { command } from '../../../tools/export.ts';
import { textOf } from '../../architecture/source-files.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { distance } from '../../nn/tensors.ts';
import { tinyDetector } from './tiny-detector.ts';

const quiet = { write: () => {} };
let folder: string;
let data: string;
let trained: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-detector-'));
  data = join(folder, 'scenes');
  trained = join(folder, 'run');
  await smallScenes(data, { count: 3, heldOut: 1 });
  const config = tinyDetector('image3d', ['steps=2']);
  await finetune({ config, data: { root: data, imageSet: 'train' }, out: trained, stream: quiet });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function runOf(detector: Parameters<typeof tinyDetector>[0], settings: readonly string[] = []): DetectionRun {
  const config = tinyDetector(detector, settings);
  const model = createDetector(config).initialize(Random.fromSeed(0));
  return { config, model, data: { root: 'data/kitti' }, step: 9, checkpoint: 'runs/tiny/checkpoints/9' };
}

const Model = protobuf
  .parse(`
  syntax = "proto3";
  message Dimension { oneof value { int64 length = 1; string name = 2; } }
  message Shape { repeated Dimension dim = 1; }
  message Tensor { int32 element = 1; Shape shape = 2; }
  message Type { Tensor tensor = 1; }
  message Info { string name = 1; Type type = 2; }
  message Graph { repeated Info input = 11; repeated Info output = 12; }
  message Entry { string key = 1; string value = 2; }
  message Model { Graph graph = 7; repeated Entry metadata_props = 14; }
`)
  .root.lookupType('Model');

interface Info {
  readonly name: string;
  readonly type: {
    readonly tensor: {
      readonly shape?: { readonly dim?: ReadonlyArray<{ length?: number; name?: string }> };
    };
  };
}

async function opened(file: string) {
  const { graph, metadataProps } = Model.toObject(Model.decode(await readFile(file)), { longs: Number }) as {
    graph: { input: Info[]; output: Info[] };
    metadataProps: Array<{ key: string; value: string }>;
  };
  const shapes = (infos: Info[]) =>
    Object.fromEntries(
      infos.map(({ name, type }) => [
        name,
        (type.tensor.shape?.dim ?? []).map(({ length, name: axis }) => axis ?? length),
      ]),
    );
  return {
    inputs: shapes(graph.input),
    outputs: shapes(graph.output),
    said: Object.fromEntries(metadataProps.map(({ key, value }) => [key, value])),
  };
}

describe('the file of a detector', () => {
  it('says what goes in and comes out, and where it is from', async () => {
    const file = await exportDetector(runOf('fusion', ['fusion.image.colours=imagenet-bgr']), folder);
    expect(file).toBe(join(folder, 'fusion.onnx'));
    const { inputs, outputs, said } = await opened(file);
    expect(inputs).toEqual({
      points: ['points', 4],
      rows: [256],
      pixel_from_lidar: [3, 4],
      image_size: [2],
      image: ['height', 'width', 3],
    });
    expect(outputs).toEqual({
      boxes: ['objects', 7],
      scores: ['objects'],
      classes: ['objects'],
      image_boxes: ['objects', 4],
    });
    expect(said).toMatchObject({
      detector: 'fusion',
      source: 'pointpair: fusion, step 9, on data/kitti',
      classes: 'Car, Pedestrian, Cyclist',
      score_threshold: '0.01',
      canvas: '96 x 32 pixels: the file scales pictures into it',
      normalization: 'by the file: bgr, less mean 103.53, 116.28, 123.675, divided by std 1, 1, 1',
    });
    expect(said.boxes).toContain('LiDAR frame');
    expect(JSON.parse(said.draw)).toEqual({
      count: 256,
      range: { min: [0, -40, -3], max: [70.4, 40, 1] },
      cropToImage: true,
      groundShare: 0.1,
    });
  });

  it('is refused of a detector whose network finds no poses', async () => {
    await expect(exportDetector(runOf('monorun'), join(folder, 'none'))).rejects.toThrow(
      'runs/tiny/checkpoints/9: detector: expected image3d, point3d or fusion, found monorun, whose poses are solved for outside of its network',
    );
    expect(await readdir(folder)).not.toContain('none');
  });
});

describe('pointpair export of a run', () => {
  const exported = async (...args: string[]) => {
    const said: string[] = [];
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(`${text}`) > 0);
    try {
      await command().exitOverride().parseAsync(args, { from: 'user' });
    } finally {
      spy.mockRestore();
    }
    return said.join('');
  };

  it('of a detector writes the whole of it, from a score on', async () => {
    const to = join(folder, 'out');
    expect(await exported(trained, '--to', to, '--min-score', '0.25')).toBe(`${join(to, 'image3d.onnx')}\n`);
    const { said } = await opened(join(to, 'image3d.onnx'));
    expect(Number(said.score_threshold)).toBeCloseTo(0.25, 6);
    expect(said.boxes).toContain('camera frame');
    expect(said.source).toBe(`pointpair: image3d, step 2, on ${data}`);
  });

  it('refuses several frames at a time', async () => {
    await expect(exported(trained, '--to', folder, '--batch', '2')).rejects.toThrow(
      "--batch: expected 1: a detector's file looks at one frame, found 2",
    );
  });
});

/** A Python that has ONNX Runtime and Pillow, if there is one. */
const python = [process.env.PYTHON ?? 'python3', '/usr/bin/python3'].find((each) => {
  try {
    execFileSync(each, ['-c', 'import onnxruntime, PIL'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

describe.skipIf(python === undefined)(
  'the page in Python (needs one with onnxruntime, numpy and pillow)',
  () => {
    const script = textOf('docs/detection.md').match(/```python\n([\s\S]*?)```/)![1];
    const asked = async (run: DetectionRun, id: string) => {
      const file = join(folder, 'detect.py');
      await writeFile(file, script);
      const model = await exportDetector(run, folder);
      const text = execFileSync(python!, [file, model, join(data, 'training'), id], { encoding: 'utf8' });
      const lines = text.trim().split('\n');
      return lines
        .map((line) => line.split(' '))
        .map(([type, ...numbers]) => ({ type, numbers: numbers.map(Number) }));
    };

    it('finds what detect writes, of a picture', async () => {
      const run = runOf('image3d', ['image3d.scoreThreshold=0.012']);
      const out = join(folder, 'detections');
      await detect({ run, data: { root: data, imageSet: 'val' }, out, threads: 1, stream: quiet });
      const [id] = await readFrameNames(join(data, 'ImageSets/val.txt'));
      const text = await readFile(join(out, `${id}.txt`), 'utf8');
      const expected = text
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      const found = await asked(run, id);
      expect(found.map(({ type }) => type)).toEqual(expected.map(([type]) => type));
      expect(found.length).toBeGreaterThan(5);
      found.forEach(({ numbers }, i) => {
        const [height, width, length, x, y, z, rotation, score] = expected[i].slice(8).map(Number);
        const wanted = [score, x, y, z, length, height, width, rotation];
        expect(distance(numbers, wanted)).toBeLessThan(2e-4);
      });
    });

    it('draws points, and finds boxes on the side where they are', async () => {
      const [id] = await readFrameNames(join(data, 'ImageSets/val.txt'));
      const found = await asked(runOf('point3d'), id);
      expect(found.length).toBeGreaterThan(5);
      for (const { numbers } of found) {
        expect(numbers[1]).toBeGreaterThan(-2);
        expect(numbers[1]).toBeLessThan(75);
      }
    });
  },
);
