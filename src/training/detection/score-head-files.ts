import { join } from 'node:path';
import type { ModelTensors } from '../../detection/detector.ts';
import { Random } from '../../engine/random.ts';
import { branchAt } from '../../nn/layer.ts';
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from '../run/checkpoint.ts';
import type { LearnedScores } from './learn-scores.ts';

/** The folder in a run's folder that has its score head, as a checkpoint of the step whose detector it judges. */
const SCORE_HEAD = 'score-head';

/** Which detector a score head judges: the step and the configuration's fingerprint of its checkpoint. */
export interface Judged {
  readonly step: number;
  readonly fingerprint: string;
}

/** A run's score head for its detector as it was at a step; undefined where it has none. */
export async function loadScoreHead(run: string, judged: Judged): Promise<ModelTensors | undefined> {
  const entry = await latestCheckpoint(join(run, SCORE_HEAD));
  if (entry === undefined) return undefined;
  const { state, meta } = await loadCheckpoint(entry.folder);
  if (meta.step !== judged.step || meta.fingerprint !== judged.fingerprint) return undefined;
  return { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') };
}

/** Keeps a score head with the step of the detector that it judges. */
export async function saveScoreHead(
  run: string,
  { step, fingerprint }: Judged,
  { head, examples, found, factors }: LearnedScores,
): Promise<void> {
  const [yaw, x, y, z] = factors;
  const meta = {
    step,
    fingerprint,
    loader: null,
    random: Random.fromSeed(0).state,
    metrics: { examples, found, yaw, x, y, z },
    time: new Date().toISOString(),
  };
  const state = { params: head.params, stats: head.stats };
  await saveCheckpoint(join(run, SCORE_HEAD), step, { state, meta }, { keep: 1 });
}
