import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository, typescriptFiles } from './architecture/source-files.ts';

/** What is compiled into `dist`; `src/viewer/app` is bundled apart from it. */
const compiled = ['exports', 'src', 'tools', 'bench'];

/**
 * Before the tests: compiles the sources where `dist` is older than one of them (three seconds), so that commands are those of the
 * sources as they are, and has threads load their modules from there. Sources with wrong types are not compiled; the threads
 * then load TypeScript, and tests of commands run what was built last.
 */
export function setup(): void {
  const built = statSync(join(repository, 'dist/tools/cli.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = compiled.flatMap(typescriptFiles);
  const stale = sources.some((path) => statSync(join(repository, path)).mtimeMs > built);
  if (stale && !compile()) return;
  if (!existsSync(join(repository, 'dist/vendor/tfjs-gradients.js'))) return;
  process.env.POINTPAIR_BUILD = `${pathToFileURL(join(repository, 'dist')).href}/`;
}

function compile(): boolean {
  try {
    const options = { cwd: repository, stdio: 'ignore' } as const;
    execFileSync(
      'npm',
      ['run', '--silent', 'tsc', '--', '-p', 'tsconfig.build.json', '--noEmitOnError'],
      options,
    );
    return true;
  } catch {
    return false;
  }
}
