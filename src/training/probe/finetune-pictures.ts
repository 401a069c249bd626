import type * as tf from '@tensorflow/tfjs-core';
import { imageEncoderChannels } from '../../encoders/encoder-config.ts';
import { imageEncoderNet, initEncoders } from '../../encoders/encoders.ts';
import { linearNet, running } from '../../encoders/net.ts';
import type { Learner, Model } from '../../encoders/trainable.ts';
import { type CompiledStep, compile, type ResidentState } from '../../engine/compile.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import { isResident } from '../../engine/resident-state.ts';
import type { Tree } from '../../engine/tree.ts';
import type { PictureEncoder } from '../../evaluation/frozen-features.ts';
import { accuracyOf, largestColumns } from '../../evaluation/probes/accuracy.ts';
import { labelFractions } from '../../evaluation/probes/label-fractions.ts';
import { applyImageView, randomFlip, randomResizedCrop } from '../../image/augment.ts';
import { imageView } from '../../image/image-view.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import { branchAt, branchOrNone, leafAt } from '../../nn/layer.ts';
import { initOptimizer, type ParameterGroup, ratesAt } from '../../nn/parameter-groups.ts';
import { softCrossEntropy } from '../../objectives/parts/cross-entropy.ts';
import { trainStep } from '../train-step.ts';
import type { ProbeOptions } from './probe-run.ts';
import { canvasBatch, type ProbedItems } from './probed-items.ts';

/** The whole network is trained on labelled pictures like this: half a cosine from these rates, on crops and mirrored. */
const recipe = {
  batchSize: 64,
  encoderRate: 0.02,
  headRate: 0.1,
  weightDecay: 5e-4,
  area: [0.4, 1],
} as const;

type Options = Pick<
  ProbeOptions,
  'run' | 'finetune' | 'finetuneSteps' | 'device' | 'threads' | 'signal' | 'say'
> & {
  readonly training: ProbedItems;
  readonly test: ProbedItems;
};

/**
 * Right answers, percent, of an encoder with a linear layer that is trained whole on a share of the labels, from the run's
 * weights and from random ones; the same pictures, order and number of steps for both.
 */
export async function finetuneFractions(
  options: Options,
): Promise<Array<{ fraction: number; pretrained: number; fromScratch: number }>> {
  const { run, training, finetune, say } = options;
  const encoder = run.config.encoders.image!;
  const scratch = initEncoders(Random.fromSeed('finetune').fork('encoder'), { image: encoder });
  const trained = { params: branchAt(run.state, 'params'), stats: branchOrNone(run.state, 'stats') };
  const results = [];
  for (const { fraction, indices } of labelFractions(training.labels, {
    classes: training.classes.length,
    seed: 0,
    fractions: finetune,
  })) {
    const each: number[] = [];
    for (const [name, model] of [
      ['the run', trained],
      ['scratch', scratch],
    ] as const) {
      say(`fine-tuning from ${name} on ${indices.length} labels`);
      each.push(100 * (await trainedAccuracy(encoder, model, indices, options)));
    }
    results.push({ fraction, pretrained: each[0], fromScratch: each[1] });
  }
  return results;
}

