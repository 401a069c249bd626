import { resolve, sep } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { takesColumns } from '../../pointcloud/read-cloud.ts';
import { openParts, type SessionOptions, type SessionParts } from './open-parts.ts';
import { isRunFolder } from './run-data.ts';

/**
 * Opens what is shown beside something: beside a run another run, on the same frames; beside anything else frames. Throws
 * InputError as `openParts` does, and for what does not go together.
 */
export async function openBeside(
  path: string,
  { data, columns, also }: SessionOptions,
  { run, reference }: SessionParts,
): Promise<SessionParts> {
  const isRun = await isRunFolder(path);
  const refused = (found: string) => {
    const frames = 'point clouds, a drive or a data set to show beside frames';
    return new InputError({ file: path, expected: run === undefined ? frames : 'a run beside a run', found });
  };
  if (isRun !== (run !== undefined)) throw refused(isRun ? 'a run' : 'no run');
  if (isRun) {
    const { sequence, camera } = reference ?? {};
    return openParts({ path, data: reference?.path ?? data, sequence, camera, also });
  }
  const parts = await openParts({ path, columns: takesColumns(path) ? columns : undefined, also });
  if (parts.sequence !== undefined) return parts;
  await parts.learned?.close();
  throw refused('no frames');
}

/** The ends of two paths, as long as it takes to tell them apart. */
export function titlesOf(path: string, other: string): [string, string] {
  const parts = [path, other].map((each) => resolve(each).split(sep));
  const longest = Math.max(...parts.map(({ length }) => length));
  for (let count = 1; ; count++) {
    const [first, second] = parts.map((each) => each.slice(-count).join('/'));
    if (first !== second || count >= longest) return [first, second];
  }
}
