import { join } from 'node:path';
import type { AnyImageEncoder } from '../../encoders/image-kind.ts';
import { imageKindOf } from '../../encoders/image-kinds.ts';
import { InputError } from '../../engine/input-error.ts';
import { readConfigJson } from '../config-file.ts';
import { isWeightsFile } from '../pretrained.ts';
import { upgradedConfig } from '../run/old-runs.ts';
import { type DetectionConfig, parseDetectionConfig } from './detection-config.ts';

type Json = { readonly [key: string]: unknown };

/**
 * A detector's configuration with the encoders of a run, a pretraining's or a detector's, as that run has them: kinds and
 * widths, batch norms, radii, colours. How many points and neighbours the detector samples at each level, and its canvas,
 * stay its own, as weights do not depend on them. A file of weights says nothing of all that. Throws an InputError where the folder is no run's.
 */
export async function adoptEncoders(config: DetectionConfig, run: string): Promise<DetectionConfig> {
  if (isWeightsFile(run)) return config;
  const file = join(run, 'config.json');
  const there = await readConfigJson(file, { file: run, expected: 'a run, with config.json' });
  const source = encodersIn(upgradedConfig(there));
  if (source === undefined) {
    const found = Object.keys(there).join(', ');
    throw new InputError({ file, expected: 'the configuration of a run', found });
  }
  const { detector } = config;
  const model = { ...(config as unknown as { [key: string]: Json })[detector] };
  const { image, points, colours } = source;
  if ('imageEncoder' in model && image !== undefined) {
    if (!imageKindOf(image as unknown as AnyImageEncoder).isPyramid) {
      const expected = 'an encoder with maps at strides of 4, 8, 16 and 32, which detectors need';
      throw new InputError({ file, place: 'encoders.image.kind', expected, found: `${image.kind}` });
    }
    if (image.stem === 'small') {
      const expected = 'the standard stem, which detectors need';
      throw new InputError({ file, place: 'encoders.image.stem', expected, found: 'small' });
    }
    model.imageEncoder = image;
    model.image = { ...(model.image as Json), ...(colours === undefined ? {} : { colours }) };
  }
  if ('pointEncoder' in model && points !== undefined)
    model.pointEncoder = withOwnSampling(points, model.pointEncoder as Json);
  return parseDetectionConfig({ ...config, [detector]: model }, { file });
}

/** The networks of a run, a pretraining's or a detector's, and the colours of its pictures; undefined for no run. */
function encodersIn(run: Json): { image?: Json; points?: Json; colours?: unknown } | undefined {
  if (typeof run.detector === 'string') {
    const own = run[run.detector] as Json | undefined;
    if (typeof own !== 'object') return undefined;
    const { imageEncoder, pointEncoder, image } = own as { readonly [key: string]: Json | undefined };
    return { image: imageEncoder, points: pointEncoder, colours: image?.colours };
  }
  if (typeof run.encoders !== 'object') return undefined;
  const { image, points } = run.encoders as { readonly [key: string]: Json | undefined };
  const net = ({ input: _, ...rest }: Json): Json => rest;
  const colours = (image?.input as Json | undefined)?.colours;
  return { image: image && net(image), points: points && net(points), colours };
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
