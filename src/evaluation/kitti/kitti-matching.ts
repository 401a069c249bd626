import { neighbourClasses } from '../../datasets/neighbour-classes.ts';
import { imageArea, imageIntersection } from '../../geometry/box-overlap.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { intersectionArea, type OrientedRectangle } from '../../geometry/oriented-rectangle.ts';
import type { KittiFramePair, KittiObjectLine } from './kitti-result-lines.ts';

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

/** A detection that is lower counts at no difficulty, in no metric. */
export const LEAST_HEIGHT_PX = Math.min(...difficulties.map((difficulty) => LIMITS[difficulty].heightPx));

/** What an object is to the evaluation of a class and difficulty: it counts, it is neither right nor wrong, or it is not there. */
const COUNTS = 0;
const IGNORED = 1;
const INVISIBLE = -1;

/** A frame made ready for a class and metric: what overlaps enough to match, whatever the difficulty. */
export interface PreparedFrame {
  readonly labels: readonly KittiObjectLine[];
  readonly detections: readonly KittiObjectLine[];
  /** Detections that overlap a label by more than the least overlap, label by label; those of label i begin at `starts[i]`. */
  readonly candidates: Int32Array;
  readonly starts: Int32Array;
  /** Of each candidate. */
  readonly overlaps: Float64Array;
  /** 1 for each detection of which a DontCare region covers more than the least overlap. */
  readonly inDontCare: Uint8Array;
}

/** What is evaluated. */
export interface Measure {
  readonly name: EvaluatedClass;
  readonly metric: OverlapMetric;
  /** What matches overlaps by more than this. */
  readonly minOverlap: number;
}

/**
 * The labels and detections of a frame that can play a part for a class, and which of them overlap enough: intersection
 * over union with labels, and with DontCare regions the share of the detection that is inside.
 */
export function prepareFrame(
  { labels, detections }: KittiFramePair,
  { name, metric, minOverlap }: Measure,
): PreparedFrame {
  const wanted = labels.filter(({ type }) => type === name || type === neighbourClasses[name]);
  // Small detections of any class are ignored rather than invisible, as the benchmark's own program has it.
  const lowest = LIMITS.easy.heightPx;
  const seen = detections.filter((each) => each.type === name || heightOf(each) < lowest);
  const regions = labels.filter(({ type }) => type === 'DontCare').map(shapeOf);
  const shapes = seen.map(shapeOf);
  const starts = new Int32Array(wanted.length + 1);
  const candidates: number[] = [];
  const overlaps: number[] = [];
  wanted.map(shapeOf).forEach((label, i) => {
    shapes.forEach((shape, j) => {
      const overlap = overlapOf(shape, label, { metric, over: 'union' });
      if (!(overlap > minOverlap)) return;
      candidates.push(j);
      overlaps.push(overlap);
    });
    starts[i + 1] = candidates.length;
  });
  const covered = (shape: Shape) =>
    regions.some((region) => overlapOf(shape, region, { metric, over: 'detection' }) > minOverlap);
  return {
    labels: wanted,
    detections: seen,
    candidates: Int32Array.from(candidates),
    starts,
    overlaps: Float64Array.from(overlaps),
    inDontCare: Uint8Array.from(shapes.map((shape) => (covered(shape) ? 1 : 0))),
  };
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
  const labels = new Int8Array(frame.labels.length);
  frame.labels.forEach((label, i) => {
    const height = label.box2[3] - label.box2[1];
    const hard = label.occlusion > occlusion || label.truncation > truncation || height <= heightPx;
    labels[i] = label.type !== name || hard ? IGNORED : COUNTS;
    if (labels[i] === COUNTS) valid++;
  });
  const detections = new Int8Array(frame.detections.length);
  frame.detections.forEach((detection, j) => {
    if (heightOf(detection) < heightPx) detections[j] = IGNORED;
    else detections[j] = detection.type === name ? COUNTS : INVISIBLE;
  });
  return { labels, detections, valid };
}

/**
 * The scores of the true positives of a frame when every detection is taken: label by label in the order of the file, each
 * takes the free detection with the highest score among those that overlap it enough.
 */
export function matchedScores(frame: PreparedFrame, roles: Roles): number[] {
  const { detections, candidates, starts } = frame;
  const taken = new Uint8Array(detections.length);
  const scores: number[] = [];
  for (let i = 0; i < roles.labels.length; i++) {
    let best = -1;
    for (let c = starts[i]; c < starts[i + 1]; c++) {
      const j = candidates[c];
      if (taken[j] === 1 || roles.detections[j] === INVISIBLE) continue;
      if (best < 0 || detections[j].score > detections[best].score) best = j;
    }
    if (best < 0) continue;
    taken[best] = 1;
    if (roles.labels[i] === COUNTS && roles.detections[best] === COUNTS) scores.push(detections[best].score);
  }
  return scores;
}