async function trainedAccuracy(
  encoder: PictureEncoder,
  begin: Pick<Model<HostTensor>, 'params' | 'stats'>,
  indices: Int32Array,
  { training, test, finetuneSteps: total, device, threads, signal }: Options,
): Promise<number> {
  const { batchSize } = recipe;
  const classes = training.classes.length;
  const net = imageEncoderNet(encoder);
  const head = linearNet({ inputs: imageEncoderChannels(encoder), outputs: classes });
  const forward = (model: Pick<Model, 'params' | 'stats'>, image: tf.Tensor, mode: { training: boolean }) => {
    const network = running(model, mode);
    const logits = network.of('head', head, network.of('imageEncoder', net, image));
    return { logits, stats: network.stats };
  };
  const learner: Learner = {
    loss: (model, batch, mode) => {
      const { logits, stats } = forward(model, leafAt(batch, 'image'), mode);
      return { loss: softCrossEntropy(logits, leafAt(batch, 'target')), terms: {}, metrics: {}, stats };
    },
  };
  const made = head.initialize(Random.fromSeed('finetune').fork('head'));
  const params = { imageEncoder: branchAt(begin.params, 'imageEncoder'), head: made.params };
  const group = (name: string, match: string[], learningRate: number): ParameterGroup => ({
    name,
    match,
    optimizer: { kind: 'sgd', momentum: 0.9 },
    learningRate,
    weightDecay: recipe.weightDecay,
  });
  const groups = [
    group('encoder', ['imageEncoder'], recipe.encoderRate),
    group('head', [''], recipe.headRate),
  ];
  let state: Tree<HostTensor> | ResidentState = {
    params,
    stats: { imageEncoder: branchOrNone(begin.stats, 'imageEncoder') },
    optimizer: initOptimizer(groups, params),
  };
  const random = Random.fromSeed('finetune').fork('pictures');
  const orders = new Map<number, Int32Array>();
  const orderOf = (epoch: number): Int32Array => {
    const order = orders.get(epoch) ?? random.fork('epoch', epoch).permutation(indices.length);
    orders.set(epoch, order);
    return order;
  };
  let step: CompiledStep | undefined;
  try {
    for (let done = 0; done < total; done++) {
      signal?.throwIfAborted();
      const own = random.fork(done);
      const chosen = Array.from({ length: batchSize }, (_, i) => {
        const place = done * batchSize + i;
        return indices[orderOf(Math.floor(place / indices.length))[place % indices.length]];
      });
      const images = chosen.map((index, i) => augmented(training.images![index], own.fork(i)));
      const target = new Float32Array(batchSize * classes);
      chosen.forEach((index, i) => {
        target[i * classes + training.labels[index]] = 1;
      });
      const data = {
        ...canvasBatch(images, encoder, { begin: 0, count: batchSize }),
        target: float32(target, [batchSize, classes]),
      };
      const rates = {
        ...ratesAt(groups, { kind: 'cosine', length: 1 }, { progress: done / total, share: done / total }),
      };
      const batch: Tree<HostTensor> = { data, rates };
      step ??= await compile(trainStep(learner, groups), {
        state: state as Tree<HostTensor>,
        batch,
        device,
        threads,
      });
      state = (await step.run(state, batch)).state;
    }
    if (isResident(state)) state = await state.read();
  } finally {
    await step?.dispose();
  }
  return accuracyOn(test, state, { encoder, classes, forward, device, threads });
}

function augmented(image: RgbImage, random: Random): RgbImage {
  const { width, height } = image;
  const cropped = randomResizedCrop(imageView(image), random.fork('crop'), {
    width,
    height,
    area: recipe.area,
  });
  return applyImageView(image, randomFlip(cropped, random.fork('flip')));
}

async function accuracyOn(
  test: ProbedItems,
  state: Tree<HostTensor>,
  {
    encoder,
    classes,
    forward,
    device,
    threads,
  }: {
    readonly encoder: PictureEncoder;
    readonly classes: number;
    readonly forward: (
      model: Pick<Model, 'params' | 'stats'>,
      image: tf.Tensor,
      mode: { training: boolean },
    ) => { readonly logits: tf.Tensor };
  } & Pick<Options, 'device' | 'threads'>,
): Promise<number> {
  const model = { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
  const first = canvasBatch(test.images!, encoder, { begin: 0, count: 128 });
  const step = await compile(
    (current, batch) => {
      const parts = { params: branchAt(current, 'params'), stats: branchOrNone(current, 'stats') };
      return [current, { logits: forward(parts, leafAt(batch, 'image'), { training: false }).logits }];
    },
    { state: model, batch: first, device, threads },
  );
  const predictions: number[] = [];
  try {
    for await (const { inputs, rows } of test.batches().batches) {
      const { outputs } = await step.run(model, inputs);
      const logits = Float64Array.from((outputs.logits as HostTensor).data.subarray(0, rows * classes));
      predictions.push(...largestColumns(logits, classes));
    }
  } finally {
    await step.dispose();
  }
  return accuracyOf(predictions, test.labels).accuracy;
}
