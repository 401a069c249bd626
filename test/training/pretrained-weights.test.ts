import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { applySettings } from '../../src/training/config.ts';
import { adoptEncoders } from '../../src/training/detection/adopt-encoders.ts';
import { applyDetectionSettings } from '../../src/training/detection/detection-config.ts';
import { detectionPresetOf } from '../../src/training/detection/detection-presets.ts';
import { initialModel } from '../../src/training/detection/finetune.ts';
import { exportWeights } from '../../src/training/export-weights.ts';
import { presetOf } from '../../src/training/presets.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { beginWith } from '../../src/training/pretrained.ts';
import { loadRun, type TrainedRun } from '../../src/training/run/model-state.ts';
import { decodeSafetensors } from '../../src/training/run/safetensors.ts';
import { writeClassPictures } from './probe/class-pictures.ts';

let folder: string;
let data: { readonly root: string };
let first: TrainedRun;
let file: string;

const configOf = (...settings: readonly string[]) =>
  applySettings(presetOf('moco-v2-cifar')!, [
    ...['encoders.image.width=4', 'encoders.image.stem=standard', 'batchSize=8', 'steps=1'],
    ...['objectives.moco.queue=16', 'objectives.moco.dimensions=8'],
    ...settings,
  ]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'));
  data = { root: join(folder, 'pictures') };
  await writeClassPictures(data.root, { count: 8, seed: 1, size: 32 });
  const out = join(folder, 'first');
  await pretrain({ config: configOf('seed=5'), data, out, stream: { write: () => {} } });
  first = await loadRun(out);
  ({ file } = await exportWeights(first, join(folder, 'weights'), 'torchvision'));
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

const encoderOf = (tree: Tree<HostTensor>, ...path: string[]) =>
  new Map(leavesOf(path.reduce<Tree<HostTensor>>((inner, key) => branchAt(inner, key), tree)));

function expectSame(found: Map<string, HostTensor>, expected: Map<string, HostTensor>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [path, { data: values }] of expected) expect(found.get(path)!.data, path).toEqual(values);
}

describe('weights of a file', () => {
  it('say how a model is made that takes them, what pictures it wants, and what they come from', async () => {
    const { metadata, tensors } = decodeSafetensors(await readFile(file));
    expect(metadata.format).toBe('pt');
    expect(metadata.python).toContain('model = torchvision.models.resnet18()\nmodel.inplanes = 4\n');
    expect(metadata.python).toContain(`model.load_state_dict(safetensors.torch.load_file("${file}"))`);
    expect(metadata.pictures).toBe(
      'rgb, from 0 to 255, less mean 123.675, 116.28, 103.53, divided by std 58.395, 57.12, 57.375',
    );
    expect(metadata.source).toBe(`pointpair: moco, step 1, on ${data.root}`);
    const conv = encoderOf(first.state, 'params', 'imageEncoder').get('layer4/1/conv2/weight')!;
    expect(tensors.get('layer4.1.conv2.weight')!.data).toEqual(conv.data);
  });

  it('begin a pretraining, its momentum encoder too, which goes on with its own checkpoint', async () => {
    const said: string[] = [];
    const out = join(folder, 'second');
    const stream = { write: (line: string) => said.push(line) };
    const still = ['optimizers.image.learningRate=0', 'optimizers.image.weightDecay=0'];
    const config = configOf('seed=7', ...still);
    await pretrain({ config, data, from: { run: file }, out, stream });
    const { state, from } = await loadRun(out);
    expect(from).toEqual({ run: file });
    const expected = encoderOf(first.state, 'params', 'imageEncoder');
    expectSame(encoderOf(state, 'params', 'imageEncoder'), expected);
    // The key's side is a copy of the file's, which a momentum of 0.99 leaves where it is but for rounding.
    const key = encoderOf(state, 'memory', 'moco', 'key', 'params', 'imageEncoder');
    for (const [path, { data: values }] of expected)
      for (const [i, value] of key.get(path)!.data.entries()) expect(value, path).toBeCloseTo(values[i], 5);
    const words = said.join('');
    expect(words).toContain(
      `begins with ${file}, by torchvision's names:\n  imageEncoder: 100 tensors taken`,
    );
    expect(words).toContain('fc.weight, fc.bias left: a classifier');
    said.length = 0;
    const longer = { ...config, steps: 2 };
    await pretrain({ config: longer, data, from, out, stream, resume: true });
    expect(said.join('')).not.toContain('begins with');
    expectSame(encoderOf((await loadRun(out)).state, 'params', 'imageEncoder'), expected);
  });

  it('begin a detector, whose own configuration must fit', async () => {
    const preset = applyDetectionSettings(detectionPresetOf('image3d-small')!, [
      'image3d.imageEncoder.width=4',
    ]);
    const config = await adoptEncoders(preset, file);
    expect(config).toBe(preset);
    const model = initialModel(config);
    const encoder = (preset as unknown as { image3d: { imageEncoder: never } }).image3d.imageEncoder;
    const begun = await beginWith(model, { run: file }, encoder);
    const expected = encoderOf(first.state, 'params', 'imageEncoder');
    expectSame(encoderOf(begun.model.params, 'imageEncoder'), expected);
    expect(begun.model.params.head).toBe(model.params.head);
    const wider = { ...(encoder as object), width: 8 } as never;
    const wide = initialModel(
      applyDetectionSettings(detectionPresetOf('image3d-small')!, ['image3d.imageEncoder.width=8']),
    );
    await expect(beginWith(wide, { run: file }, wider)).rejects.toThrow(
      /tensor bn1\.bias: expected float32 \[8\], as bn1\/bias of a ResNet-18 here, found float32 \[4\]/,
    );
  });

  it('that are not there, or no weights, are an error', async () => {
    const config = configOf();
    const { image } = config.encoders;
    const missing = join(folder, 'none.safetensors');
    await expect(beginWith(first.state as never, { run: missing }, image)).rejects.toThrow(
      /none\.safetensors: expected a file of weights/,
    );
    await writeFile(missing, 'text that is no header');
    await expect(beginWith(first.state as never, { run: missing }, image)).rejects.toThrow(/header/);
    await expect(beginWith(first.state as never, { run: file }, undefined)).rejects.toThrow(
      /expected a model with an image encoder/,
    );
  });
});
