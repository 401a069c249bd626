import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KittiObject } from '../../../src/datasets/kitti-object.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { readKittiFolders } from '../../../src/evaluation/kitti/kitti-result-files.ts';
import { applySettings, type RunConfig } from '../../../src/training/config.ts';
import { adoptEncoders } from '../../../src/training/detection/adopt-encoders.ts';
import { detect, MANIFEST } from '../../../src/training/detection/detect.ts';
import type { DetectionConfig } from '../../../src/training/detection/detection-config.ts';
import { loadDetectionRun } from '../../../src/training/detection/detection-run.ts';
import {
  type FinetuneOptions,
  finetune,
  INITIALIZATION,
  initialModel,
} from '../../../src/training/detection/finetune.ts';
import { drawLabelledFrames } from '../../../src/training/detection/labelled-frames.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { loadRun } from '../../../src/training/run/model-state.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyRun, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { tinyDetector } from './tiny-detector.ts';

let folder: string;
let data: string;
let pretrained: string;
let serial = 0;
const fresh = () => join(folder, `run${serial++}`);
const quiet = { write: () => {} };
const pretraining: RunConfig = tinyRun({ steps: 2 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'finetune-'));
  data = join(folder, 'scenes');
  await smallScenes(data);
  pretrained = fresh();
  await pretrain({ config: pretraining, data: { root: data }, out: pretrained, stream: quiet });
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

/** Trains, and keeps what is said. */
async function train(
  config: DetectionConfig,
  options: Partial<FinetuneOptions> & { readonly stopAfter?: number } = {},
) {
  const { stopAfter, ...rest } = options;
  const controller = new AbortController();
  const said: string[] = [];
  const out = options.out ?? fresh();
  const stream = {
    write: (text: string) => {
      said.push(text);
      if (stopAfter !== undefined && text.startsWith(`step ${stopAfter}/`)) controller.abort();
    },
  };
  const imageSet = 'train';
  const signal = controller.signal;
  const result = await finetune({ config, data: { root: data, imageSet }, stream, signal, ...rest, out });
  return { out, result, said: said.join('') };
}

async function lossesOf(out: string) {
  return (await readMetrics(out)).lines.map(({ step, loss }) => ({ step, loss }));
}

function branch(state: Tree<HostTensor>, prefix: string) {
  return new Map(leavesOf(state).filter(([path]) => path.startsWith(prefix)));
}

