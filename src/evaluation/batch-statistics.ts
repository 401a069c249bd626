import { createLoader } from '../datasets/loader.ts';
import { compile } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import { float32, type HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { branchAt } from '../nn/layer.ts';
import type { DataSelection } from '../objectives/objective.ts';
import { Simipu } from '../objectives/simipu.ts';
import type { SimipuConfig } from '../objectives/simipu-config.ts';
import type { SimipuSample } from '../objectives/simipu-sample.ts';
import { openFrames } from '../objectives/simipu-source.ts';

type Tensors = Tree<HostTensor>;

/** The parameters and running statistics of a model. */
export interface ModelState {
  readonly params: Tensors;
  readonly stats: Tensors;
}

/** Gives models of one form the statistics of some batches. */
export interface StatisticsOfBatches {
  /** The model with the mean statistics of the batches as its running ones. */
  run(model: ModelState): Promise<ModelState>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/**
 * Full batches of the first usable frames of a selection, at most `frames` frames but one batch at least, each frame once,
 * always the same for a seed. Throws an InputError where there are fewer frames than a batch has.
 */
export async function batchesOf(
  objective: Simipu,
  data: DataSelection,
  { frames, seed }: { readonly frames: number; readonly seed: number },
): Promise<Tensors[]> {
  const { length } = await openFrames(data);
  const { batchSize } = objective;
  const loader = createLoader<SimipuSample>({
    length,
    batchSize,
    seed,
    source: objective.source(data),
    shuffle: false,
    strict: data.strict,
  });
  const batches: Tensors[] = [];
  for await (const { batch } of loader.pass({ dropLast: true })) {
    batches.push(objective.collate(batch));
    if ((batches.length + 1) * batchSize > frames) break;
  }
  await loader.close();
  if (batches.length > 0) return batches;
  throw new InputError({
    file: data.root,
    place: data.imageSet,
    expected: `at least one batch of ${batchSize} usable frames to evaluate`,
    found: `${length - loader.failures.size}`,
  });
}

/**
 * What gives models of the form of `model` the statistics of the `calibration` batches, which an untrained model lacks:
 * it is then compared with a trained one on equal terms.
 */
export async function statisticsOf(
  config: SimipuConfig,
  batchSize: number,
  {
    calibration,
    model,
    device,
  }: { readonly calibration: readonly Tensors[]; readonly model: ModelState; readonly device?: Device },
): Promise<StatisticsOfBatches> {
  const whole = <Norm extends { readonly momentum: number }>(norm: Norm): Norm => ({ ...norm, momentum: 1 });
  const objective = new Simipu(
    {
      ...config,
      headBatchNorm: whole(config.headBatchNorm),
      pointEncoder: { ...config.pointEncoder, batchNorm: whole(config.pointEncoder.batchNorm) },
      imageEncoder: { ...config.imageEncoder, batchNorm: whole(config.imageEncoder.batchNorm) },
    },
    batchSize,
  );
  const step = await compile(
    (state, batch) => {
      const params = branchAt(state, 'params');
      const { stats } = objective.loss(params, branchAt(state, 'stats'), batch, { training: true });
      return [state, { stats }];
    },
    { state: { ...model }, batch: calibration[0], device },
  );
  return {
    run: async ({ params, stats }) => {
      const observed: Array<ReadonlyMap<string, HostTensor>> = [];
      for (const batch of calibration) {
        const { outputs } = await step.run({ params, stats }, batch);
        observed.push(new Map(leavesOf(branchAt(outputs, 'stats'))));
      }
      const mean = (path: string, i: number) =>
        observed.reduce((sum, leaves) => sum + leaves.get(path)!.data[i], 0) / observed.length;
      const means = mapTree(stats, ({ shape, data }, path) =>
        float32(
          Float32Array.from(data, (_, i) => mean(path, i)),
          shape,
        ),
      );
      return { params, stats: means };
    },
    dispose: () => step.dispose(),
  };
}
