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
import {
  type ClassifierModel,
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
  | 'finetune'
  | 'finetuneSteps'
  | 'finetuneLayer'
  | 'distil'
  | 'device'
  | 'threads'
  | 'signal'
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

/**
 * Right answers, percent, of an encoder with a linear layer that is trained whole on a share of the labels, from the run's
 * weights and from random ones; the same pictures, order and number of steps for both. With `finetuneLayer` the first layers of
 * the run's projection head stay between the encoder and the linear layer (SimCLR v2); with `distil` the run's encoder then
 * learns the probabilities of the network that was trained from it, on all pictures without labels.
 */
export async function finetuneFractions(options: Options): Promise<ProbeReport['finetune']> {
  const { training, test, finetune, finetuneSteps: steps, finetuneLayer = 0, distil, say } = options;
  const begin = { trained: beginning(options, 'trained'), scratch: beginning(options, 'scratch') };
  const { device, threads, signal } = options;
  const how = { training, device, threads, signal };
  const results = [];
  for (const { fraction, indices } of labelFractions(training.labels, {
    classes: training.classes.length,
    seed: 0,
    fractions: finetune,
  })) {
    const tuned = async (name: string, { classifier, model }: Beginning) => {
      say(`fine-tuning from ${name} on ${indices.length} labels`);
      const made = await trainClassifier(classifier, model, { ...how, indices, steps, seed: 'finetune' });
      const accuracy = 100 * (await classifierAccuracy(classifier, made, test, how));
      return { classifier, model: made, accuracy };
    };
    const teacher = await tuned('the run', begin.trained);
    const { accuracy: fromScratch } = await tuned('scratch', begin.scratch);
    const result = {
      fraction,
      pretrained: teacher.accuracy,
      fromScratch,
      ...(finetuneLayer > 0 && { layer: finetuneLayer }),
    };
    if (distil === undefined) {
      results.push(result);
      continue;
    }
    say(`distilling what was fine-tuned on ${indices.length} labels into all pictures`);
    const student = beginning({ ...options, finetuneLayer: 0 }, 'trained');
    const made = await trainClassifier(student.classifier, student.model, {
      ...how,
      indices: Int32Array.from(training.labels, (_, i) => i),
      steps: distil.steps,
      seed: 'distil',
      teacher: { ...teacher, temperature: distil.temperature },
    });
    const distilled = 100 * (await classifierAccuracy(student.classifier, made, test, how));
    results.push({ ...result, distilled });
  }
  return results;
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
  const { parts } = createPretraining(run.config, run.config.batchSize);
  const heads = parts.flatMap(({ name, objective: { projection } }) =>
    projection === undefined ? [] : [{ objective: name, projection, layers }],
  );
  const fault = (expected: string, found: string) =>
    new InputError({ file: folder, place: 'fine-tuning', expected, found });
  if (heads.length === 0) {
    const names = parts.map(({ name }) => name).join(', ');
    throw fault('a system whose projection head can be kept, such as simclr', names);
  }
  const [head] = heads;
  if (layers <= head.projection.layers) return head;
  throw fault(`at most the ${head.projection.layers} layers of ${head.objective}'s head`, `${layers}`);
}
