import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';

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
  const fromSource = import.meta.url.endsWith('.ts');
  const tsx = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const pool = new Piscina<Task, Outcome>({
    filename: new URL(`./${module}${fromSource ? '.ts' : '.js'}`, import.meta.url).href,
    name,
    minThreads: threads,
    maxThreads: threads,
    atomics: 'disabled',
    ...(fromSource ? { execArgv: ['--import', tsx(), '--disable-warning=THREE_CJS_DEPRECATED'] } : {}),
  });
  return { run: (task) => pool.run(task), close: () => pool.destroy() };
}