/** Whether a detection is a false positive unless a label takes it: it counts, and lies outside of DontCare regions. */
export function isAccountable({ inDontCare }: PreparedFrame, roles: Roles, detection: number): boolean {
  return roles.detections[detection] === COUNTS && inDontCare[detection] === 0;
}

/** What became of a frame at a threshold. */
export interface Tally {
  truePositives: number;
  /** Accountable detections that labels took, and that are no false positives therefore. */
  accounted: number;
  /** The sum over true positives of (1 + cos Δalpha) / 2. */
  similarity: number;
}

const NOTHING: Readonly<Tally> = { truePositives: 0, accounted: 0, similarity: 0 };

/** What a frame counts at each of some falling thresholds of the score; what was worked out once is kept. */
export function talliesOf(
  frame: PreparedFrame,
  roles: Roles,
): (thresholds: readonly number[]) => Readonly<Tally>[] {
  const falling = Float64Array.from(frame.candidates, (j) => -frame.detections[j].score).sort();
  // Between two scores of candidates nothing changes.
  const known: Array<Readonly<Tally> | undefined> = [NOTHING];
  return (thresholds) => {
    let reached = 0;
    return thresholds.map((threshold) => {
      while (reached < falling.length && -falling[reached] >= threshold) reached++;
      known[reached] ??= matchesAt(frame, roles, threshold);
      return known[reached]!;
    });
  };
}

/**
 * What the labels of a frame take at a threshold: label by label in the order of the file, each the free detection that
 * overlaps it most, one that counts before one that is ignored.
 */
function matchesAt(frame: PreparedFrame, roles: Roles, threshold: number): Tally {
  const { labels, detections, candidates, starts, overlaps } = frame;
  const tally = { truePositives: 0, accounted: 0, similarity: 0 };
  const taken = new Uint8Array(detections.length);
  for (let i = 0; i < labels.length; i++) {
    let best = -1;
    let most = 0;
    let bestIsIgnored = false;
    for (let c = starts[i]; c < starts[i + 1]; c++) {
      const j = candidates[c];
      const role = roles.detections[j];
      if (taken[j] === 1 || role === INVISIBLE || detections[j].score < threshold) continue;
      if (role === COUNTS && (overlaps[c] > most || bestIsIgnored)) {
        [best, most, bestIsIgnored] = [j, overlaps[c], false];
      } else if (role === IGNORED && best < 0) {
        [best, bestIsIgnored] = [j, true];
      }
    }
    if (best < 0) continue;
    taken[best] = 1;
    if (isAccountable(frame, roles, best)) tally.accounted++;
    if (roles.labels[i] !== COUNTS || roles.detections[best] !== COUNTS) continue;
    tally.truePositives++;
    tally.similarity += (1 + Math.cos(labels[i].alpha - detections[best].alpha)) / 2;
  }
  return tally;
}

/** The height of a detection in the image, which the benchmark cuts to whole pixels. */
export function heightOf({ box2 }: KittiObjectLine): number {
  return Math.trunc(Math.abs(box2[3] - box2[1]));
}

/** An object as what overlaps: in the image, in the plane of the camera's x and z, and along y. */
interface Shape {
  readonly box2: ImageBox;
  readonly footprint: OrientedRectangle;
  readonly area: number;
  /** y is down, and the location is the bottom's: a box spans y - height to y. */
  readonly top: number;
  readonly bottom: number;
}

function shapeOf({ box2, location: [x, y, z], sizeM, rotationY }: KittiObjectLine): Shape {
  const [height, width, length] = sizeM;
  // In that plane a turn about y, which is down, goes from z towards x.
  const footprint = { x, y: z, length, width, yaw: -rotationY };
  return { box2, footprint, area: Math.abs(length * width), top: y - height, bottom: y };
}

function overlapOf(
  detection: Shape,
  other: Shape,
  { metric, over }: { readonly metric: OverlapMetric; readonly over: 'union' | 'detection' },
): number {
  const shared = sharedOf(detection, other, metric);
  if (!(shared > 0)) return 0;
  const own = sizeOf(detection, metric);
  return shared / (over === 'union' ? own + sizeOf(other, metric) - shared : own);
}

function sharedOf(a: Shape, b: Shape, metric: OverlapMetric): number {
  if (metric === 'bbox') return imageIntersection(a.box2, b.box2);
  if (metric === 'bev') return intersectionArea(a.footprint, b.footprint);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return height > 0 ? intersectionArea(a.footprint, b.footprint) * height : 0;
}

function sizeOf({ box2, area, top, bottom }: Shape, metric: OverlapMetric): number {
  if (metric === 'bbox') return imageArea(box2);
  return metric === 'bev' ? area : area * (bottom - top);
}
