import type { DataSelection } from '../../datasets/data-selection.ts';
import { createLoader } from '../../datasets/loader.ts';
import { openObjectFrames } from '../../detection/detection-frames.ts';
import type { ModelTensors } from '../../detection/detector.ts';
import { Monorun } from '../../detection/monorun/monorun.ts';
import type { MonorunConfig } from '../../detection/monorun/monorun-config.ts';
import type { MonorunSample } from '../../detection/monorun/monorun-sample.ts';
import { jitteredBoxes, type ScoreExample, scoreExamples } from '../../detection/monorun/score-examples.ts';
import type { Device } from '../../engine/device.ts';
import { Random } from '../../engine/random.ts';
import { damageTeller } from '../run/damaged-frames.ts';
import { ProgressLine, type ProgressStream } from '../run/progress.ts';

/** Whose regions to collect, in which frames. */
export interface CollectOptions {
  readonly config: MonorunConfig;
  readonly batchSize: number;
  readonly seed: number;
  /** The detector as it is after training; it stays as it is. */
  readonly model: ModelTensors;
  readonly data: DataSelection;
  /** The labelled frames to look at, by index in the selection. */
  readonly frames: readonly number[];
  readonly workers: number;
  readonly device?: Device;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly stream?: ProgressStream;
}

/**
 * What MonoRUn makes of frames with labels: of its own boxes, and of the labels' boxes moved a little. All of what it
 * has got to where it was interrupted.
 */
export async function collectScoreExamples(options: CollectOptions): Promise<ScoreExample[]> {
  const { config, model, batchSize, data, seed } = options;
  const frames = await openObjectFrames(data);
  const order = Random.fromSeed(seed).fork('score frames').permutation(options.frames.length);
  const indices = Array.from(order.subarray(0, config.scoreHead?.frames), (i) => options.frames[i]);
  const detector = new Monorun(config, batchSize);
  const loader = createLoader<MonorunSample>({
    length: indices.length,
    batchSize,
    seed,
    source: detector.source({ ...data, frames: indices, training: false, withLabels: true }),
    workers: options.workers,
    shuffle: false,
    drawnBy: 'name',
    strict: data.strict,
  });
  const predictor = await detector.predictor(model, options);
  const progress = new ProgressLine({ total: indices.length, stream: options.stream, unit: 'frame' });
  const tellDamaged = damageTeller(data.root, (line) => progress.print(line));
  const examples: ScoreExample[] = [];
  try {
    for await (const { batch, indices: places } of loader.pass()) {
      tellDamaged(loader.failures);
      if (options.signal?.aborted) break;
      const begin = performance.now();
      const labels = await Promise.all(places.map((place) => frames.labels!(indices[place])));
      const random = places.map((place) =>
        Random.fromSeed(seed).fork('score boxes', frames.ids[indices[place]]),
      );
      const { classes, regionJitter: jitter } = config;
      const given = labels.map((own, i) => jitteredBoxes(own, random[i], { classes, jitter }));
      for (const found of [await predictor.solve(batch), await predictor.solve(batch, given)]) {
        for (const [i, own] of found.entries())
          examples.push(...scoreExamples(own, labels[i], batch[i].cameraFromLidar));
      }
      const samplesPerSecond = (1000 * batch.length) / (performance.now() - begin);
      progress.update({ step: places[places.length - 1] + 1, samplesPerSecond });
    }
    tellDamaged(loader.failures);
  } finally {
    progress.end();
    await loader.close();
    await predictor.dispose();
  }
  return examples;
}
