import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { describeOther, isComponentTag } from './v2-tags.ts';

/** The Parquet files that lie at a path. */
export interface ComponentFiles {
  /** Those that may be components that are read. */
  readonly files: readonly string[];
  /** The components beside them that are not read, with what they hold. */
  readonly others: readonly string[];
}

const ENDING = '.parquet';

/**
 * Finds Waymo's components: a folder with a folder for each component (`lidar/<segment>.parquet`), a folder with a file for
 * each (`lidar.parquet`), the folder of one component, or one file. With `segment`, of a folder in which a file is named
 * for it only that file is taken. Throws InputError where no Parquet file is.
 */
export async function findComponentFiles(path: string, segment?: string): Promise<ComponentFiles> {
  const refuse = (found: string, cause?: unknown): InputError =>
    new InputError(
      { file: path, expected: `a folder with ${exampleLayout}, or one such file`, found },
      { cause },
    );
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw refuse(reasonOf(error), error);
  });
  if (!there.isDirectory()) {
    if (!path.endsWith(ENDING)) throw refuse('a file of another kind');
    return { files: [path], others: [] };
  }
  const name = basename(resolve(path));
  const ofFolder = describeOther(name);
  const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !/^[._]/.test(name));
  const files: string[] = [];
  const others: string[] = [];
  const flat: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const other = describeOther(stemOf(entry.name));
    if (other !== undefined) others.push(other);
    else if (entry.name.endsWith(ENDING)) flat.push(join(path, entry.name));
    else if (isComponentTag(entry.name)) files.push(...(await filesIn(join(path, entry.name), segment)));
  }
  if (ofFolder !== undefined) others.push(ofFolder);
  else files.push(...ofSegment(flat, segment));
  if (files.length === 0 && others.length === 0) throw refuse(await describeFolder(path));
  return { files, others };
}

/** Whether a file is called as Parquet files are. */
export function isParquetName(name: string): boolean {
  return name.endsWith(ENDING);
}

/** Whether a folder with these names holds Waymo's components, read or not, or is that of one. */
export async function isWaymoComponents(path: string, names: readonly string[]): Promise<boolean> {
  const isComponent = (name: string) => isComponentTag(name) || describeOther(name) !== undefined;
  if (names.some(isParquetName))
    return isComponent(basename(resolve(path))) || names.map(stemOf).some(isComponent);
  const folders = names.filter(isComponent).map((name) => readdir(join(path, name)).catch(() => []));
  return (await Promise.all(folders)).some((inside) => inside.some(isParquetName));
}

/** The folder's component as a whole, where the path is one component of several: what else could be opened. */
export async function wholeLayout(path: string): Promise<string | undefined> {
  const folder = path.endsWith(ENDING) ? dirname(resolve(path)) : resolve(path);
  if (!isComponentTag(basename(folder)) && describeOther(basename(folder)) === undefined) return undefined;
  const above = dirname(folder);
  const beside = (await readdir(above).catch(() => [])).filter(
    (name) => name !== basename(folder) && isComponentTag(name),
  );
  return beside.length === 0 ? undefined : above;
}

const exampleLayout = `Waymo's components (lidar/<segment>${ENDING}, or lidar${ENDING}, and so on)`;

function stemOf(name: string): string {
  return name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : name;
}

async function filesIn(folder: string, segment: string | undefined): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING) && !/^[._]/.test(name)).sort();
  return ofSegment(
    names.map((name) => join(folder, name)),
    segment,
  );
}

/** Files are named for their segment, or they are not; then their rows tell. */
function ofSegment(files: readonly string[], segment: string | undefined): string[] {
  const named = files.filter((file) => stemOf(basename(file)) === segment);
  return named.length > 0 ? named : [...files];
}

async function describeFolder(path: string): Promise<string> {
  const names = await readdir(path);
  const inside = await Promise.all(
    names.map(async (name) => {
      const below = await readdir(join(path, name)).catch(() => []);
      return below.some((entry) => isComponentTag(stemOf(entry))) ? [name] : [];
    }),
  );
  const [better] = inside.flat();
  if (better !== undefined) return `none; there are some in ${join(path, better)}`;
  return names.length === 0 ? 'an empty folder' : `none, but ${names.slice(0, 3).join(', ')}`;
}
