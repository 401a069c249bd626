import { Random } from '../src/engine/random.ts';
import { evaluateKitti } from '../src/evaluation/kitti/kitti-evaluation.ts';
import type { KittiFramePair, KittiObjectLine } from '../src/evaluation/kitti/kitti-result-lines.ts';
import { timed } from './alternate.ts';
import { compare } from './compare.ts';
import type { Row } from './measurement.ts';

/** How much there is to evaluate. */
export interface KittiEvaluationBenchOptions {
  readonly frames: number;
  /** Labels and detections of a frame. */
  readonly labels: number;
  readonly detections: number;
  readonly runs: number;
  readonly warmup: number;
}

const labelTypes = ['Car', 'Car', 'Car', 'Van', 'Pedestrian', 'Cyclist', 'DontCare'];
const detectedTypes = labelTypes.slice(0, -1);

/** The whole evaluation, three classes by four metrics by three difficulties, of drawn labels and detections, in one thread. */
export async function benchKittiEvaluation(options: KittiEvaluationBenchOptions): Promise<Row[]> {
  const { frames: count, labels, detections } = options;
  const frames = drawFrames(options);
  const shape = `${count} frames, ${labels} labels, ${detections} detections`;
  const work = { name: 'evaluation', shape, run: timed(() => evaluateKitti(frames)) };
  return compare(work, undefined, { ...options, threads: 1 });
}

/** Frames in which most labels are found, a little off, and the other detections lie anywhere. */
function drawFrames({ frames, labels, detections }: KittiEvaluationBenchOptions): KittiFramePair[] {
  const random = Random.fromSeed('kitti evaluation bench');
  return Array.from({ length: frames }, (_, i) => {
    const objects = Array.from({ length: labels }, () =>
      drawObject(random, random.pick(labelTypes), { occlusion: random.integer(3), score: Number.NaN }),
    );
    const found = objects
      .filter(({ type }) => type !== 'DontCare' && random.chance(0.9))
      .slice(0, detections)
      .map((object) => ({ ...object, ...moved(random, object), score: random.uniform(0.3, 1) }));
    const wrong = Array.from({ length: detections - found.length }, () =>
      drawObject(random, random.pick(detectedTypes), { occlusion: -1, score: random.uniform() }),
    );
    return { id: String(i).padStart(6, '0'), labels: objects, detections: [...found, ...wrong] };
  });
}

/** An object on the road before the camera, in a picture of KITTI's size. */
function drawObject(
  random: Random,
  type: string,
  seen: { readonly occlusion: number; readonly score: number },
): KittiObjectLine {
  const [x, z] = [random.uniform(-20, 20), random.uniform(5, 60)];
  const [u, v, perMetre] = [610 + (720 * x) / z, 175 + (720 * 0.8) / z, 720 / z];
  return {
    type,
    truncation: 0,
    alpha: random.uniform(-3, 3),
    box2: [u - 1.5 * perMetre, v - 0.75 * perMetre, u + 1.5 * perMetre, v + 0.75 * perMetre],
    sizeM: [1.5, 1.6, 3.9],
    location: [x, 1.6, z],
    rotationY: random.uniform(-3, 3),
    ...seen,
  };
}

function moved(random: Random, { box2, location: [x, y, z] }: KittiObjectLine) {
  const [left, top, right, bottom] = box2.map((edge) => random.normal(edge, 2));
  return {
    box2: [left, top, right, bottom] as const,
    location: [random.normal(x, 0.1), y, random.normal(z, 0.1)] as const,
  };
}
