import type { DataSelection } from '../src/datasets/data-selection.ts';
import { createLoader } from '../src/datasets/loader.ts';
import type { RunConfig } from '../src/training/config.ts';
import { createPretraining } from '../src/training/create-pretraining.ts';
import type { DrawnSample } from '../src/views/drawn-view.ts';
import { openViewFrames } from '../src/views/open-view-frames.ts';
import { alternate, timed } from './alternate.ts';
import { type Row, rowOf } from './measurement.ts';
import { ourselves } from './result.ts';

/** Which frames are loaded, to what, and by how many. */
export interface LoaderBenchOptions {
  readonly preset: string;
  readonly config: RunConfig;
  readonly data: DataSelection;
  /** Worker threads; a row for each number. 0 makes samples in the main thread. */
  readonly workers: readonly number[];
  /** Batches that are timed, and those before them that are not. */
  readonly runs: number;
  readonly warmup: number;
}

/** `files to batches`: frames a second from the disk to a batch that the network can take, with nothing else to do. */
export async function benchLoader(options: LoaderBenchOptions): Promise<Row[]> {
  const { preset, config, data, runs, warmup } = options;
  const pretraining = createPretraining(config, config.batchSize);
  const frames = await openViewFrames(data, pretraining.views);
  const rows: Row[] = [];
  for (const workers of options.workers) {
    const loader = createLoader<DrawnSample>({
      length: frames.length,
      batchSize: config.batchSize,
      seed: config.seed,
      source: pretraining.source(data),
      workers,
      prefetch: config.loader.prefetch,
    });
    const batches = loader.from();
    const take = timed(async () => {
      const { value } = await batches.next();
      pretraining.collate(value!.batch);
    });
    // What was made ahead while the threads started is taken before the first batch that counts.
    const untimed = warmup + config.loader.prefetch;
    const name = 'files to batches';
    const [times] = await alternate([take], { runs, warmup: untimed, name: `${name}, ${workers} workers` });
    await loader.close();
    const shape = `${preset}, batch ${config.batchSize}, ${workers} workers`;
    rows.push(
      rowOf(
        { name, shape, by: ourselves, threads: Math.max(1, workers), unit: 'frames/s', warmup: untimed },
        times.map((ms) => (1000 * config.batchSize) / ms),
      ),
    );
  }
  return rows;
}
