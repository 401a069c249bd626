import { imageArea, imageIntersection } from '../geometry/box-overlap.ts';
import { intersectionArea, type OrientedRectangle } from '../geometry/oriented-rectangle.ts';
import type { KittiFramePair, KittiObjectLine } from './kitti-result-files.ts';

/** What KITTI's benchmark evaluates. */
export const evaluatedClasses = ['Car', 'Pedestrian', 'Cyclist'] as const;
/** What has to overlap: boxes in the image, boxes seen from above, volumes. */
export const overlapMetrics = ['bbox', 'bev', '3d'] as const;
/** The benchmark's difficulties. */
export const difficulties = ['easy', 'moderate', 'hard'] as const;

/** A class that KITTI's benchmark evaluates. */
export type EvaluatedClass = (typeof evaluatedClasses)[number];
/** Which boxes overlap: those in the image, those seen from above, or volumes. */
export type OverlapMetric = (typeof overlapMetrics)[number];
/** A difficulty of KITTI's benchmark. */
export type Difficulty = (typeof difficulties)[number];

/** What an object has to be to count at a difficulty: taller in the image than so many pixels, and not more hidden or cut. */
const LIMITS: {
  readonly [difficulty in Difficulty]: { heightPx: number; occlusion: number; truncation: number };
} = {
  easy: { heightPx: 40, occlusion: 0, truncation: 0.15 },
  moderate: { heightPx: 25, occlusion: 1, truncation: 0.3 },
  hard: { heightPx: 25, occlusion: 2, truncation: 0.5 },
};

/** What may be detected as a class without being right or wrong. */
const NEIGHBOURS: { readonly [name in EvaluatedClass]: string | undefined } = {
  Car: 'Van',
  Pedestrian: 'Person_sitting',
  Cyclist: undefined,
};

/** What an object is to the evaluation of a class and difficulty: it counts, it is neither right nor wrong, or it is not there. */
const COUNTS = 0;
const IGNORED = 1;
const INVISIBLE = -1;

/** A frame made ready for a class and metric: the overlaps between what may match, whatever the difficulty. */
export interface PreparedFrame {
  readonly labels: readonly KittiObjectLine[];
  readonly detections: readonly KittiObjectLine[];
  /** Of each label with each detection. */
  readonly overlaps: Float64Array;
  /** Of each detection, the largest share of it that a DontCare region covers. */
  readonly dontCare: Float64Array;
}

/**
 * The labels and detections of a frame that can play a part for a class, and their overlaps: intersection over union of
 * labels, and with DontCare regions the share of the detection that is inside.
 */
export function prepareFrame(
  { labels, detections }: KittiFramePair,
  { name, metric }: { readonly name: EvaluatedClass; readonly metric: OverlapMetric },
): PreparedFrame {
  const wanted = labels.filter(({ type }) => type === name || type === NEIGHBOURS[name]);
  // Small detections of any class are ignored rather than invisible, as the benchmark's own program has it.
  const lowest = LIMITS.easy.heightPx;
  const seen = detections.filter((each) => each.type === name || heightOf(each) < lowest);
  const regions = labels.filter(({ type }) => type === 'DontCare');
  const overlaps = new Float64Array(wanted.length * seen.length);
  wanted.forEach((label, i) => {
    seen.forEach((detection, j) => {
      overlaps[i * seen.length + j] = overlapOf(detection, label, metric, 'union');
    });
  });
  const dontCare = Float64Array.from(seen, (detection) =>
    regions.reduce((most, region) => Math.max(most, overlapOf(detection, region, metric, 'detection')), 0),
  );
  return { labels: wanted, detections: seen, overlaps, dontCare };
}

/** What a frame counts for, at a difficulty. */
export interface Roles {
  readonly labels: Int8Array;
  readonly detections: Int8Array;
  /** Labels that count. */
  readonly valid: number;
}

/** Which labels and detections of a frame count for a class at a difficulty. */
export function rolesOf(frame: PreparedFrame, name: EvaluatedClass, difficulty: Difficulty): Roles {
  const { heightPx, occlusion, truncation } = LIMITS[difficulty];
  let valid = 0;
  const labels = Int8Array.from(frame.labels, (label) => {
    const height = label.box2[3] - label.box2[1];
    const hard = label.occlusion > occlusion || label.truncation > truncation || height <= heightPx;
    if (label.type !== name || hard) return IGNORED;
    valid++;
    return COUNTS;
  });
  const detections = Int8Array.from(frame.detections, (detection) => {
    if (heightOf(detection) < heightPx) return IGNORED;
    return detection.type === name ? COUNTS : INVISIBLE;
  });
  return { labels, detections, valid };
}

