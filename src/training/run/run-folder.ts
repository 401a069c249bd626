import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { isTemporaryName, makeFolder, writeFileAtomically, writeJsonAtomically } from './atomic-file.ts';
import { type Change, changesOf } from './changes.ts';
import { listCheckpoints } from './checkpoint.ts';
import { shellWord } from './shell-word.ts';

/** The file of a run's metrics. */
export const METRICS = 'metrics.jsonl';
const LEFT_BY_A_RUN =
  /^(config\.json|env\.json|metrics\.jsonl|evaluation\.json|retrieval\.json|initialization\.json|teacher\.json|correspondences\.safetensors|probe\.json|features|checkpoints|score-head|report\.html|events\.out\.tfevents\..*)$/;

const numbers = z.record(z.string(), z.number().nullable());
const headerSchema = z.looseObject({
  kind: z.literal('header'),
  /** The value of each loss when nothing is learned. */
  chance: z.record(z.string(), z.number()).default({}),
  /** What each term is. */
  terms: z.record(z.string(), z.unknown()).default({}),
});
const lineSchema = z.looseObject({
  /** The number of steps done, this one included. */
  step: z.number().int().min(0),
  epoch: z.number().optional(),
  /** Seconds since the run began. */
  time: z.number().optional(),
  samplesPerSecond: z.number().nullable().optional(),
  learningRate: numbers.optional(),
  loss: numbers,
  metric: numbers.optional(),
  profile: numbers.optional(),
});

/** The first line of `metrics.jsonl`. */
export type MetricsHeader = z.infer<typeof headerSchema>;
/** A line of `metrics.jsonl`: one step. A number that was not finite is null in the file. */
export type MetricsLine = z.infer<typeof lineSchema>;
/** What `metrics.jsonl` holds. */
export interface Metrics {
  readonly header: MetricsHeader | undefined;
  readonly lines: readonly MetricsLine[];
}

/** What a run ran on and with, as `env.json` has it. */
export interface Environment {
  /** ISO 8601. */
  readonly started: string;
  readonly command: string;
  readonly pointpair: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of the working folder; null where it is no git checkout. */
  readonly gitRevision: string | null;
}

/** A configuration as a file has it. */
type ConfigJson = { readonly [key: string]: unknown };

/** How a run's folder is made or taken up again. */
export interface RunFolderOptions {
  /** The whole configuration, plain JSON. */
  readonly config: unknown;
  /** Goes on in this folder after this many steps, 0 where no checkpoint was written yet. */
  readonly resume?: number;
  /** Key paths of the configuration, such as `steps`, that may change when the run goes on. */
  readonly mayDiffer?: readonly string[];
  /** Brings a configuration of an older form into today's. */
  readonly upgrade?: (config: ConfigJson) => ConfigJson;
  /** The name of a configuration under which checkpoints are made: where the run goes on with another one, `env.json` keeps it. */
  readonly fingerprint?: (config: ConfigJson) => string;
  /** Removes what an earlier run left here, and only if there is nothing else. */
  readonly overwrite?: boolean;
}

/** The folder of a running run: the writer of its metrics. */
export class RunFolder {
  readonly path: string;
  private readonly descriptor: number;

  constructor(path: string) {
    this.path = path;
    this.descriptor = openSync(join(path, METRICS), 'a');
  }

  /** Writes the header of the metrics, unless the run goes on and has it. */
  writeHeader(header: Omit<MetricsHeader, 'kind'>): void {
    if (fstatSync(this.descriptor).size === 0) this.write({ kind: 'header', ...header });
  }

  /** Adds a line to `metrics.jsonl`; it outlives this process from the moment this returns. */
  appendMetrics(line: MetricsLine): void {
    this.write(line);
  }

