import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initEncoders } from '../../encoders/encoders.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import type { ProbeReport } from '../../evaluation/probe-report.ts';
import { labelFractions } from '../../evaluation/probes/label-fractions.ts';
import { branchAt, branchOrNone } from '../../nn/layer.ts';
import type { Projection } from '../../objectives/objective.ts';
import { branchesOf } from '../../objectives/parts/momentum.ts';
import { createPretraining } from '../create-pretraining.ts';
import { describeTraining } from '../run/encoder-run.ts';
import { type ClassifierStage, classifierConfig } from './classifier-config.ts';
import {
  type ClassifierModel,
  type ClassifierTeacher,
  classifierAccuracy,
  type PictureClassifier,
  trainClassifier,
} from './picture-classifier.ts';
import type { ProbeOptions } from './probe-run.ts';
import type { ProbedItems } from './probed-items.ts';

type Options = Pick<
  ProbeOptions,
  | 'run'
  | 'folder'
  | 'data'
  | 'finetune'
  | 'finetuneSteps'
  | 'finetuneLayer'
  | 'distil'
  | 'keep'
  | 'device'
  | 'threads'
  | 'signal'
  | 'stream'
  | 'say'
> & {
  readonly training: ProbedItems;
  readonly test: ProbedItems;
};

type Begun = Pick<Options, 'run' | 'folder' | 'training' | 'finetuneLayer'>;

/** A classifier, and what it begins with, but for its linear layer. */
interface Beginning {
  readonly classifier: PictureClassifier;
  readonly model: ClassifierModel;
}

/** A classifier that is to be trained, and what it is called. */
interface Stage extends Beginning {
  readonly stage: ClassifierStage;
  readonly fraction: number;
  readonly indices: Int32Array;
  readonly steps: number;
  readonly teacher?: ClassifierTeacher;
}

/**
 * Right answers, percent, of an encoder with a linear layer that is trained whole on a share of the labels, from the run's
 * weights and from random ones; the same pictures, order and number of steps for both. With `finetuneLayer` the first layers of
 * the run's projection head stay between the encoder and the linear layer (SimCLR v2); with `distil` the run's encoder, or that of
 * another run, then learns the probabilities of the network that was trained from it, on all pictures without labels.
 * Each of them is a run of its own, `<share>-<stage>` in the folder `keep`, which goes on where it was stopped; without `keep` they
 * are removed.
 */