/** What became of a frame at a threshold. */
export interface Tally {
  truePositives: number;
  falsePositives: number;
  /** The sum over true positives of (1 + cos Δalpha) / 2. */
  similarity: number;
}

/**
 * The scores of the true positives of a frame when every detection is taken: label by label in the order of the file, each
 * takes the free detection with the highest score among those that overlap it by more than `minOverlap`.
 */
export function matchedScores(frame: PreparedFrame, roles: Roles, minOverlap: number): number[] {
  const { detections, overlaps } = frame;
  const taken = new Uint8Array(detections.length);
  const scores: number[] = [];
  for (let i = 0; i < roles.labels.length; i++) {
    let best = -1;
    for (let j = 0; j < detections.length; j++) {
      if (taken[j] === 1 || roles.detections[j] === INVISIBLE) continue;
      if (!(overlaps[i * detections.length + j] > minOverlap)) continue;
      if (best < 0 || detections[j].score > detections[best].score) best = j;
    }
    if (best < 0) continue;
    taken[best] = 1;
    if (roles.labels[i] === COUNTS && roles.detections[best] === COUNTS) scores.push(detections[best].score);
  }
  return scores;
}

/**
 * Adds what a frame counts at a threshold of the score: label by label, each takes the free detection that overlaps it most,
 * one that counts before one that is ignored. What is left over is a false positive, unless it lies in a DontCare region.
 */
export function addMatches(
  tally: Tally,
  frame: PreparedFrame,
  {
    roles,
    minOverlap,
    threshold,
  }: { readonly roles: Roles; readonly minOverlap: number; readonly threshold: number },
): void {
  const { labels, detections, overlaps, dontCare } = frame;
  const taken = new Uint8Array(detections.length);
  for (let i = 0; i < labels.length; i++) {
    let best = -1;
    let most = 0;
    let bestIsIgnored = false;
    for (let j = 0; j < detections.length; j++) {
      const role = roles.detections[j];
      if (taken[j] === 1 || role === INVISIBLE || detections[j].score < threshold) continue;
      const overlap = overlaps[i * detections.length + j];
      if (!(overlap > minOverlap)) continue;
      if (role === COUNTS && (overlap > most || bestIsIgnored)) {
        [best, most, bestIsIgnored] = [j, overlap, false];
      } else if (role === IGNORED && best < 0) {
        [best, bestIsIgnored] = [j, true];
      }
    }
    if (best < 0) continue;
    taken[best] = 1;
    if (roles.labels[i] !== COUNTS || roles.detections[best] !== COUNTS) continue;
    tally.truePositives++;
    tally.similarity += (1 + Math.cos(labels[i].alpha - detections[best].alpha)) / 2;
  }
  for (let j = 0; j < detections.length; j++) {
    const free = taken[j] === 0 && roles.detections[j] === COUNTS && detections[j].score >= threshold;
    if (free && !(dontCare[j] > minOverlap)) tally.falsePositives++;
  }
}

/** The benchmark cuts the height of a detection to whole pixels. */
function heightOf({ box2 }: KittiObjectLine): number {
  return Math.trunc(Math.abs(box2[3] - box2[1]));
}

function overlapOf(
  detection: KittiObjectLine,
  other: KittiObjectLine,
  metric: OverlapMetric,
  over: 'union' | 'detection',
): number {
  const [shared, own, others] =
    metric === 'bbox'
      ? [imageIntersection(detection.box2, other.box2), imageArea(detection.box2), imageArea(other.box2)]
      : sharedInSpace(detection, other, metric);
  const whole = over === 'union' ? own + others - shared : own;
  return whole > 0 ? shared / whole : 0;
}

function sharedInSpace(
  a: KittiObjectLine,
  b: KittiObjectLine,
  metric: 'bev' | '3d',
): [shared: number, own: number, others: number] {
  const [ra, rb] = [footprint(a), footprint(b)];
  const [areaA, areaB] = [Math.abs(ra.length * ra.width), Math.abs(rb.length * rb.width)];
  if (metric === 'bev') return [intersectionArea(ra, rb), areaA, areaB];
  // y is down, and the location is the bottom's: a box spans y - height to y.
  const bottom = Math.min(a.location[1], b.location[1]);
  const top = Math.max(a.location[1] - a.sizeM[0], b.location[1] - b.sizeM[0]);
  const shared = bottom > top ? intersectionArea(ra, rb) * (bottom - top) : 0;
  return [shared, areaA * a.sizeM[0], areaB * b.sizeM[0]];
}

/** The box in the plane of the camera's x and z; there a turn about y, which is down, goes from z towards x. */
function footprint({ location, sizeM, rotationY }: KittiObjectLine): OrientedRectangle {
  return { x: location[0], y: location[2], length: sizeM[2], width: sizeM[1], yaw: -rotationY };
}
