import { createHash } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import type { RandomState } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { leavesOf, mapTree, treeOf } from '../../engine/tree.ts';
import { notedParts } from '../config-keys.ts';
import { isTemporaryName, makeFolder, removeFolder, writeFolderAtomically } from './atomic-file.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const STATE = 'state.safetensors';
const META = 'state.json';

/** What a run needs beside its tensors to go on as if it had never stopped; plain JSON. */
export interface CheckpointMeta {
  /** The number of steps done. */
  readonly step: number;
  /** Of the configuration, by `fingerprintOf`. */
  readonly fingerprint: string;
  /** The loader's position, as the loader gave it. */
  readonly loader: unknown;
  readonly random: RandomState;
  /** The last metrics by name; null where a value was not finite. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** When it was made, ISO 8601. */
  readonly time: string;
}

/** A checkpoint's place and step. */
export interface CheckpointEntry {
  readonly step: number;
  readonly folder: string;
}

/** What is compared of a tensor before it is taken: any tensor will do. */
export type TensorForm = Pick<HostTensor, 'dtype' | 'shape'>;

const uint32 = z.number().int().min(0).max(0xffffffff);
const metaSchema = z.strictObject({
  step: z.number().int().min(0),
  fingerprint: z.string(),
  loader: z.json(),
  random: z.strictObject({ words: z.tuple([uint32, uint32, uint32, uint32]), key: uint32 }),
  metrics: z.record(z.string(), z.number().nullable()),
  time: z.string(),
});
const fileSchema = metaSchema.extend({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** A short name for a configuration that does not depend on the order of its keys. */
export function fingerprintOf(config: unknown): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(config, sorted)).digest('hex').slice(0, 16);
}

/**
 * The fingerprint under which a run's checkpoints are made, of its configuration with or without what its folder keeps beside it: its
 * data, and what it began with. The `free` keys may change while the run goes on.
 */
export function fingerprintBut(free: readonly string[]): (config: object) => string {
  return (config) =>
    fingerprintOf({
      ...notedParts({ ...config }).config,
      ...Object.fromEntries(free.map((key) => [key, null])),
    });
}

/**
 * Writes `checkpoints/<step, 8 digits>/{state.safetensors,state.json}` in a run's folder, complete or not at all, and gives
 * its folder. Then the newest `keep` remain; older ones go, and so do those of later steps, which belong to a course that
 * the run left when it went back to an earlier checkpoint, and what a killed process left half written.
 */
export async function saveCheckpoint(
  runFolder: string,
  step: number,
  { state, meta }: { readonly state: Tree<HostTensor>; readonly meta: CheckpointMeta },
  { keep = 3 }: { readonly keep?: number } = {},
): Promise<string> {
  const checkpoints = join(runFolder, 'checkpoints');
  await makeFolder(checkpoints);
  const folder = join(checkpoints, String(step).padStart(8, '0'));
  const tensors = encodeSafetensors(leavesOf(state), { format: 'pointpair', step: String(step) });
  if (meta.step !== step)
    throw new Error(`checkpoint of step ${step} with the meta data of step ${meta.step}`);
  const plain = metaSchema.parse(JSON.parse(JSON.stringify(meta)));
  const json = `${JSON.stringify({ ...plain, sha256: sha256(tensors) }, null, 2)}\n`;
  await writeFolderAtomically(folder, [
    [STATE, tensors],
    [META, json],
  ]);
  const entries = await listCheckpoints(runFolder);
  const kept = entries.filter((entry) => entry.step <= step).slice(-Math.max(1, keep));
  for (const entry of entries) if (!kept.includes(entry)) await removeFolder(entry.folder);
  for (const name of await readdir(checkpoints)) {
    if (isTemporaryName(name)) await rm(join(checkpoints, name), { recursive: true, force: true });
  }
  return folder;
}

