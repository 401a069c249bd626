import { z } from 'zod';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import { halvedPointEncoder } from '../pointcloud/pointnet2-encoder.ts';
import type { SweepView } from '../views/sweep-view.ts';
import { pointEncoderOf } from './drive-run.ts';
import type { OptionFact, Preset } from './objective.ts';

const positive = z.number().positive();
const unit = z.number().min(0).max(1);

/** How one sweep is drawn, as the configurations of systems have it. */
export const sweepFields = {
  /** How far it is turned about the LiDAR (radians), scaled and mirrored. */
  view: z.strictObject({
    maxRotation: z.number().min(0),
    scale: z.tuple([positive, positive]),
    flipProbability: unit,
  }),
  /** At most this share of the drawn points is ground, as far as there are enough others; absent, all are drawn alike. */
  groundShare: unit.optional(),
  /** The level of the encoder whose centres are the candidates, counted from 0. */
  candidateLevel: z.int().min(0),
};

type SweepOptions = z.infer<z.ZodObject<typeof sweepFields>>;

/** What these options mean, for a system's table. */
export const sweepOptions: { readonly [option: string]: OptionFact } = {
  'view.maxRotation': { means: 'how far a sweep is turned about the LiDAR, radians', paper: '?' },
  groundShare: { means: 'the most of the drawn points that may be ground', paper: '?', code: 'all points' },
  candidateLevel: { means: 'the level of the encoder whose centres say something', paper: '?' },
};

/** As `point3d-small` draws its sweeps. */
export const smallSweep: SweepOptions = {
  view: { maxRotation: Math.PI / 8, scale: [0.95, 1.05], flipProbability: 0.5 },
  groundShare: 0.1,
  candidateLevel: 1,
};

/** The point encoder of a run, whose candidates a system looks at. Throws an InputError where the run has none, or the encoder no such level. */
export function candidateEncoderOf(
  encoders: EncodersConfig,
  system: string,
  { candidateLevel }: Pick<SweepOptions, 'candidateLevel'>,
): NonNullable<EncodersConfig['points']> {
  const encoder = pointEncoderOf(encoders, system);
  const last = encoder.levels.length - 1;
  if (candidateLevel <= last) return encoder;
  throw new InputError({
    file: 'configuration',
    place: `objectives.${system}.candidateLevel`,
    expected: `a level of the ${last + 1}, 0 to ${last}`,
    found: `${candidateLevel}`,
  });
}

/** A view of one sweep for a point encoder, with what is to be said of it. */
export function sweepView(
  { view, groundShare, candidateLevel }: SweepOptions,
  { input, levels, useXyz, dilated }: NonNullable<EncodersConfig['points']>,
  said: Pick<SweepView, 'boxes' | 'rays'>,
): SweepView {
  return {
    kind: 'sweep',
    points: input,
    ...(groundShare !== undefined && { groundShare }),
    view: { ...view, pivot: [0, 0, 0] },
    pointEncoder: { levels, useXyz, dilated },
    candidateLevel,
    ...said,
  };
}

const adamw = { kind: 'adamw', learningRate: 2e-3, weightDecay: 0.01 };

/** A run on sweeps at a size that trains on two CPU cores: points and encoder as `point3d-small` has them, and its optimizers. */
export function sweepRun(objectives: { readonly [system: string]: unknown }): Preset['run'] {
  return {
    encoders: {
      points: {
        useXyz: true,
        dilated: true,
        bias: halvedPointEncoder.bias,
        batchNorm: halvedPointEncoder.batchNorm,
        levels: halvedPointEncoder.levels,
        input: { count: 4096, range: { min: [0, -40, -3], max: [70.4, 40, 1] }, cropToImage: true },
      },
    },
    objectives,
    batchSize: 8,
    epochs: 50,
    steps: 600,
    seed: 0,
    schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.05 } },
    optimizers: { points: adamw, heads: adamw },
    clip: { norm: 10, of: 'all' },
    checkpoint: { everySteps: 100, keep: 2 },
    loader: { workers: 1, prefetch: 2 },
  };
}