describe.each(['point3d', 'image3d'] as const)('%s', (detector) => {
  it('trains, and goes on after an interruption to the losses that it would have had', async () => {
    const config = tinyDetector(detector);
    const whole = await train(config);
    expect(whole.result).toMatchObject({ step: 6, interrupted: false, frames: 6 });
    expect(whole.said).toMatch(/6 of 6 frames with \d+ Car, \d+ Pedestrian, \d+ Cyclist; 6 steps of 2/);
    expect(whole.said).toContain('begins at random');
    const begun = await train(config, { stopAfter: 3 });
    expect(begun.result.interrupted).toBe(true);
    await train(config, { out: begun.out, resume: true });
    expect(await lossesOf(begun.out)).toEqual(await lossesOf(whole.out));
    // Learning rates follow from the length of the run: it cannot be another one.
    const file = join(begun.out, 'config.json');
    const plan = await readFile(file, 'utf8');
    for (const steps of [3, 9]) {
      const other = train(tinyDetector(detector, [`steps=${steps}`]), { out: begun.out, resume: true });
      await expect(other).rejects.toThrow(
        `config.json: steps: expected 6, as the run began with, found ${steps}`,
      );
    }
    const again = await train(config, { out: begun.out, resume: true });
    expect(again.said).toContain('nothing to do: all 6 steps are done');
    expect(await readFile(file, 'utf8')).toBe(plan);
  });

  it('begins with the encoders of a pretraining run, and says what it took and what it left', async () => {
    const config = await adoptEncoders(tinyDetector(detector), pretrained);
    const { out, said } = await train(config, { from: { run: pretrained }, stopAfter: 1 });
    const encoder = detector === 'point3d' ? 'pointEncoder' : 'imageEncoder';
    expect(said).toMatch(
      new RegExp(
        `begins with .*, step 2:\\n  ${encoder}: \\d+ parameters and \\d+ running statistics loaded`,
      ),
    );
    expect(said).toMatch(/head: \d+ parameters.* new, drawn at random/);
    expect(said).toMatch(/simipu: .* left behind \(the run's own/);
    const { loaded, unused, step } = JSON.parse(await readFile(join(out, INITIALIZATION), 'utf8'));
    const state = (await loadRun(pretrained)).state;
    const theirs = [
      ...branch(state, `params/${encoder}`).keys(),
      ...branch(state, `stats/${encoder}`).keys(),
    ];
    expect([...loaded].sort()).toEqual(theirs.sort());
    expect(unused.some((path: string) => path.startsWith('params/simipu/'))).toBe(true);
    expect(step).toBe(2);
    // One step at a warming-up learning rate has hardly moved them.
    const trained = branch({ ...(await loadDetectionRun(out)).model }, `params/${encoder}`);
    const random = branch({ ...initialModel(config) }, `params/${encoder}`);
    let [nearer, count] = [0, 0];
    for (const [path, tensor] of branch(state, `params/${encoder}`)) {
      if (!path.endsWith('weight') || tensor.shape.length < 2) continue;
      const distance = (other: HostTensor) =>
        Array.from(other.data).reduce((sum, value, i) => sum + (value - tensor.data[i]) ** 2, 0);
      count++;
      if (distance(trained.get(path)!) < distance(random.get(path)!)) nearer++;
    }
    expect(nearer).toBe(count);
  });

  it('goes on with the same words, whether they say the step of the pretraining or not', async () => {
    const config = await adoptEncoders(tinyDetector(detector), pretrained);
    const whole = await train(config, { from: { run: pretrained } });
    for (const from of [{ run: pretrained }, { run: pretrained, step: 2 }]) {
      const { out } = await train(config, { from: { run: pretrained }, stopAfter: 3 });
      await train(config, { from, out, resume: true });
      expect(await lossesOf(out)).toEqual(await lossesOf(whole.out));
      const initialization = JSON.parse(await readFile(join(out, INITIALIZATION), 'utf8'));
      expect(initialization).toMatchObject({ run: pretrained, step: 2 });
    }
    const { out } = await train(config, { from: { run: pretrained }, stopAfter: 3 });
    const other = train(config, { from: { run: pretrained, step: 1 }, out, resume: true });
    await expect(other).rejects.toThrow('config.json: from.step: expected 2, as the run began with, found 1');
  });

  it('holds frozen levels fast, running statistics included', async () => {
    const frozen = detector === 'point3d' ? 'point3d.frozenLevels=1' : 'image3d.frozenStages=2';
    const config = tinyDetector(detector, [frozen]);
    const { out } = await train(config);
    const after = branch({ ...(await loadDetectionRun(out)).model }, '');
    const held =
      detector === 'point3d' ? /^(params|stats)\/pointEncoder\/sa1\// : /imageEncoder\/(conv1|bn1|layer1)\//;
    const moves = detector === 'point3d' ? /pointEncoder\/sa2\/.*weight/ : /imageEncoder\/layer2\/.*weight/;
    let [same, moved] = [0, 0];
    for (const [path, tensor] of branch({ ...initialModel(config) }, '')) {
      if (held.test(path)) {
        expect(after.get(path)!.data, path).toEqual(tensor.data);
        same++;
      } else if (moves.test(path) && after.get(path)!.data.some((v, i) => v !== tensor.data[i])) moved++;
    }
    expect(same).toBeGreaterThan(2);
    expect(moved).toBeGreaterThan(0);
  });

  it('finds objects in frames with KITTI result files that can be evaluated, and goes on where it was', async () => {
    const { out } = await train(tinyDetector(detector));
    const run = await loadDetectionRun(out);
    const results = fresh();
    const options = { run, data: { root: data, imageSet: 'val' }, out: results, stream: quiet };
    const first = await detect(options);
    expect(first).toMatchObject({ frames: 2, before: 0, damaged: 0, interrupted: false });
    expect((await readdir(results)).sort()).toEqual([MANIFEST, '000006.txt', '000007.txt'].sort());
    const { frames } = await readKittiFolders({
      labels: data,
      detections: results,
      ids: ['000006', '000007'],
    });
    expect(frames.reduce((sum, { detections }) => sum + detections.length, 0)).toBe(first.detections);
    for (const { detections } of frames) for (const { score } of detections) expect(score).toBeGreaterThan(0);
    const before = await readFile(join(results, '000006.txt'), 'utf8');
    await rm(join(results, '000006.txt'));
    expect(await detect(options)).toMatchObject({ frames: 2, before: 1 });
    expect(await readFile(join(results, '000006.txt'), 'utf8')).toBe(before);
    const elsewhere = { ...options, data: { root: data, imageSet: 'train' } };
    await expect(detect(elsewhere)).rejects.toThrow(
      /found those of .* on .* \(training, val\): --overwrite removes them, another --out leaves them$/,
    );
    const longer = { ...run, step: 9, checkpoint: join(out, 'checkpoints', '00000009') };
    await expect(detect({ ...options, run: longer })).rejects.toThrow(
      /found those of step 6, and the run is at step 9 now: --overwrite/,
    );
    // Whatever is there is done again.
    await writeFile(join(results, '000006.txt'), '');
    const again = { ...options, overwrite: true };
    expect(await detect(again)).toMatchObject({ frames: 2, before: 0 });
    expect(await readFile(join(results, '000006.txt'), 'utf8')).toBe(before);
    // The scores that are written begin where they are asked to, and no folder has two kinds.
    const highest = Math.max(...frames.flatMap(({ detections }) => detections.map(({ score }) => score!)));
    await expect(detect({ ...options, scoreThreshold: highest })).rejects.toThrow(/--overwrite removes/);
    expect(await detect({ ...again, scoreThreshold: highest })).toMatchObject({ detections: 1 });
    await expect(detect(options)).rejects.toThrow(new RegExp(`scores from ${highest} on\\)`));
    await writeFile(join(results, 'notes.md'), 'mine');
    await expect(detect({ ...elsewhere, overwrite: true })).rejects.toThrow(/results alone.*notes\.md/);
  });
});

describe('a data set without pictures', () => {
  it('trains a detector over points alone, which looks at its frames; others say what is missing', async () => {
    const root = join(folder, 'without pictures');
    await cp(data, root, { recursive: true });
    await rm(join(root, 'training', 'image_2'), { recursive: true });
    const out = fresh();
    const config = tinyDetector('point3d', ['steps=2']);
    const trained = await train(config, { out, data: { root, imageSet: 'train' } });
    expect(trained.said).toContain(
      `${root}: 6 frames have no picture: its size is taken to be twice the principal point`,
    );
    expect(trained.result).toMatchObject({ step: 2, frames: 6, damagedFrames: 0 });
    const run = await loadDetectionRun(out);
    const found = await detect({ run, data: { root, imageSet: 'val' }, out: fresh(), stream: quiet });
    expect(found).toMatchObject({ frames: 2, damaged: 0 });
    await expect(train(tinyDetector('image3d'), { data: { root } })).rejects.toThrow(
      /expected the folders image_2, velodyne, calib, found no image_2/,
    );
  });
});

describe('fusion', () => {
  it('begins with both encoders of a pretraining run, trains, and looks at frames', async () => {
    const config = await adoptEncoders(tinyDetector('fusion', ['steps=2']), pretrained);
    const { out, said, result } = await train(config, { from: { run: pretrained } });
    expect(result).toMatchObject({ step: 2, interrupted: false });
    for (const encoder of ['imageEncoder', 'pointEncoder'])
      expect(said).toMatch(new RegExp(`${encoder}: \\d+ parameters and \\d+ running statistics loaded`));
    const { loaded, fresh: drawn } = JSON.parse(await readFile(join(out, INITIALIZATION), 'utf8'));
    const theirs = leavesOf((await loadRun(pretrained)).state).flatMap(([path]) =>
      /^(params|stats)\/(imageEncoder|pointEncoder)\//.test(path) ? [path] : [],
    );
    expect([...loaded].sort()).toEqual(theirs.sort());
    expect(drawn.filter((path: string) => !/^(params|stats)\/(fpn|head)\//.test(path))).toEqual([]);
    const run = await loadDetectionRun(out);
    const looked = await detect({ run, data: { root: data, imageSet: 'val' }, out: fresh(), stream: quiet });
    expect(looked).toMatchObject({ frames: 2, damaged: 0, interrupted: false });
  });
});

describe('what cannot be right', () => {
  it('is a pretrained run of another width', async () => {
    // Its first layers see coordinates, those of the pretrained run do not.
    const wide = tinyDetector('point3d');
    await expect(train(wide, { from: { run: pretrained } })).rejects.toThrow(
      /pointEncoder\/sa1.*as the configuration has it.*a run of another width or depth/,
    );
  });

  it('is heads of a run that is not of the same detector', async () => {
    const config = await adoptEncoders(tinyDetector('point3d'), pretrained);
    await expect(train(config, { from: { run: pretrained, heads: true } })).rejects.toThrow(
      /a run of the same detector, with params\/head\/.*found .*simipu.* without it/,
    );
  });

  it('is a run with none of the encoders, or no checkpoint', async () => {
    const { out } = await train(tinyDetector('image3d'));
    await expect(train(tinyDetector('point3d'), { from: { run: out } })).rejects.toThrow(
      /an encoder that the model has: pointEncoder.*imageEncoder/,
    );
    await expect(train(tinyDetector('point3d'), { from: { run: data } })).rejects.toThrow(
      /a checkpoint.*none/,
    );
  });

  it('is a share of labels without any object', async () => {
    const empty = join(folder, 'empty');
    await cp(data, empty, { recursive: true });
    for (const name of await readdir(join(empty, 'training', 'label_2')))
      await writeFile(join(empty, 'training', 'label_2', name), '');
    const options = { data: { root: empty } };
    await expect(train(tinyDetector('point3d', ['labels.fraction=0.25']), options)).rejects.toThrow(
      /2 of 8 frames \(labels\.fraction 0\.25, labels\.seed 0\).*at least one labelled Car, Pedestrian, Cyclist.*--labels-fraction/,
    );
  });

  it('is a data set without labels', async () => {
    const bare = join(folder, 'bare');
    await writeSyntheticKitti(bare, 3);
    await expect(train(tinyDetector('point3d'), { data: { root: bare } })).rejects.toThrow(
      /labels \(label_2\)/,
    );
  });

  it('is a detector asked of a pretraining run, and the other way round', async () => {
    await expect(loadDetectionRun(pretrained)).rejects.toThrow(
      /a detector's run.*a pretraining run \(simipu\)/,
    );
    const { out } = await train(tinyDetector('point3d'));
    await expect(loadRun(out)).rejects.toThrow(/a pretraining run.*a detector's run \(point3d\)/);
  });
});

describe('labelled frames', () => {
  it('of a smaller share are among those of a larger one, and the seed draws them', async () => {
    const classes = ['Car', 'Pedestrian', 'Cyclist'];
    const draw = (fraction: number, seed: number) =>
      drawLabelledFrames({ root: data }, { fraction, seed, classes });
    const [few, more, all] = await Promise.all([draw(0.25, 1), draw(0.5, 1), draw(1, 1)]);
    expect([few, more, all].map(({ indices }) => indices.length)).toEqual([2, 4, 8]);
    expect(more.indices).toEqual(expect.arrayContaining([...few.indices]));
    const others = await Promise.all([2, 3, 4, 5].map((seed) => draw(0.25, seed)));
    expect(others.some(({ indices }) => String(indices) !== String(few.indices))).toBe(true);
    const frames = await KittiObject.open(data);
    let cars = 0;
    for (const i of few.indices)
      cars += (await frames.labels(i))!.filter(({ type }) => type === 'Car').length;
    expect(few.objects.Car).toBe(cars);
  });
});

describe('adopted encoders', () => {
  it('are those of the run, with the points and the canvas of the detector', async () => {
    const config = tinyDetector('point3d', ['point3d.pointEncoder.levels.0.points=64']);
    const adopted = await adoptEncoders(config, pretrained);
    if (adopted.detector !== 'point3d') throw new Error('another detector');
    const theirs = pretraining.encoders.points!;
    expect(adopted.point3d.pointEncoder).toMatchObject({
      useXyz: theirs.useXyz,
      batchNorm: theirs.batchNorm,
    });
    expect(adopted.point3d.pointEncoder.levels.map(({ out }) => out)).toEqual(
      theirs.levels.map(({ out }) => out),
    );
    expect(adopted.point3d.pointEncoder.levels[0].points).toBe(64);
    const other = applySettings(pretraining, ['encoders.image.input.colours=imagenet-bgr']);
    const run = fresh();
    await pretrain({ config: { ...other, steps: 1 }, data: { root: data }, out: run, stream: quiet });
    const image = await adoptEncoders(tinyDetector('image3d'), run);
    if (image.detector !== 'image3d') throw new Error('another detector');
    expect(image.image3d.image).toMatchObject({ colours: 'imagenet-bgr', width: 96 });
    expect(image.image3d.imageEncoder).toMatchObject({ width: 4 });
  });
});
