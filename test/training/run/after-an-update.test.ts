import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../../src/training/config.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { initialState, pretrain } from '../../../src/training/pretrain.ts';
import { classifierConfig } from '../../../src/training/probe/classifier-config.ts';
import { beginning } from '../../../src/training/probe/finetune-pictures.ts';
import { trainClassifier } from '../../../src/training/probe/picture-classifier.ts';
import { loadPictures } from '../../../src/training/probe/probed-items.ts';
import { checkpointOf, fingerprintBut } from '../../../src/training/run/checkpoint.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import type { RunOptions } from '../../../src/training/training-loop.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyImageRun, tinyView } from '../../objectives/tiny-image-run.ts';
import { tinyDetector } from '../detection/tiny-detector.ts';
import { smallVit } from '../over-ranks.ts';
import { writeClassPictures } from '../probe/class-pictures.ts';

let folder: string;
let data: string;
let pictures: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'after-an-update-'));
  data = join(folder, 'scenes');
  await smallScenes(data);
  pictures = join(folder, 'pictures');
  await writeClassPictures(pictures, { count: 6, seed: 1 });
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

const quiet = { write: () => {} };
type Train = (options: Pick<RunOptions, 'out' | 'resume' | 'signal' | 'stream'>) => Promise<unknown>;

const detector = (settings: readonly string[] = []): Train => {
  const config = tinyDetector('point3d', ['steps=4', ...settings]);
  return (options) => finetune({ config, data: { root: data, imageSet: 'train' }, ...options });
};
const pretraining = (eps: number): Train => {
  const encoders = { image: { ...smallVit(8, 8), batchNorm: { eps, momentum: 0.1 } } };
  const config = tinyImageRun('simclr-cifar', { view: tinyView }, {
    encoders,
  } as unknown as Partial<RunConfig>);
  return (options) => pretrain({ config, data: { root: data, imageSet: 'train' }, ...options });
};

const classifier = (eps: number): Train => {
  const encoders = { image: { ...smallVit(8, 8), batchNorm: { eps, momentum: 0.1 } } };
  const changes = { encoders } as unknown as Partial<RunConfig>;
  const config = tinyImageRun('simclr-cifar', { view: tinyView }, changes);
  const run = {
    ...{ config, state: initialState(config, { frames: 8 }) },
    ...{ step: 0, checkpoint: '', data: { root: pictures } },
  };
  return async ({ out, signal, stream }) => {
    const training = await loadPictures(config.encoders.image!, { root: pictures }, { say: () => {} });
    const { classifier: made, model } = beginning({ run, folder: pictures, training }, 'trained');
    const classes = [...training.classes];
    const stage = { stage: 'finetuned', fraction: 1, layers: 0, steps: 4 } as const;
    await trainClassifier(made, model, {
      config: classifierConfig({ image: made.encoder, classes, ...stage }),
      indices: Int32Array.from(training.labels, (_, i) => i),
      ...{ training, dataRoot: pictures, from: undefined, out, signal, stream },
    }).catch((error: unknown) => {
      // Where it was stopped there is no classifier to give.
      if (signal?.aborted !== true) throw error;
    });
  };
};

/** What trains, an option that an earlier version did not have, by its key path, and a run with another value of it. */
const cases: ReadonlyArray<{
  readonly name: string;
  readonly train: Train;
  readonly option: readonly string[];
  readonly free: readonly string[];
  readonly other: Train;
}> = [
  {
    name: 'a detector',
    train: detector(),
    option: ['point3d', 'paste'],
    free: ['checkpoint', 'loader'],
    other: detector(['point3d.paste={"frames":2,"most":15,"leastPoints":5}']),
  },
  {
    name: 'a pretraining',
    train: pretraining(1e-5),
    option: ['encoders', 'image', 'batchNorm'],
    free: ['steps', 'epochs', 'checkpoint', 'loader'],
    other: pretraining(0.1),
  },
  {
    name: 'a classifier of pictures',
    train: classifier(1e-5),
    option: ['encoders', 'image', 'batchNorm'],
    free: ['checkpoint', 'loader'],
    other: classifier(0.1),
  },
];

async function json(...path: string[]): Promise<{ [key: string]: unknown }> {
  return JSON.parse(await readFile(join(...path), 'utf8'));
}

/** Trains until a step is done. */
async function trainTo(train: Train, step: number, out: string, resume = false): Promise<void> {
  const stopping = new AbortController();
  const write = (text: string) => {
    if (text.startsWith(`step ${step}/`)) stopping.abort();
  };
  await train({ out, resume, signal: stopping.signal, stream: { write } });
}

/** Makes a run's folder one of a version that did not have the option. */
async function makeOlder(out: string, option: readonly string[], free: readonly string[]): Promise<void> {
  const config = await json(out, 'config.json');
  const branch = option
    .slice(0, -1)
    .reduce((at, key) => at[key] as { [key: string]: unknown }, config as { [key: string]: unknown });
  expect(branch).toHaveProperty(option.at(-1)!);
  delete branch[option.at(-1)!];
  await writeFile(join(out, 'config.json'), JSON.stringify(config));
  const file = join((await checkpointOf(out)).folder, 'state.json');
  await writeFile(file, JSON.stringify({ ...(await json(file)), fingerprint: fingerprintBut(free)(config) }));
}

const lossesOf = async (out: string) =>
  (await readMetrics(out)).lines.map(({ step, loss }) => ({ step, loss }));

describe.each(cases)('$name, after an update that brings an option', ({ train, option, free, other }) => {
  let whole: Awaited<ReturnType<typeof lossesOf>>;
  beforeAll(async () => {
    const out = join(await mkdtemp(join(folder, 'whole-')), 'run');
    await train({ out, stream: quiet });
    whole = await lossesOf(out);
  });
  const older = async () => {
    const out = join(await mkdtemp(join(folder, 'older-')), 'run');
    await trainTo(train, 2, out);
    await makeOlder(out, option, free);
    return out;
  };

  it('goes on to the losses that it would have had', async () => {
    const out = await older();
    await train({ out, resume: true, stream: quiet });
    expect(await lossesOf(out)).toEqual(whole);
    const config = await json(out, 'config.json');
    expect(option.slice(0, -1).reduce((at, key) => at[key] as typeof config, config)).toHaveProperty(
      option.at(-1)!,
    );
  });

  it('goes on again where it was stopped before its next checkpoint', async () => {
    const out = await older();
    // The configuration is written anew, and nothing else.
    await train({ out, resume: true, signal: AbortSignal.abort(), stream: quiet });
    const { fingerprint } = await json((await checkpointOf(out)).folder, 'state.json');
    expect(fingerprint).not.toBe(fingerprintBut(free)(await json(out, 'config.json')));
    await train({ out, resume: true, stream: quiet });
    expect(await lossesOf(out)).toEqual(whole);
  });

  it('is refused with another value of it than before', async () => {
    const out = await older();
    await expect(other({ out, resume: true, stream: quiet })).rejects.toThrow(
      `config.json: ${option.join('.')}`,
    );
  });
});
