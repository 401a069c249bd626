import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { readConfigJson } from './config-file.ts';
import { type DetectionConfig, parseDetectionConfig } from './detection-config.ts';

type Json = { readonly [key: string]: unknown };

/**
 * A detector's configuration with the encoders of a run, a pretraining's or a detector's, as that run has them: kinds and
 * widths, batch norms, radii, colours. How many points and neighbours the detector samples at each level, and its canvas,
 * stay its own, as weights do not depend on them. Throws an InputError where the folder is no run's.
 */
export async function adoptEncoders(config: DetectionConfig, run: string): Promise<DetectionConfig> {
  const file = join(run, 'config.json');
  const there = await readConfigJson(file, { file: run, expected: 'a run, with config.json' });
  const source = there[String(there.objective ?? there.detector)] as Json | undefined;
  if (typeof source !== 'object')
    throw new InputError({
      file,
      expected: 'the configuration of a run',
      found: Object.keys(there).join(', '),
    });
  const { detector } = config;
  const model = { ...(config as unknown as { [key: string]: Json })[detector] };
  if ('imageEncoder' in model && 'imageEncoder' in source) {
    model.imageEncoder = source.imageEncoder;
    const colours = (source.image as Json | undefined)?.colours;
    model.image = { ...(model.image as Json), ...(colours === undefined ? {} : { colours }) };
  }
  if ('pointEncoder' in model && 'pointEncoder' in source)
    model.pointEncoder = withOwnSampling(source.pointEncoder as Json, model.pointEncoder as Json);
  return parseDetectionConfig({ ...config, [detector]: model }, { file });
}

function withOwnSampling(theirs: Json, own: Json): Json {
  const levels = theirs.levels as readonly Json[];
  const ownLevels = own.levels as readonly Json[];
  const fits = levels.every(
    (level, l) =>
      Array.isArray(ownLevels[l]?.neighbors) &&
      ownLevels[l].neighbors.length === (level.neighbors as readonly number[]).length,
  );
  if (!fits || levels.length !== ownLevels.length) return theirs;
  return {
    ...theirs,
    levels: levels.map((level, l) => ({
      ...level,
      points: ownLevels[l].points,
      neighbors: ownLevels[l].neighbors,
    })),
  };
}