/** The checkpoints of a run, oldest first; none where the run has no such folder. */
export async function listCheckpoints(runFolder: string): Promise<CheckpointEntry[]> {
  const checkpoints = join(runFolder, 'checkpoints');
  const names = await readdir(checkpoints).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => /^\d{8,15}$/.test(name))
    .map((name) => ({ step: Number(name), folder: join(checkpoints, name) }))
    .sort((a, b) => a.step - b.step);
}

/**
 * The newest checkpoint of a run, read through and found intact; undefined where there is none. A damaged one is an
 * InputError that says which older one is intact; with `fallBack` that one is given, and the `damaged` ones with it.
 */
export async function latestCheckpoint(
  runFolder: string,
  { fallBack = false }: { readonly fallBack?: boolean } = {},
): Promise<(CheckpointEntry & { readonly damaged: readonly InputError[] }) | undefined> {
  const damaged: InputError[] = [];
  const newestFirst = (await listCheckpoints(runFolder)).reverse();
  for (const entry of newestFirst) {
    try {
      await loadCheckpoint(entry.folder);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      damaged.push(error);
      continue;
    }
    if (damaged.length === 0 || fallBack) return { ...entry, damaged };
    const { file, place, expected, found } = damaged[0].fault;
    const intact = `${found}; the newest intact checkpoint is ${basename(entry.folder)}`;
    throw new InputError({ file, place, expected, found: intact }, { cause: damaged[0] });
  }
  if (damaged.length > 0) throw damaged[0];
  return undefined;
}

/** The checkpoint of a run: its newest, or that of a step. Throws an InputError where there is none. */
export async function checkpointOf(run: string, step?: number): Promise<CheckpointEntry> {
  const entries = await listCheckpoints(run);
  const entry = step === undefined ? await latestCheckpoint(run) : entries.find((each) => each.step === step);
  if (entry !== undefined) return entry;
  const there = entries.map((each) => each.step).join(', ') || 'none';
  const expected = step === undefined ? 'a checkpoint' : `a checkpoint of step ${step}`;
  throw new InputError({ file: join(run, 'checkpoints'), expected, found: there });
}

/** What a checkpoint has to be. */
export interface CheckpointForm {
  readonly expected?: Tree<TensorForm>;
  readonly fingerprint?: string;
  /** Brings a state of an older form into today's, and the fingerprints that such a one may have. */
  readonly older?: {
    readonly state: (state: Tree<HostTensor>) => Tree<HostTensor>;
    readonly fingerprints: readonly string[];
  };
}

/**
 * The state and meta of a checkpoint's folder. Throws an InputError where a file is missing or damaged (its checksum is in
 * `state.json`), where tensors differ from the `expected` tree (the first is named, the others counted), and where the
 * checkpoint was made under another `fingerprint`.
 */
export async function loadCheckpoint(
  folder: string,
  options: CheckpointForm = {},
): Promise<{ readonly state: Tree<HostTensor>; readonly meta: CheckpointMeta }> {
  const { sha256: expectedSum, ...meta } = await readMeta(join(folder, META));
  const file = join(folder, STATE);
  const bytes = await readWhole(file);
  const { tensors } = decodeSafetensors(bytes, { file });
  const sum = sha256(bytes);
  if (sum !== expectedSum) {
    throw new InputError({ file, expected: `SHA-256 ${expectedSum}, as in ${META}`, found: sum });
  }
  const { older = { state: (same: Tree<HostTensor>) => same, fingerprints: [] } } = options;
  const state = older.state(treeFrom(tensors, file));
  if (options.expected !== undefined) requireSameForm(options.expected, state, file);
  const known = [options.fingerprint, ...older.fingerprints];
  if (options.fingerprint !== undefined && !known.includes(meta.fingerprint)) {
    throw new InputError({
      file: join(folder, META),
      place: 'fingerprint',
      expected: `a checkpoint of configuration ${options.fingerprint}`,
      found: meta.fingerprint,
    });
  }
  return { state, meta };
}

