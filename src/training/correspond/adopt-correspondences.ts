import { join } from 'node:path';
import type { Frames } from '../../datasets/open-frames.ts';
import { InputError } from '../../engine/input-error.ts';
import { systems } from '../../objectives/systems.ts';
import type { Correspondences } from '../../views/correspondences.ts';
import { parseRunConfig, type RunConfig } from '../config.ts';
import { type CorrespondenceFile, readCorrespondences } from './correspondence-file.ts';

/** The file of boxes in a run's folder. */
const KEPT = 'correspondences.safetensors';

/** The systems of a run that learn from boxes of pictures that belong together: their option is called `correspondences`. */
function matchedIn({ objectives }: Pick<RunConfig, 'objectives'>): string[] {
  return systems
    .filter(({ name, correspondences }) => correspondences && objectives[name] !== undefined)
    .map(({ name }) => name);
}

/**
 * A configuration with the SHA-256 of a file of boxes as the option of its systems, and what is in the file. Throws an InputError
 * for a file of another kind, and where no system learns from boxes.
 */
export async function adoptCorrespondences(
  config: RunConfig,
  file: string,
): Promise<{ readonly config: RunConfig; readonly correspondences: CorrespondenceFile }> {
  const matched = matchedIn(config);
  if (matched.length === 0) {
    const able = systems.filter(({ correspondences }) => correspondences).map(({ name }) => name);
    throw new InputError({
      file: 'configuration',
      place: 'objectives',
      expected: `a system that learns from boxes: ${able.join(', ')}`,
      found: Object.keys(config.objectives).join(', '),
    });
  }
  const correspondences = await readCorrespondences(file);
  const objectives = { ...config.objectives } as { [name: string]: object };
  for (const name of matched)
    objectives[name] = { ...objectives[name], correspondences: correspondences.digest };
  return { config: parseRunConfig({ ...config, objectives }, { file }), correspondences };
}

/**
 * The boxes that a run draws its views of, and, for a run that begins, the file that its folder is to keep. A run that goes on has its
 * own. Nothing where no system needs any. Throws an InputError where there is none, where it is another one than the configuration
 * has, and where it is of other pictures than these.
 */
export async function correspondencesOf(
  config: RunConfig,
  frames: Pick<Frames, 'ids'>,
  {
    given,
    out,
    resumed,
  }: {
    readonly given: CorrespondenceFile | undefined;
    readonly out: string;
    readonly resumed: boolean;
  },
): Promise<{
  readonly correspondences?: Correspondences;
  readonly files: Readonly<Record<string, Uint8Array>>;
}> {
  const matched = matchedIn(config);
  if (matched.length === 0) return { files: {} };
  const kept = join(out, KEPT);
  const file = given ?? (resumed ? await readCorrespondences(kept) : undefined);
  if (file === undefined) {
    throw new InputError({
      file: 'options',
      expected: `--correspondences, the file of boxes that ${matched.join(' and ')} learns from`,
      found: 'none',
    });
  }
  const where = given === undefined ? kept : '--correspondences';
  for (const name of matched) {
    const { correspondences: digest } = config.objectives[name] as { readonly correspondences?: string };
    if (digest === file.digest) continue;
    const expected = `the file with SHA-256 ${digest ?? 'none'}, as objectives.${name}.correspondences has it`;
    throw new InputError({ file: where, expected, found: file.digest });
  }
  requireSamePictures(where, file.about.names, frames.ids);
  return { correspondences: file.correspondences, files: given === undefined ? {} : { [KEPT]: file.bytes } };
}

/** The boxes in the folder of a run that learns from some; undefined of any other run. Throws an InputError where they are missing or damaged. */
export async function keptCorrespondences(
  config: Pick<RunConfig, 'objectives'>,
  run: string,
): Promise<Correspondences | undefined> {
  if (matchedIn(config).length === 0) return undefined;
  return (await readCorrespondences(join(run, KEPT))).correspondences;
}

function requireSamePictures(file: string, names: readonly string[], ids: readonly string[]): void {
  const place = 'names';
  const expected = (what: string) => `boxes of the run's pictures, ${what}`;
  if (names.length !== ids.length)
    throw new InputError({
      file,
      place,
      expected: expected(`${ids.length}`),
      found: `boxes of ${names.length}`,
    });
  const other = names.findIndex((name, i) => name !== ids[i]);
  if (other < 0) return;
  throw new InputError({
    file,
    place: `${place}[${other}]`,
    expected: expected(ids[other]),
    found: names[other],
  });
}
