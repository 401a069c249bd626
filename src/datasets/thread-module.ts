/**
 * The URL of the module `name` beside the one whose URL is `from`, for threads to load: its TypeScript where `from` runs from the
 * sources, and what was built of it otherwise, or where the environment's POINTPAIR_BUILD is the URL of a build of these sources
 * (`file:///…/dist/`, up to date): threads begin in a third of the time with it.
 */
export function moduleBeside(from: string, name: string): string {
  const build = process.env.POINTPAIR_BUILD;
  if (!from.endsWith('.ts')) return new URL(`./${name}.js`, from).href;
  const source = new URL(`./${name}.ts`, from).href;
  const root = build === undefined ? undefined : new URL('..', build).href;
  if (root === undefined || !source.startsWith(root)) return source;
  return `${build}${source.slice(root.length, -'.ts'.length)}.js`;
}

/**
 * How threads have to be started that load these modules: with tsx where one is TypeScript. Where this runs from the sources and they
 * are built, without what this process was started with: tsx would look at each of their modules.
 */
export function threadOptions(...modules: readonly string[]): { readonly execArgv?: string[] } {
  if (modules.some((url) => url.endsWith('.ts'))) return { execArgv: ['--import', registerTsx()] };
  return import.meta.url.endsWith('.ts') ? { execArgv: [] } : {};
}

/** A module that teaches a thread TypeScript; tsx's own entry does so for a process's main thread only. */
function registerTsx(): string {
  const api = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return `data:text/javascript,import { register } from ${api}; register();`;
}
