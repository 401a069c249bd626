import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import { readFrameText } from '../read-frame-file.ts';
import { exactJson, exactMatrix, exactNumber } from './exact-json.ts';
import { indexName } from './index-name.ts';

/** Changes whenever what is written could not be read as before. */
export const preparedVersion = 1;

const member = z.object({
  /** Its name in the tar. */
  name: z.string(),
  /** The first byte of its data in the shard. */
  offset: z.int().min(0),
  bytes: z.int().min(0),
  /** Of its data, 8 hexadecimal digits. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
});

/** A file in a shard. */
export type PreparedMember = z.infer<typeof member>;

const head = z.looseObject({
  id: z.string(),
  timeS: exactNumber.optional(),
  worldFromLidar: exactMatrix(16).optional(),
  notes: z.array(z.string()),
  sets: z.array(z.string()).optional(),
});

const moment = z.object({
  /** What a `Moment` says beside its files. */
  head,
  sweep: member.optional(),
  /** By camera. */
  pictures: z.record(z.string(), member),
  /** Its calibration, labels and what else is small, as JSON. */
  record: member,
  /** The cameras whose calibration the record has. */
  calibration: z.array(z.string()),
  labels: z.boolean(),
  /** What of it is not there, such as `sweep: damaged`; the notes say why. */
  leftOut: z.array(z.string()),
});

/** A moment as the index has it. */
export type PreparedMoment = z.infer<typeof moment>;

const shard = z.object({
  /** The file beside the index. */
  file: z.string().regex(/^[A-Za-z0-9_-]+\.tar$/),
  /** Its whole size. */
  bytes: z.int().min(0),
  moments: z.array(moment),
});

/** A shard with its moments in their order. */
export type PreparedShard = z.infer<typeof shard>;

const plan = z.object({
  name: z.string(),
  /** The kind of the sequence that it was made from. */
  kind: z.string(),
  cameras: z.array(z.string()),
  /** As in `Sequence`. */
  unboundedIntensity: z.boolean().optional(),
  /** How many moments it has, and the SHA-256 of what is known of them before they are read. */
  length: z.int().min(0),
  moments: z.string(),
});

const recipe = z.object({
  version: z.literal(preparedVersion),
  source: z.object({ path: z.string(), options: z.record(z.string(), z.json()) }),
  momentsPerShard: z.int().min(1),
  sequences: z.array(plan),
});

/** What a folder is made from and how: the same recipe gives the same bytes. */
export type Recipe = z.infer<typeof recipe>;

const index = recipe.extend({
  /** False until all shards are there. */
  complete: z.boolean(),
  /** By sequence, in their order. */
  shards: z.array(z.array(shard)),
});

/** All that `prepared.json` says. */
export type PreparedIndex = z.infer<typeof index>;

/** The text of `prepared.json`: a line for each moment. */
export function formatIndex({ shards, ...rest }: PreparedIndex): string {
  const lists = shards.map((list) => `[${list.map((each) => formatShard(each)).join(',')}]`);
  return `${exactJson(rest).slice(0, -1)},\n"shards":[${lists.join(',')}]}\n`;
}

/** The text of a shard's part of the index, a line for each moment. */
export function formatShard({ moments, ...rest }: PreparedShard): string {
  return `${exactJson(rest).slice(0, -1)},"moments":[\n${moments.map(exactJson).join(',\n')}]}`;
}

/** Reads the index of a folder. Throws InputError where it is missing or cannot be right. */
export async function readIndex(folder: string): Promise<PreparedIndex> {
  return parse(join(folder, indexName), index, 'an index of prepared shards');
}

/** Reads the part of an index that is kept beside a shard until all are there. Throws InputError where it is missing or cannot be right. */
export async function readShardIndex(file: string): Promise<PreparedShard> {
  return parse(file, shard, 'the index of a shard');
}

async function parse<T>(file: string, schema: z.ZodType<T>, expected: string): Promise<T> {
  const text = await readFrameText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, expected: `${expected}, as JSON`, found: 'other text' }, { cause: error });
  }
  return checked(schema, value, { file, expected });
}

/** A value that has the form of the schema. Throws InputError that names the place in it where it has not. */
export function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  { file, place, expected }: { readonly file: string; readonly place?: string; readonly expected: string },
): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const { path, message } = error.issues[0];
  const key = path.length === 0 ? [] : [`key ${path.join('.')}`];
  const where = [...(place === undefined ? [] : [place]), ...key].join(', ');
  throw new InputError({ file, ...(where !== '' && { place: where }), expected, found: message });
}
