import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { cannotWrite } from '../scenes/scene-files.ts';
import type { Sequence } from '../sequence.ts';
import { exactJson } from './exact-json.ts';
import { indexName } from './index-name.ts';
import { isUnfinishedName, writeNewFile } from './new-file.ts';
import {
  formatIndex,
  type PreparedShard,
  preparedVersion,
  type Recipe,
  readIndex,
  readShardIndex,
} from './prepared-index.ts';

/** What a folder is made from and how. */
export function recipeOf(
  sequences: readonly Sequence[],
  rest: Pick<Recipe, 'source' | 'momentsPerShard'>,
): Recipe {
  return {
    version: preparedVersion,
    ...rest,
    sequences: sequences.map((sequence) => ({
      name: sequence.name,
      kind: sequence.kind,
      cameras: [...sequence.cameras],
      ...(sequence.unboundedIntensity !== undefined && { unboundedIntensity: sequence.unboundedIntensity }),
      length: sequence.moments.length,
      moments: fingerprintOf(sequence),
    })),
  };
}

/** SHA-256 of all that is known of the moments before they are read, but for the places of files. */
function fingerprintOf({ moments }: Sequence): string {
  const hash = createHash('sha256');
  for (const { files, pictures, ...head } of moments) {
    hash.update(exactJson({ ...head, files: Object.keys(files), pictures: Object.keys(pictures) }));
  }
  return hash.digest('hex');
}

/** The part of the index that is kept beside a shard until all shards are there. */
export function shardIndexPath(folder: string, shard: string): string {
  return join(folder, `.${shard}.json`);
}

/**
 * Makes the folder or takes it over: clears away files that were never completed, and records the recipe. Gives the shards that are
 * there already, by file. Throws InputError for a folder that has other files in it or was made by another recipe.
 */
export async function claimFolder(
  folder: string,
  recipe: Recipe,
): Promise<ReadonlyMap<string, PreparedShard>> {
  const names = await namesIn(folder);
  if (!names.includes(indexName)) {
    const foreign = names.filter((name) => !name.startsWith('.'));
    if (foreign.length > 0) {
      const found = foreign.slice(0, 3).join(', ');
      throw new InputError({ file: folder, expected: `an empty folder, or one with ${indexName}`, found });
    }
    const index = { ...recipe, complete: false, shards: [] };
    await writeNewFile(join(folder, indexName), formatIndex(index));
    return new Map();
  }
  const index = await readIndex(folder);
  checkRecipe(join(folder, indexName), index, recipe);
  for (const name of names) if (isUnfinishedName(name)) await rm(join(folder, name), { force: true });
  const parts = names.filter((name) => /^\..+\.tar\.json$/.test(name));
  const known = [...index.shards.flat()];
  for (const name of parts) known.push(await readShardIndex(join(folder, name)));
  const there = new Map<string, PreparedShard>();
  for (const shard of known) {
    const size = await stat(join(folder, shard.file)).then(
      (entry) => entry.size,
      () => undefined,
    );
    if (size === shard.bytes) there.set(shard.file, shard);
  }
  return there;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true });
    return await readdir(folder);
  } catch (error) {
    throw cannotWrite(folder, 0, error);
  }
}

/** Throws InputError that says in what a folder was made otherwise. */
function checkRecipe(file: string, made: Recipe, wanted: Recipe): void {
  const compare = (place: string, expected: unknown, found: unknown) => {
    const [was, is] = [expected, found].map((each) => (typeof each === 'string' ? each : exactJson(each)));
    if (was === is) return;
    throw new InputError({ file, place, expected: `${was}, which the folder was made with`, found: is });
  };
  compare('source', made.source.path, wanted.source.path);
  compare('options', made.source.options, wanted.source.options);
  compare('moments a shard', made.momentsPerShard, wanted.momentsPerShard);
  compare(
    'sequences',
    made.sequences.map(({ name }) => name),
    wanted.sequences.map(({ name }) => name),
  );
  made.sequences.forEach((was, at) => {
    const is = wanted.sequences[at];
    compare(`kind of ${was.name}`, was.kind, is.kind);
    compare(`cameras of ${was.name}`, was.cameras, is.cameras);
    compare(`number of moments of ${was.name}`, was.length, is.length);
    if (was.moments === is.moments) return;
    const expected = 'the moments that the folder was made from';
    const found = 'others: files were added, taken away or changed, or times or poses';
    throw new InputError({ file, place: `moments of ${was.name}`, expected, found });
  });
}

/** Writes the index of all shards, and clears away their parts of it. */
export async function completeFolder(
  folder: string,
  recipe: Recipe,
  files: ReadonlyArray<readonly string[]>,
  kept: ReadonlyMap<string, PreparedShard>,
): Promise<ReadonlyArray<readonly PreparedShard[]>> {
  const shards: PreparedShard[][] = [];
  for (const list of files) {
    const found: PreparedShard[] = [];
    for (const file of list)
      found.push(kept.get(file) ?? (await readShardIndex(shardIndexPath(folder, file))));
    shards.push(found);
  }
  await writeNewFile(join(folder, indexName), formatIndex({ ...recipe, complete: true, shards }));
  for (const name of await namesIn(folder)) {
    if (/^\..+\.tar\.json$/.test(name)) await rm(join(folder, name), { force: true });
  }
  return shards;
}
