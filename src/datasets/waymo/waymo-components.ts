import { InputError } from '../../engine/input-error.ts';
import { columnReader, defaultLanes, type ReadColumn } from './parquet-lanes.ts';
import { openParquet } from './parquet-table.ts';
import type { Component } from './v2-component.ts';
import { readKeys } from './v2-keys.ts';
import { findComponentFiles, wholeLayout } from './v2-layout.ts';
import { componentSource, type SegmentComponents } from './v2-source.ts';
import { type ComponentTag, componentOf, componentTags, readComponents } from './v2-tags.ts';
import type { WaymoSource } from './waymo-source.ts';

/** How components are opened. */
export interface OpenWaymoComponentsOptions {
  /** The name of the segment to open; all of them where it is not given. */
  readonly segment?: string;
  /** Worker threads that decode lasers and pictures: 2 by default, and 0 (all in this thread) in a worker thread. */
  readonly lanes?: number;
}

/**
 * Opens the Parquet files of the Waymo Open Dataset's second form: `path` is a folder with a folder for each component
 * (`lidar/<segment>.parquet`), a folder with a file for each (`lidar.parquet`), one component's folder, or one file. Gives the
 * segments by their names, each with the moments of all its components. Lasers and pictures are read when they are asked
 * for; in the order of the moments each part of a file is decoded once. Throws InputError where no component with moments is,
 * and for files that cannot be right.
 *
 * @example
 * const [source] = await openWaymoComponents('waymo/training', { segment: '10023947602400723454_1120_000_1140_000' });
 * const sweeps = await source.lasers(0);
 */
export async function openWaymoComponents(
  path: string,
  { segment, lanes = defaultLanes() }: OpenWaymoComponentsOptions = {},
): Promise<readonly WaymoSource[]> {
  const { files, others } = await findComponentFiles(path, segment);
  const read = columnReader(lanes);
  const segments = new Map<string, Map<ComponentTag, Component>>();
  const unread = [...others];
  for (const file of files) {
    const other = await addFile(file, segments, read);
    if (other !== undefined) unread.push(other);
  }
  const names = [...segments.keys()].sort();
  const wanted = segment === undefined ? names : names.filter((name) => name === segment);
  if (segment !== undefined && names.length > 0 && wanted.length === 0)
    throw new InputError({
      file: path,
      expected: `the segment ${segment}`,
      found: `${names.length} others, such as ${names[0]}`,
    });
  const sources = wanted.flatMap((name) => {
    const components: SegmentComponents = segments.get(name)!;
    return [...components.keys()].some(hasMoments) ? [{ name, components }] : [];
  });
  if (sources.length === 0) throw await noMoments(path, segments, unread);
  return Promise.all(
    sources.map(({ name, components }) => componentSource(path, name, components, { read, lanes })),
  );
}

/** Adds a file's components to their segments; gives what the file is where it is not read. */
async function addFile(
  file: string,
  segments: Map<string, Map<ComponentTag, Component>>,
  read: ReadColumn,
): Promise<string | undefined> {
  const table = openParquet(file);
  const found = componentOf(table);
  if (found === undefined) {
    const columns = [...table.columns.keys()].slice(0, 4).join(', ');
    const expected = 'a component of Waymo, with columns such as [LiDARComponent].range_image_return1.values';
    throw new InputError({ file, expected, found: columns === '' ? 'no columns' : `the columns ${columns}` });
  }
  if ('other' in found) return found.other;
  for (const [segment, component] of await readKeys(read, table, found.tag)) {
    const components = segments.get(segment) ?? new Map<ComponentTag, Component>();
    segments.set(segment, components);
    const before = components.get(found.tag);
    if (before !== undefined)
      throw new InputError({
        file,
        place: `segment ${segment}`,
        expected: `one file with ${found.tag}`,
        found: `${before.table.file} too`,
      });
    components.set(found.tag, component);
  }
  return undefined;
}

function hasMoments(tag: ComponentTag): boolean {
  return readComponents[tag].timed;
}

async function noMoments(
  path: string,
  segments: ReadonlyMap<string, SegmentComponents>,
  unread: readonly string[],
): Promise<InputError> {
  const timed = componentTags.filter(hasMoments).join(', ');
  const untimed = [...new Set([...segments.values()].flatMap((components) => [...components.keys()]))];
  const found = [
    ...untimed.map((tag) => `${tag}, which has no times`),
    ...unread.map((other) => `${other}, which is not read`),
  ];
  const whole = await wholeLayout(path);
  return new InputError({
    file: path,
    expected: `at least one component with moments (${timed})`,
    found: `${found.length === 0 ? 'no rows' : found.join('; ')}${whole === undefined ? '' : `; the folder above, ${whole}, has more components`}`,
  });
}
