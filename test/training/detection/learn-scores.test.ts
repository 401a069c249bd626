import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scoreInputs, scoreLogits } from '../../../src/detection/monorun/monorun-score.ts';
import type { ScoreExample } from '../../../src/detection/monorun/score-examples.ts';
import { Random } from '../../../src/engine/random.ts';
import { readKittiFolders } from '../../../src/evaluation/kitti/kitti-result-files.ts';
import { choleskyFactor, inverseSymmetric } from '../../../src/geometry/small-solve.ts';
import { detect } from '../../../src/training/detection/detect.ts';
import type { DetectionConfig } from '../../../src/training/detection/detection-config.ts';
import { loadDetectionRun } from '../../../src/training/detection/detection-run.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { fitScoreHead } from '../../../src/training/detection/learn-scores.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { upload, uploadTree, valuesOf } from '../../nn/tensors.ts';
import { tinyDetector } from './tiny-detector.ts';

const FEATURES = 6;
/** What deviations of yaw, x, y, z really are, in units of the covariance's. */
const TRUE_FACTORS = [1.5, 3, 2, 6];

/**
 * Objects whose score is told half by the deviation of the depth and half by a feature, and whose errors are drawn from the
 * covariance with its deviations made larger.
 */
function examples(count: number, seed: string): ScoreExample[] {
  const random = Random.fromSeed(seed);
  return Array.from({ length: count }, () => {
    const features = Float32Array.from({ length: FEATURES }, () => random.normal());
    const logDepth = random.normal();
    const a = Float64Array.from({ length: 16 }, () => random.normal(0, 0.1));
    const covariance = new Float64Array(16);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++)
        for (let k = 0; k < 4; k++) covariance[4 * i + j] += a[4 * i + k] * a[4 * j + k];
    for (let k = 0; k < 4; k++) covariance[5 * k] += 0.01;
    const scale = [1, 1, 1, Math.exp(logDepth)];
    const scaled = covariance.map((value, i) => value * scale[i >> 2] * scale[i & 3]);
    const factor = choleskyFactor(scaled, 4)!;
    const normal = Array.from({ length: 4 }, () => random.normal());
    const [yaw, x, y, z] = TRUE_FACTORS.map(
      (large, i) => large * normal.reduce((sum, n, k) => sum + factor[4 * i + k] * n, 0),
    );
    const evidence = { yaw: random.uniform(-3, 3), translation: [x, y, 20] as const, covariance: scaled };
    return {
      evidence: { ...evidence, sizeM: [4, 1.5, 1.6] as const },
      features,
      target: 1 / (1 + Math.exp(3 * (logDepth - features[0]))),
      error: [yaw, x, y, z] as const,
      precision: inverseSymmetric(scaled, 4)!,
    };
  });
}

/** Of pairs with other targets, the share that scores have in the right order. */
function orderedShare(scores: readonly number[], targets: readonly number[]): number {
  let [right, all] = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    for (let j = 0; j < i; j++) {
      if (Math.abs(targets[i] - targets[j]) < 0.2) continue;
      all++;
      if (scores[i] > scores[j] === targets[i] > targets[j]) right++;
    }
  }
  return right / all;
}

describe('fitScoreHead', () => {
  const options = { seed: 1, widths: [32, 16] as const, learningRate: 3e-3 };

  it('learns what tells good boxes from bad ones, and by how much covariances are wrong', async () => {
    const learned = (await fitScoreHead(examples(400, 'train'), { ...options, steps: 300 }))!;
    expect(learned.examples).toBe(400);
    const others = examples(150, 'held out');
    const share = (head: typeof learned.head) => {
      const { evidence, features } = scoreInputs(others, others.length);
      const logits = scoreLogits(
        uploadTree(head.params),
        uploadTree(head.stats),
        upload(evidence),
        upload(features),
      );
      return orderedShare(
        valuesOf(logits),
        others.map(({ target }) => target),
      );
    };
    const untrained = (await fitScoreHead(examples(400, 'train'), { ...options, steps: 0 }))!;
    expect(share(untrained.head)).toBeLessThan(0.8);
    expect(share(learned.head)).toBeGreaterThan(0.9);
    TRUE_FACTORS.forEach((factor, k) => {
      expect(learned.factors[k] / factor).toBeGreaterThan(0.8);
      expect(learned.factors[k] / factor).toBeLessThan(1.25);
    });
  }, 60_000);

  it('keeps the plain factors where no pose is of a label', async () => {
    const without = examples(20, 'none').map(
      ({ evidence, features, target }): ScoreExample => ({ evidence, features, target }),
    );
    const learned = (await fitScoreHead(without, { ...options, steps: 5 }))!;
    for (const factor of learned.factors) expect(factor).toBeCloseTo(4, 4);
  });
});

