import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../architecture/source-files.ts';

/** Runs a program to its end, in an environment without what npm tells its own scripts. */
export function launch(
  program: string,
  args: readonly string[],
  folder: string,
  variables: { readonly [name: string]: string } = {},
) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(lifecycle|package|command)|NODE_OPTIONS)/.test(name),
  );
  const result = spawnSync(program, args, {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...variables },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (result.error !== undefined) throw result.error;
  return result;
}

/** What a finished program said; thrown as an error unless it ended with exit code 0. */
export function run(
  program: string,
  args: readonly string[],
  folder: string,
  variables: { readonly [name: string]: string } = {},
): string {
  const { status, stdout, stderr } = launch(program, args, folder, variables);
  if (status !== 0) {
    throw new Error(
      `${[program, ...args].join(' ')} ended with ${status} in ${folder}\n${stdout}\n${stderr}`,
    );
  }
  return stdout;
}

/** What a script, an ES module, prints when Node runs it in a folder. */
export function runModule(code: string, folder: string): string {
  return run(process.execPath, ['--input-type=module', '--eval', code], folder);
}

/** Throws unless `npm run build` has been run. */
export function requireBuild(): void {
  for (const part of [
    'exports/engine.js',
    'exports/engine.d.ts',
    'tools/cli.js',
    'vendor/tfjs-gradients.js',
    'viewer/index.html',
  ]) {
    if (!existsSync(join(repository, 'dist', part))) {
      throw new Error(`dist/${part} is not there: these tests look at the built package (npm run build)`);
    }
  }
}
