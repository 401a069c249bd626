import { Piscina } from 'piscina';
import { type Outcome, type SampleRequest, type SourceSetting, sampleMaker } from './loader-source.ts';
import { moduleBeside, threadOptions } from './thread-module.ts';

/** What makes samples for a loader, in this thread or in others. */
export interface SampleRunner<Sample> {
  run(request: SampleRequest): Promise<Outcome<Sample>>;
  /** Ends all threads; what still runs is given up, and its promises reject. */
  close(): Promise<void>;
}

/** Makes samples in this thread. */
export function runInProcess<Sample>(setting: SourceSetting): SampleRunner<Sample> {
  return { run: sampleMaker<Sample>(setting), close: async () => {} };
}

/**
 * Makes samples in so many worker threads, each with the source opened for itself; `ahead` is the most requests that are
 * under way at a time.
 */
export function runInWorkers<Sample>(
  setting: SourceSetting,
  { workers, ahead }: { readonly workers: number; readonly ahead: number },
): SampleRunner<Sample> {
  const filename = moduleBeside(import.meta.url, 'loader-worker');
  const pool = new Piscina<SampleRequest, Outcome<Sample>>({
    filename,
    name: 'makeSample',
    minThreads: workers,
    maxThreads: workers,
    // Requests wait in the threads, not here: a step blocks this thread while it runs, and nobody would hand out the next.
    concurrentTasksPerWorker: Math.ceil(ahead / workers),
    // Samples take milliseconds, so a spared wake-up gains nothing, and a source may keep asynchronous work of its own.
    atomics: 'disabled',
    workerData: setting,
    ...threadOptions(filename, setting.source.module),
  });
  // A thread that dies without a task is told here only; its tasks would wait for ever.
  const broken = new Set<(error: Error) => void>();
  let failure: Error | undefined;
  pool.on('error', (error: Error) => {
    failure = error;
    for (const reject of broken) reject(error);
  });
  return {
    run: (request) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        broken.add(reject);
        pool
          .run(request)
          .then(resolve, reject)
          .finally(() => broken.delete(reject));
      }),
    close: () => pool.destroy(),
  };
}