export async function finetuneFractions(options: Options): Promise<ProbeReport['finetune']> {
  const { keep } = options;
  if (keep !== undefined) return stagesIn(keep, options);
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-finetune-'));
  try {
    return await stagesIn(folder, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function stagesIn(folder: string, options: Options): Promise<ProbeReport['finetune']> {
  const { training, finetune, finetuneSteps: steps, finetuneLayer = 0, distil, say } = options;
  const begin = { trained: beginning(options, 'trained'), scratch: beginning(options, 'scratch') };
  const student = distil && studentOf(options);
  const results = [];
  for (const { fraction, indices } of labelFractions(training.labels, {
    classes: training.classes.length,
    seed: 0,
    fractions: finetune,
  })) {
    const labelled = { fraction, indices, steps };
    say(`fine-tuning from the run on ${indices.length} labels`);
    const teacher = await trained(folder, { ...begin.trained, ...labelled, stage: 'finetuned' }, options);
    say(`fine-tuning from scratch on ${indices.length} labels`);
    const scratch = await trained(folder, { ...begin.scratch, ...labelled, stage: 'scratch' }, options);
    const result = {
      fraction,
      pretrained: teacher.accuracy,
      fromScratch: scratch.accuracy,
      ...(finetuneLayer > 0 && { layer: finetuneLayer }),
    };
    if (distil === undefined) {
      results.push(result);
      continue;
    }
    say(`distilling what was fine-tuned on ${indices.length} labels into all pictures`);
    const { accuracy: distilled } = await trained(
      folder,
      {
        ...student!,
        ...{ stage: 'distilled', fraction, steps: distil.steps },
        indices: Int32Array.from(training.labels, (_, i) => i),
        teacher: { ...teacher, temperature: distil.temperature },
      },
      options,
    );
    results.push({ ...result, distilled });
  }
  return results;
}

/** A trained classifier, and its share of right answers on the test pictures, percent. */
async function trained(
  folder: string,
  { classifier, model, stage, fraction, indices, steps, teacher }: Stage,
  options: Options,
): Promise<Beginning & { readonly accuracy: number }> {
  const { training, test, data, finetuneLayer = 0, distil, device, threads, signal, stream } = options;
  const layers = stage === 'distilled' ? 0 : finetuneLayer;
  const { classes } = training;
  const temperature = teacher && { temperature: teacher.temperature };
  const begun = stage === 'distilled' ? (distil?.student ?? options) : options;
  const made = await trainClassifier(classifier, model, {
    config: classifierConfig({
      ...{ image: classifier.encoder, stage, fraction, layers, classes: [...classes], steps },
      ...temperature,
    }),
    ...{ training, indices, teacher, device, threads, signal, stream },
    dataRoot: data,
    from: stage === 'scratch' ? undefined : { run: begun.folder, step: begun.run.step },
    out: join(folder, `${fraction}-${stage}`),
  });
  const accuracy = 100 * (await classifierAccuracy(classifier, made, test, { device, threads }));
  return { classifier, model: made, accuracy };
}

/** What a student begins with: the run's encoder without layers of a head, or that of another run that sees the same pictures. */
function studentOf({ distil, ...options }: Options): Beginning {
  if (distil?.student === undefined) return beginning({ ...options, finetuneLayer: 0 }, 'trained');
  const { run, folder } = distil.student;
  const { image } = run.config.encoders;
  const expected = options.run.config.encoders.image!.input;
  const words = ({ width, height, colours }: typeof expected) =>
    `pictures of ${width} x ${height}, ${colours}`;
  if (image === undefined || words(image.input) !== words(expected)) {
    throw new InputError({
      file: folder,
      place: 'encoders.image',
      expected: `an image encoder of ${words(expected)}, as its teacher sees them`,
      found: image === undefined ? 'none' : words(image.input),
    });
  }
  return beginning({ ...options, run, folder, finetuneLayer: 0 }, 'trained');
}

/** The run's encoder with what is kept of its head, or the same with random weights. */
export function beginning(options: Begun, from: 'trained' | 'scratch'): Beginning {
  const { run, training } = options;
  const encoder = run.config.encoders.image!;
  const kept = keptProjection(options);
  const projection = kept?.projection.first(kept.layers);
  const classifier = { encoder, projection, classes: training.classes.length };
  const random = Random.fromSeed('finetune');
  const drawn = projection?.net.initialize(random.fork('projection'));
  if (from === 'scratch') {
    const { params, stats } = initEncoders(random.fork('encoder'), { image: encoder });
    const own = (part: 'params' | 'stats'): Tree<HostTensor> => ({
      ...(Object.keys(drawn?.[part] ?? {}).length > 0 && { projection: drawn![part] }),
    });
    return {
      classifier,
      model: { params: { ...params, ...own('params') }, stats: { ...stats, ...own('stats') } },
    };
  }
  const of = (part: 'params' | 'stats'): Tree<HostTensor> => {
    const all = branchOrNone(run.state, part);
    const image = branchOrNone(all, 'imageEncoder');
    const own = Object.keys(drawn?.[part] ?? {});
    return {
      ...(Object.keys(image).length > 0 && { imageEncoder: image }),
      // Its layers by their names, none of those behind them.
      ...(own.length > 0 && {
        projection: branchesOf(branchAt(branchAt(all, kept!.objective), kept!.projection.name), own),
      }),
    };
  };
  return { classifier, model: { params: of('params'), stats: of('stats') } };
}

/** The projection head of the run's first objective that has one, of which layers are to be kept. */
function keptProjection({
  run,
  folder,
  finetuneLayer: layers = 0,
}: Begun):
  | { readonly objective: string; readonly projection: Projection; readonly layers: number }
  | undefined {
  if (layers === 0) return undefined;
  const parts = 'objectives' in run.config ? createPretraining(run.config, run.config.batchSize).parts : [];
  const heads = parts.flatMap(({ name, objective: { projection } }) =>
    projection === undefined ? [] : [{ objective: name, projection, layers }],
  );
  const fault = (expected: string, found: string) =>
    new InputError({ file: folder, place: 'fine-tuning', expected, found });
  if (heads.length === 0) {
    throw fault('a system whose projection head can be kept, such as simclr', describeTraining(run.config));
  }
  const [head] = heads;
  if (layers <= head.projection.layers) return head;
  throw fault(`at most the ${head.projection.layers} layers of ${head.objective}'s head`, `${layers}`);
}
