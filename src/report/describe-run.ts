import { join } from 'node:path';
import { z } from 'zod';
import { imageEncoderTitle } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import { readConfigJson } from '../training/config-file.ts';
import type { PretrainedReference } from '../training/pretrained.ts';
import { describeStage } from '../training/probe/classifier-config.ts';
import { endInWords, endLength, endOf } from '../training/run/chance.ts';
import { listCheckpoints } from '../training/run/checkpoint.ts';
import { readClassifierRun } from '../training/run/encoder-run.ts';
import { readRunConfig } from '../training/run/model-state.ts';
import { type MetricsLine, readMetrics } from '../training/run/run-folder.ts';
import { alignedTable } from './aligned-table.ts';
import { lossName, metricName } from './term-names.ts';

/** A run in words: its configuration, how far it is, its losses first, last and when nothing is learned, its checkpoints. */
export async function describeRun(folder: string): Promise<string> {
  const beginning =
    (await describeDetector(folder)) ??
    (await describeClassifier(folder)) ??
    (await describePretraining(folder));
  const { header, lines } = await readMetrics(folder);
  const checkpoints = await listCheckpoints(folder);
  return [
    beginning,
    ...describeMetrics(lines, header?.chance ?? {}),
    checkpoints.length === 0
      ? 'no checkpoints'
      : `checkpoints at steps ${checkpoints.map(({ step }) => step).join(', ')}`,
  ].join('\n');
}

async function describePretraining(folder: string): Promise<string> {
  const { config, data } = await readRunConfig(folder);
  const { image, points } = config.encoders;
  const which = [data.imageSet, ...(data.sequences ?? []), data.camera].filter((each) => each !== undefined);
  const encoders = [
    image && `${imageEncoderTitle(image)} on ${image.input.width} x ${image.input.height}`,
    points && `${points.input.count} points`,
  ].filter((each) => each !== undefined);
  return (
    `${Object.keys(config.objectives).join(' + ')} on ${data.root}${which.length === 0 ? '' : ` (${which.join(', ')})`}: ` +
    `batch ${config.batchSize}, ${encoders.join(', ')}`
  );
}

/** What a detector's run has of its own in its configuration. */
const detectorSchema = z.looseObject({
  batchSize: z.number(),
  labels: z.looseObject({ fraction: z.number(), seed: z.number() }),
  data: z.looseObject({ root: z.string(), imageSet: z.string().optional(), frames: z.number() }),
  from: z.looseObject({ run: z.string(), step: z.number().optional() }).nullable(),
});

/** A detector's run: its data, the frames whose labels it uses, what it began with; undefined for a pretraining run. */
async function describeDetector(folder: string): Promise<string | undefined> {
  const file = join(folder, 'config.json');
  const value = await readConfigJson(file, { file: folder, expected: "a run's folder, with config.json" });
  if (typeof value.detector !== 'string') return undefined;
  const { data: config, error } = detectorSchema.safeParse(value);
  if (config === undefined) {
    const { path, message } = error.issues[0];
    const expected = "the configuration of a detector's run";
    throw new InputError({ file, place: path.join('.'), expected, found: message });
  }
  const { batchSize, labels, data, from } = config;
  const classes = (value[value.detector] as { readonly classes?: readonly string[] } | undefined)?.classes;
  const share = labels.fraction === 1 ? '' : `, a share of ${labels.fraction} drawn by seed ${labels.seed}`;
  return [
    `detector ${value.detector}${classes === undefined ? '' : ` of ${classes.join(', ')}`} on ${data.root}${data.imageSet === undefined ? '' : ` (${data.imageSet})`}: batch ${batchSize}`,
    `labels of ${data.frames} frames${share}`,
    describeBeginning(from ?? undefined),
  ].join('\n');
}

/** A classifier's run: what it learned by, its data, what it began with; undefined for any other run. */
async function describeClassifier(folder: string): Promise<string | undefined> {
  const run = await readClassifierRun(folder);
  if (run === undefined) return undefined;
  const { config, data, from } = run;
  const { classes } = config.classifier;
  return [
    `classifier of ${classes.length} classes on ${data.root}: batch ${config.batchSize}`,
    `${data.frames} pictures, by ${describeStage(config.classifier)}`,
    describeBeginning(from),
  ].join('\n');
}

function describeBeginning(from: PretrainedReference | undefined): string {
  if (from === undefined) return 'began at random';
  return `began with the encoders of ${from.run}${from.step === undefined ? '' : ` (step ${from.step})`}`;
}

function describeMetrics(lines: readonly MetricsLine[], chance: Readonly<Record<string, number>>): string[] {
  const last = lines.at(-1);
  if (last === undefined) return ['no step done yet'];
  const show = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(3));
  // A detector's losses have no value that they begin and stay at.
  const isKnown = Object.keys(chance).length > 0;
  const hasEnd = endLength(lines.map(({ step }) => step)) > 1;
  const row = (name: string, from: string, to: string, end: string, level: string) => [
    ...[name, from, to],
    ...(hasEnd ? [end] : []),
    ...(isKnown ? [level] : []),
  ];
  const course = (values: ReadonlyArray<number | null | undefined>) => {
    const finite = values.flatMap((value) => value ?? []);
    const end = finite.length === 0 ? undefined : endOf(finite);
    return [show(values[0]), show(values.at(-1)), show(end)] as const;
  };
  const losses = Object.keys(last.loss).map((name) =>
    row(lossName(name), ...course(lines.map(({ loss }) => loss[name])), show(chance[name])),
  );
  const metrics = Object.keys(last.metric ?? {}).map((name) =>
    row(titleOf(name), ...course(lines.map(({ metric }) => metric?.[name])), ''),
  );
  const ofTheEnd = endInWords(lines.map(({ step }) => step)).replace(/^the /, '');
  return [
    `${last.step} steps, ${(last.epoch ?? 0).toFixed(1)} epochs`,
    alignedTable(row('', 'first step', 'last step', ofTheEnd, 'chance level'), [...losses, ...metrics]),
  ];
}

function titleOf(metric: string): string {
  const { words, unit } = metricName(metric);
  return unit === 'metres' ? `${words}, m` : words;
}
