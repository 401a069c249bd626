import { Piscina } from 'piscina';
import { moduleBeside, threadOptions } from '../thread-module.ts';

/** Threads that make frames. */
export interface SceneRunner<Task, Outcome> {
  run(task: Task): Promise<Outcome>;
  close(): Promise<void>;
}

/** So many threads that run a function of a module beside this one, named without its ending; 0 runs `here` in this thread. */
export function createRunner<Task, Outcome>(
  threads: number,
  {
    module,
    name,
    here,
  }: { readonly module: string; readonly name: string; here(task: Task): Promise<Outcome> },
): SceneRunner<Task, Outcome> {
  if (threads === 0) return { run: here, close: async () => {} };
  const filename = moduleBeside(import.meta.url, module);
  const pool = new Piscina<Task, Outcome>({
    filename,
    name,
    minThreads: threads,
    maxThreads: threads,
    atomics: 'disabled',
    ...threadOptions(filename),
  });
  return { run: (task) => pool.run(task), close: () => pool.destroy() };
}