describe('a run of monorun', () => {
  let folder: string;
  let data: string;
  const scoreHead = 'monorun.scoreHead={"widths":[8,4],"frames":4,"steps":10,"learningRate":0.01}';
  const config = tinyDetector('monorun', ['steps=3', scoreHead]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'scores-'));
    data = join(folder, 'scenes');
    await smallScenes(data, { count: 6, heldOut: 2 });
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  async function train(
    name: string,
    options: { own?: DetectionConfig; stopAt?: string; resume?: boolean } = {},
  ) {
    const controller = new AbortController();
    const said: string[] = [];
    const stream = {
      write: (text: string) => {
        said.push(text);
        if (options.stopAt !== undefined && text.includes(options.stopAt)) controller.abort();
      },
    };
    const out = join(folder, name);
    const { own = config, resume } = options;
    const selection = { root: data, imageSet: 'train' };
    const result = await finetune({
      config: own,
      data: selection,
      out,
      stream,
      resume,
      signal: controller.signal,
    });
    return { out, result, said: said.join('') };
  }

  async function resultsOf(run: string) {
    const detections = join(folder, `${serial++}`);
    const selection = { root: data, imageSet: 'val' };
    await detect({
      run: await loadDetectionRun(run),
      data: selection,
      out: detections,
      stream: { write: () => {} },
    });
    const names = (await readdir(detections)).filter((name) => name.endsWith('.txt'));
    return Promise.all(names.sort().map((name) => readFile(join(detections, name), 'utf8')));
  }
  let serial = 0;

  it('has a score head in the end, which says other scores of the same boxes', async () => {
    const { out, result, said } = await train('whole');
    expect(result.interrupted).toBe(false);
    expect(said).toMatch(
      /learned from \d+ boxes, \d+ of them on an object; deviations of yaw, x, y, z times/,
    );
    expect(await readdir(join(out, 'score-head/checkpoints'))).toEqual(['00000003']);
    const { model } = await loadDetectionRun(out);
    expect(model.params.scoreHead).toBeDefined();
    const plain = await train('plain', {
      own: tinyDetector('monorun', ['steps=3', 'monorun.scoreHead=null']),
    });
    expect((await loadDetectionRun(plain.out)).model.params.scoreHead).toBeUndefined();
    const [judged, unjudged] = [await resultsOf(out), await resultsOf(plain.out)];
    expect(judged.join('').length).toBeGreaterThan(0);
    expect(judged).not.toEqual(unjudged);
    const detections = join(folder, '0');
    await readKittiFolders({ labels: join(data, 'training/label_2'), detections, ids: ['000004', '000005'] });
  }, 120_000);

  it('learns it when it is resumed, if that was where it was stopped, and then never again', async () => {
    const { out, result } = await train('stopped', { stopAt: 'the score head' });
    expect(result).toMatchObject({ step: 3, interrupted: true });
    expect((await loadDetectionRun(out)).model.params.scoreHead).toBeUndefined();
    const again = await train('stopped', { resume: true });
    expect(again.result.interrupted).toBe(false);
    expect(again.said).toContain('learned from');
    expect(await resultsOf(out)).toEqual(await resultsOf(join(folder, 'whole')));
    expect((await train('stopped', { resume: true })).said).not.toContain('learned from');
  }, 120_000);
});
