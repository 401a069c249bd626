import type { FramePart } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import { createPretraining } from '../../training/create-pretraining.ts';
import { lookingThrough } from '../../training/export-features.ts';
import { readRunConfig } from '../../training/run/model-state.ts';
import type { RunInfo, SessionInfo } from '../protocol.ts';
import type { SessionParts } from './open-parts.ts';

const needed: readonly FramePart[] = ['sweep', 'picture', 'calibration'];

/**
 * Which parts of the page have something to show: matches those of frames with sweep, picture and calibration, by a run
 * that compares places or without one; features those of a pretraining run on such frames.
 */
export async function offersOf(
  { sequence, run }: Pick<SessionParts, 'sequence' | 'run'>,
  info: RunInfo | undefined,
): Promise<SessionInfo['offers']> {
  const isWhole = sequence?.moments.some(({ files }) => needed.every((part) => files[part] !== undefined));
  if (!isWhole) return { matches: false, features: false };
  if (run === undefined || info?.learns !== 'encoders') return { matches: true, features: false };
  return { matches: await comparesPlaces(run.folder), features: true };
}

async function comparesPlaces(folder: string): Promise<boolean> {
  try {
    const { config } = await readRunConfig(folder);
    return lookingThrough(createPretraining(config, config.batchSize)).comparison !== undefined;
  } catch (error) {
    // What is wrong with the run is told where matches would be.
    if (error instanceof InputError) return true;
    throw error;
  }
}