/**
 * The state with every tensor replaced that the checkpoint has at the same path in the same type and shape, and the paths:
 * `loaded`, `missing` in the checkpoint, `unexpected` in it, `differing` in type or shape.
 */
export function loadMatching(state: Tree<HostTensor>, checkpoint: Tree<HostTensor>) {
  const found = new Map(leavesOf(checkpoint));
  const loaded: string[] = [];
  const missing: string[] = [];
  const differing: Array<{ path: string; expected: string; found: string }> = [];
  const matched = mapTree(state, (tensor, path) => {
    const candidate = found.get(path);
    found.delete(path);
    if (candidate === undefined) {
      missing.push(path);
      return tensor;
    }
    if (formOf(candidate) !== formOf(tensor)) {
      differing.push({ path, expected: formOf(tensor), found: formOf(candidate) });
      return tensor;
    }
    loaded.push(path);
    return candidate;
  });
  return { state: matched, loaded, missing, unexpected: [...found.keys()], differing };
}

function requireSameForm(expected: Tree<TensorForm>, state: Tree<HostTensor>, file: string): void {
  const found = new Map(leavesOf(state));
  const faults: Array<{ path: string; expected: string; found: string }> = [];
  const missing: string[] = [];
  for (const [path, form] of leavesOf(expected)) {
    const tensor = found.get(path);
    found.delete(path);
    if (tensor === undefined) missing.push(path);
    else if (formOf(tensor) !== formOf(form))
      faults.push({ path, expected: formOf(form), found: formOf(tensor) });
  }
  const extra = [...found.keys()];
  if (faults.length + missing.length + extra.length === 0) return;
  const named = (paths: string[]) => (paths.length === 0 ? '' : ` (${some(paths)})`);
  const rest = `${missing.length} missing${named(missing)}, ${extra.length} extra${named(extra)}`;
  const [first, ...others] = faults;
  if (first === undefined) {
    throw new InputError({ file, expected: 'the tensors of this configuration', found: rest });
  }
  const more = others.map(({ path, expected, found }) => `${path} ${expected} against ${found}`);
  throw new InputError({
    file,
    place: first.path,
    expected: first.expected,
    found: `${first.found}; ${others.length} more differ${named(more)}, ${rest}`,
  });
}

/** The first few of a list. */
function some(items: readonly string[], count = 3): string {
  return items.length > count ? `${items.slice(0, count).join(', ')}, …` : items.join(', ');
}

function formOf({ dtype, shape }: TensorForm): string {
  return `${dtype} [${shape}]`;
}

/** Names that no tree has would reach into prototypes or hide one another. */
function treeFrom(tensors: ReadonlyMap<string, HostTensor>, file: string): Tree<HostTensor> {
  const branches = new Set(
    [...tensors.keys()].flatMap((path) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))),
  );
  for (const path of tensors.keys()) {
    if (branches.has(path) || path.split('/').some((key) => ['', '__proto__', 'dtype'].includes(key))) {
      throw new InputError({ file, expected: 'the paths of a tree of tensors', found: JSON.stringify(path) });
    }
  }
  return treeOf(tensors);
}

async function readMeta(file: string): Promise<z.infer<typeof fileSchema>> {
  const text = new TextDecoder().decode(await readWhole(file));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, expected: 'JSON', found: (error as Error).message });
  }
  const { data, error } = fileSchema.safeParse(json);
  if (data !== undefined) return data;
  const { path, message } = error.issues[0];
  throw new InputError({
    file,
    place: path.join('.'),
    expected: 'the meta data of a checkpoint',
    found: message,
  });
}

/** A whole file, of more than the 2 GiB too that `readFile` takes. */
async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file of a checkpoint', found: reasonOf(error) });
  });
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 28), at);
      if (bytesRead === 0)
        throw new InputError({ file: path, expected: `${bytes.length} bytes`, found: `${at}` });
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
