/** A module that teaches a worker thread TypeScript; tsx's own entry does so for a process's main thread only. */
export function registerTsx(): string {
  const api = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return `data:text/javascript,import { register } from ${api}; register();`;
}