  /** Waits until the metrics are on the disk, where they outlive the machine's power. */
  sync(): void {
    fsyncSync(this.descriptor);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private write(line: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
  }
}

/**
 * Makes a run's folder with `config.json` and `env.json`, or takes up the one that is there: then its configuration must be
 * the same, and its metrics are cut off after the resumed step. Throws an InputError where the folder is taken, is no run's,
 * or holds another configuration (the first differing keys are named).
 */
export async function createRunFolder(
  path: string,
  { config, resume, mayDiffer = [], overwrite = false, upgrade, fingerprint }: RunFolderOptions,
): Promise<RunFolder> {
  await makeFolder(path);
  const all = await readdir(path);
  const names = all.filter((name) => !isTemporaryName(name));
  const configFile = join(path, 'config.json');
  const envFile = join(path, 'env.json');
  const plain = JSON.parse(JSON.stringify(config)) as ConfigJson;
  if (resume !== undefined) {
    await requireSameRun(path, { config, mayDiffer, upgrade });
    for (const name of all.filter(isTemporaryName))
      await rm(join(path, name), { recursive: true, force: true });
    await cutMetrics(path, resume);
    const before = names.includes('env.json') ? await readJson(envFile, 'a JSON object') : {};
    const { resumed = [], ...first } = before as { resumed?: unknown[] };
    const now = environment();
    const name = fingerprint?.(await readJson(configFile, 'the configuration of the run to resume'));
    // Before the configuration is written, so that a run that is killed between the two knows its checkpoints.
    const earlier = name === fingerprint?.(plain) ? {} : { fingerprint: name };
    await writeJsonAtomically(envFile, {
      ...now,
      ...first,
      resumed: [...resumed, { step: resume, ...earlier, ...now }],
    });
  } else {
    if (names.length > 0) await clear(path, names, overwrite);
    await writeJsonAtomically(envFile, environment());
  }
  await writeJsonAtomically(configFile, plain);
  return new RunFolder(path);
}

/** The metrics of a run. A last line that a killed process left half written is passed over; any other that cannot be right is an InputError with its number. */
export async function readMetrics(runFolder: string): Promise<Metrics> {
  const { header, lines } = await parseMetrics(join(runFolder, METRICS));
  return { header, lines: lines.map(({ line }) => line) };
}

/**
 * A whole line of `metrics.jsonl` by its number, which begins at 1: the header, which only the first can be, or a step.
 * Throws an InputError with the number where it cannot be right.
 */
export function parseMetricsLine(
  text: string,
  { file, number }: { readonly file: string; readonly number: number },
): { readonly header: MetricsHeader } | { readonly line: MetricsLine } {
  const place = `line ${number}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, place, expected: 'a JSON object', found: (error as Error).message });
  }
  const isHeader = number === 1 && typeof json === 'object' && json !== null && 'kind' in json;
  const { data, error } = (isHeader ? headerSchema : lineSchema).safeParse(json);
  if (data !== undefined) return isHeader ? { header: data as MetricsHeader } : { line: data as MetricsLine };
  const { path, message } = error.issues[0];
  const expected = isHeader ? 'a header of metrics' : 'the metrics of a step';
  throw new InputError({ file, place, expected, found: `${path.join('.')}: ${message}` });
}

/** This machine and program, now. */
export function environment(): Environment {
  const require = createRequire(import.meta.url);
  const version = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
  const [, script = 'node', ...words] = process.argv;
  return {
    started: new Date().toISOString(),
    command: [basename(script).replace(/^cli\.[jt]s$/, 'pointpair'), ...words.map(shellWord)].join(' '),
    pointpair: version('pointpair'),
    node: process.version,
    onnxruntime: version('onnxruntime-node'),
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    gitRevision: gitRevision(),
  };
}

/** Commits by the folder that was worked in. */
const revisions = new Map<string, string | null>();

/** The commit of the folder that this process works in, asked for once: what it runs was loaded then. */
function gitRevision(): string | null {
  const folder = process.cwd();
  if (!revisions.has(folder)) revisions.set(folder, askForRevision());
  return revisions.get(folder)!;
}

function askForRevision(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

async function clear(path: string, names: readonly string[], overwrite: boolean): Promise<void> {
  if (!overwrite) {
    const found = isRun(names)
      ? `a run${await lengthOf(path)}: --resume goes on with it, --overwrite removes it, another --out leaves it`
      : `${listed(names)}: give another --out`;
    throw new InputError({ file: path, expected: 'a new or empty folder', found });
  }
  const foreign: string[] = [];
  for (const name of names) if (!(await isOfARun(path, name))) foreign.push(name);
  if (foreign.length > 0) {
    throw new InputError({
      file: path,
      expected: 'nothing but the files of a run to overwrite',
      found: listed(foreign),
    });
  }
  for (const name of names) await rm(join(path, name), { recursive: true });
}

function isRun(names: readonly string[]): boolean {
  return names.includes('config.json') && (names.includes(METRICS) || names.includes('checkpoints'));
}

/** How far a run is, in words that go after it. */
async function lengthOf(path: string): Promise<string> {
  const newest = (await listCheckpoints(path)).at(-1);
  return newest === undefined ? ' without a checkpoint' : ` with a checkpoint of step ${newest.step}`;
}

/** Whether an entry of a run's folder is one that pointpair left: results of a detector have their manifest. */
async function isOfARun(path: string, name: string): Promise<boolean> {
  if (name !== 'detections') return LEFT_BY_A_RUN.test(name);
  const inside = await readdir(join(path, name)).catch((): string[] => []);
  return inside.includes('detections.json');
}

function listed(names: readonly string[]): string {
  return `${names.length} ${names.length === 1 ? 'entry' : 'entries'} (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})`;
}

async function readJson(file: string, expected: string): Promise<ConfigJson> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ConfigJson;
  } catch (error) {
    throw new InputError({ file, expected, found: reasonOf(error as Error) });
  }
}

/**
 * Holds a configuration against that of the run in a folder and gives what differs of the keys that may. Touches nothing.
 * Throws an InputError where the folder holds no run, and where other keys differ (the first ones are named).
 */
export async function requireSameRun(
  path: string,
  {
    config,
    mayDiffer,
    upgrade = (same) => same,
  }: Pick<RunFolderOptions, 'config' | 'upgrade'> & { readonly mayDiffer: readonly string[] },
): Promise<Change[]> {
  const configFile = join(path, 'config.json');
  const before = upgrade(await readJson(configFile, 'the configuration of the run to resume'));
  const all = changesOf(before, JSON.parse(JSON.stringify(config)));
  const isFree = ({ key }: Change) => mayDiffer.some((free) => key === free || key.startsWith(`${free}.`));
  const [first, ...others] = all.filter((change) => !isFree(change));
  if (first === undefined) return all;
  const more = others.slice(0, 5).map(({ key, before, now }) => `${key} ${before} against ${now}`);
  const rest =
    others.length === 0
      ? ''
      : `; ${others.length} more differ: ${more.join(', ')}${others.length > 5 ? ', …' : ''}`;
  throw new InputError({
    file: configFile,
    place: first.key,
    expected: `${first.before}, as the run began with`,
    found: `${first.now}${rest}`,
  });
}

/**
 * The names under which a run's checkpoints may have been made: by the configuration that its folder keeps, which may lack options that
 * have come since, and by those that it had before it went on.
 */
export async function recordedFingerprints(
  path: string,
  fingerprint: (config: ConfigJson) => string,
): Promise<string[]> {
  const own = fingerprint(
    await readJson(join(path, 'config.json'), 'the configuration of the run to resume'),
  );
  const env = await readJson(join(path, 'env.json'), 'a JSON object').catch((): ConfigJson => ({}));
  const { data = [] } = z.array(z.looseObject({ fingerprint: z.string().optional() })).safeParse(env.resumed);
  return [own, ...data.flatMap((each) => each.fingerprint ?? [])];
}

async function cutMetrics(runFolder: string, step: number): Promise<void> {
  const file = join(runFolder, METRICS);
  const { headerText, lines } = await parseMetrics(file, '');
  const kept = lines.filter(({ line }) => line.step <= step).map(({ text }) => text);
  await writeFileAtomically(file, [...headerText, ...kept].map((text) => `${text}\n`).join(''));
}

async function parseMetrics(file: string, absent?: string) {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && absent !== undefined) return absent;
    throw new InputError({ file, expected: 'the metrics of a run', found: reasonOf(error) });
  });
  let header: MetricsHeader | undefined;
  const headerText: string[] = [];
  const lines: Array<{ text: string; line: MetricsLine }> = [];
  const texts = content.split('\n');
  const last = texts.pop()!;
  if (isJson(last)) texts.push(last);
  for (const [index, text] of texts.entries()) {
    const parsed = parseMetricsLine(text, { file, number: index + 1 });
    if ('line' in parsed) lines.push({ text, line: parsed.line });
    else {
      header = parsed.header;
      headerText.push(text);
    }
  }
  return { header, headerText, lines };
}

/** What a killed process left half written is none, nor is nothing. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
