import type { DataSelection } from '../../datasets/data-selection.ts';
import { Stopwatch } from '../../datasets/stopwatch.ts';
import { compile } from '../../engine/compile.ts';
import type { Device } from '../../engine/device.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { type ClipLogits, type OrderScores, orderChance, orderScores } from '../../evaluation/clip-orders.ts';
import { branchAt, branchOrNone, leafAt } from '../../nn/layer.ts';
import { seenBy } from '../../objectives/combine.ts';
import type { OrderReading } from '../../objectives/order-reading.ts';
import { collateViews } from '../../views/collate-views.ts';
import { viewSource } from '../../views/draw-views.ts';
import type { DrawnSample } from '../../views/drawn-view.ts';
import { createPretraining } from '../create-pretraining.ts';
import { initialState } from '../pretrain.ts';
import type { TrainedRun } from '../run/model-state.ts';

/** Which run's order is measured, on which drives. */
export interface OrderMeasureOptions {
  readonly run: TrainedRun;
  readonly data: DataSelection;
  /** Models with random weights to compare with. */
  readonly randomSeeds: number;
  readonly device?: Device;
  readonly threads?: number;
  readonly say: (line: string) => void;
}

/** How well a run puts the frames of shuffled clips in order, beside models with random weights and guessing. */
export interface OrderReport {
  /** Clips that were drawn, one of each frame that lies in one. */
  readonly clips: number;
  readonly frames: number;
  readonly gapS: number;
  readonly direction: 'forward' | 'either';
  readonly trained: OrderScores;
  readonly random: readonly OrderScores[];
  readonly chance: OrderScores;
}

/** Clips that are looked at together. */
const BATCH = 4;

/**
 * Measures how well a run puts clips of drives in order, drawn and shuffled as in its training, one of each frame that lies in a clip; null
 * where none of its objectives says an order. The run's batch norms go by running statistics, those of models with random weights
 * by the batch's. Throws an InputError where the drives have no such clip.
 */
export async function measureOrder(options: OrderMeasureOptions): Promise<OrderReport | null> {
  const { run, data, randomSeeds, say } = options;
  const part = createPretraining(run.config, BATCH).parts.find(({ objective }) => objective.order);
  if (part === undefined) return null;
  const order = part.objective.order!;
  const views = { [order.view]: part.objective.views[order.view] };
  const source = await viewSource({ data, views });
  const draw = async (index: number): Promise<DrawnSample> =>
    source.sample(index, Random.fromSeed('order').fork(source.ids![index]), 0, new Stopwatch());
  const { frames, gapS, direction } = order;
  const own = (state: Tree<HostTensor>) => {
    const [params, stats] = [branchAt(state, 'params'), branchOrNone(state, 'stats')];
    const { memory: _, ...seen } = seenBy(part.name, { params, stats, memory: {} });
    return seen;
  };
  const random = Array.from({ length: randomSeeds }, (_, i) =>
    own(initialState({ ...run.config, seed: run.config.seed + 1000 * (i + 1) }, { frames: 1 })),
  );
  say(`the order of ${source.length} clips, by the run and ${randomSeeds} models with random weights`);
  const given = {
    length: source.length,
    draw,
    order,
    collate: (of: DrawnSample[]) => collateViews(of, views),
  };
  const [trained] = await readClips([own(run.state)], { ...given, training: false }, options);
  const guessed = randomSeeds === 0 ? [] : await readClips(random, { ...given, training: true }, options);
  const scored = (clips: readonly ClipLogits[]) => orderScores(clips, { frames, direction });
  return {
    ...{ clips: source.length, frames, gapS, direction },
    trained: scored(trained),
    random: guessed.map(scored),
    chance: orderChance(frames, direction),
  };
}

/** The logits of all clips by each of the models. */
async function readClips(
  models: ReadonlyArray<Tree<HostTensor>>,
  given: {
    readonly length: number;
    readonly draw: (index: number) => Promise<DrawnSample>;
    readonly collate: (samples: DrawnSample[]) => Tree<HostTensor>;
    readonly order: OrderReading;
    readonly training: boolean;
  },
  { device, threads }: Pick<OrderMeasureOptions, 'device' | 'threads'>,
): Promise<ClipLogits[][]> {
  const { length, draw, collate, order, training } = given;
  const { frames } = order;
  const found: ClipLogits[][] = models.map(() => []);
  let step: Awaited<ReturnType<typeof compile>> | undefined;
  try {
    for (let begin = 0; begin < length; begin += BATCH) {
      // After the last one it begins anew, so that every batch is full.
      const samples = await Promise.all(Array.from({ length: BATCH }, (_, i) => draw((begin + i) % length)));
      const batch = branchAt(collate(samples), order.view);
      step ??= await compile(
        (state, drawn) => {
          const model = { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
          return [state, { logits: order.logits(model, drawn, { training }).logits }];
        },
        { state: models[0], batch, device, threads },
      );
      const { data: places } = leafAt(batch, 'order');
      for (const [m, model] of models.entries()) {
        const { outputs } = await step.run(model, batch);
        const { data: logits } = leafAt(outputs, 'logits') as HostTensor;
        for (let clip = 0; clip < Math.min(BATCH, length - begin); clip++) {
          found[m].push({
            logits: Array.from(logits.subarray(clip * frames * frames, (clip + 1) * frames * frames), Number),
            order: Array.from({ length: frames }, (_, position) => Number(places[position * BATCH + clip])),
          });
        }
      }
    }
  } finally {
    await step?.dispose();
  }
  return found;
}
