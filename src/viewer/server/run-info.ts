import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { totalSteps } from '../../training/pretrain.ts';
import { listCheckpoints } from '../../training/run/checkpoint.ts';
import { upgradedConfig } from '../../training/run/old-runs.ts';
import type { Problem, RunInfo } from '../protocol.ts';

/** The file of a run's configuration. */
export const CONFIG = 'config.json';

const configSchema = z.looseObject({
  objectives: z.record(z.string(), z.unknown()).optional(),
  detector: z.string().optional(),
  classifier: z.looseObject({}).optional(),
  steps: z.number().nullable().optional(),
  epochs: z.number().nullable().optional(),
  batchSize: z.number().optional(),
  data: z
    .looseObject({ frames: z.number().optional(), imageSet: z.string().optional() })
    .optional()
    .catch(undefined),
});

/** A run as it stands now; what of it cannot be read is its `problem`, and the rest is there all the same. */
export async function readRunInfo(folder: string): Promise<RunInfo> {
  const problems: Problem[] = [];
  const noted = (error: unknown) => {
    problems.push(problemOf(error));
    return undefined;
  };
  const config = await readConfig(join(folder, CONFIG)).catch(noted);
  const known = config === undefined ? undefined : await parseConfig(config).catch(noted);
  const checkpoints = await listCheckpoints(folder).catch(noted);
  return {
    name: basename(resolve(folder)),
    objective:
      known?.detector ??
      (known?.objectives && Object.keys(known.objectives).join(' + ')) ??
      (known?.classifier === undefined ? 'unknown' : 'classifier'),
    learns: learnedBy(known),
    config,
    totalSteps: known === undefined ? undefined : stepsOf(known),
    imageSet: known?.data?.imageSet,
    checkpoints: (checkpoints ?? []).map(({ step }) => step),
    problem: problems[0],
  };
}

function learnedBy(config: z.infer<typeof configSchema> | undefined): RunInfo['learns'] {
  if (config?.detector !== undefined) return 'detector';
  return config?.objectives === undefined && config?.classifier !== undefined ? 'classifier' : 'encoders';
}

/** An error as what it keeps from being shown. */
export function problemOf(error: unknown): Problem {
  return { message: (error as Error).message };
}

async function readConfig(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const found = reasonOf(error as NodeJS.ErrnoException);
    throw new InputError({ file: CONFIG, expected: 'the configuration of a run', found }, { cause: error });
  }
}

/** What this needs to know; a configuration of another version is shown as well. */
async function parseConfig(value: unknown): Promise<z.infer<typeof configSchema>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const { data, error } = configSchema.safeParse(isObject ? upgradedConfig({ ...value }) : value);
  const expected = 'the configuration of a run';
  if (data !== undefined) {
    if ((data.objectives ?? data.detector ?? data.classifier) !== undefined) return data;
    throw new InputError({
      file: CONFIG,
      place: 'objectives',
      expected,
      found: 'neither that nor a detector',
    });
  }
  const { path, message } = error.issues[0];
  const place = path.length === 0 ? undefined : path.join('.');
  throw new InputError({ file: CONFIG, place, expected, found: message });
}

function stepsOf({ steps, epochs, batchSize, data }: z.infer<typeof configSchema>): number | undefined {
  if (typeof steps === 'number') return steps;
  if (typeof epochs !== 'number' || batchSize === undefined || data?.frames === undefined) return undefined;
  return totalSteps({ steps: null, epochs, batchSize }, data.frames);
}
