import { ProgressLine } from '../src/training/run/progress.ts';
import { type ClassifierOptions, classifierShape, classifierTraining } from './classifier.ts';
import { type Row, rowOf } from './measurement.ts';
import { peakMemoryMiB } from './peak-memory.ts';
import { ourselves } from './result.ts';

/** The network, the images, and how often it is trained on them. */
export interface MemoryBenchOptions extends ClassifierOptions {
  readonly threads: number;
  readonly steps: number;
}

/** After how much of the steps memory is looked at, %. By the first, what is made once has been made. */
const shares = [5, 25, 50, 75, 100];

/**
 * Whether a long run holds on to memory: the training step of `engine`, many times in a row. `resident memory`: what the
 * process holds after a share of the steps; `memory growth`: from the first share to the last; `peak memory`: the most
 * that the process has ever held, compiling the step included.
 */
export async function benchMemory({ steps, ...work }: MemoryBenchOptions): Promise<Row[]> {
  const description = {
    shape: `${classifierShape(work)}, ${steps} steps`,
    by: ourselves,
    threads: work.threads,
    unit: 'MiB',
    warmup: 0,
  } as const;
  const held = await memoryAlong(steps, work);
  const peak = peakMemoryMiB();
  const row = (name: string, mib: number) => rowOf({ ...description, name }, [mib]);
  return [
    ...held.map((mib, i) => row(`resident memory after ${shares[i]} %`, mib)),
    row(`memory growth from ${shares[0]} % to ${shares.at(-1)} %`, held.at(-1)! - held[0]),
    row('peak memory', peak),
  ];
}

/** The resident memory after each share of the steps, MiB. Progress goes to stderr. */
async function memoryAlong(steps: number, work: ClassifierOptions): Promise<number[]> {
  const training = await classifierTraining(work);
  const progress = new ProgressLine({ total: steps });
  const held: number[] = [];
  const begin = performance.now();
  try {
    for (let step = 1; step <= steps; step++) {
      await training.run();
      while (held.length < shares.length && 100 * step >= shares[held.length] * steps)
        held.push(process.memoryUsage.rss() / 2 ** 20);
      const seconds = (performance.now() - begin) / 1000;
      progress.update({ step, samplesPerSecond: (step * work.batch) / seconds });
    }
  } finally {
    progress.end();
    await training.dispose();
  }
  return held;
}
