import type {
  Difficulty,
  EvaluatedClass,
  OverlapMetric,
} from '../../../src/evaluation/kitti/kitti-matching.ts';
import type { KittiFramePair, KittiObjectLine } from '../../../src/evaluation/kitti/kitti-result-lines.ts';

type Point = readonly [x: number, y: number];
type Role = 'counts' | 'ignored' | 'absent';

/** What the benchmark asks of one class, metric and difficulty. */
export interface Question {
  readonly name: EvaluatedClass;
  readonly metric: OverlapMetric;
  readonly difficulty: Difficulty;
  readonly minOverlap: number;
}

const rules = {
  easy: { height: 40, hidden: 0, cut: 0.15 },
  moderate: { height: 25, hidden: 1, cut: 0.3 },
  hard: { height: 25, hidden: 2, cut: 0.5 },
};
const tolerated: { readonly [name: string]: string } = { Car: 'Van', Pedestrian: 'Person_sitting' };

/**
 * KITTI's evaluation told step by step, as slowly as it comes: at every threshold every frame is gone through anew, every
 * pair compared. Gives the precision and the orientation similarity at 41 recalls, made monotone.
 */
export function restatedCurves(
  frames: readonly KittiFramePair[],
  question: Question,
): { precision: number[]; similarity: number[]; labels: number } {
  const { height, hidden, cut } = rules[question.difficulty];
  const labelRole = (label: KittiObjectLine): Role => {
    if (label.type !== question.name && label.type !== tolerated[question.name]) return 'absent';
    const tall = label.box2[3] - label.box2[1] > height;
    const clear = label.occlusion <= hidden && label.truncation <= cut;
    return label.type === question.name && tall && clear ? 'counts' : 'ignored';
  };
  const detectionRole = (detection: KittiObjectLine): Role => {
    if (Math.floor(detection.box2[3] - detection.box2[1]) < height) return 'ignored';
    return detection.type === question.name ? 'counts' : 'absent';
  };
  const labels = frames
    .flatMap((frame) => frame.labels)
    .filter((each) => labelRole(each) === 'counts').length;

  const found: number[] = [];
  for (const frame of frames) {
    const used = new Set<KittiObjectLine>();
    for (const label of frame.labels) {
      if (labelRole(label) === 'absent') continue;
      const possible = frame.detections.filter(
        (each) =>
          !used.has(each) &&
          detectionRole(each) !== 'absent' &&
          iou(each, label, question.metric) > question.minOverlap,
      );
      if (possible.length === 0) continue;
      const highest = Math.max(...possible.map(({ score }) => score));
      const chosen = possible.find(({ score }) => score === highest)!;
      used.add(chosen);
      if (labelRole(label) === 'counts' && detectionRole(chosen) === 'counts') found.push(chosen.score);
    }
  }

  const precision: number[] = new Array(41).fill(0);
  const similarity: number[] = new Array(41).fill(0);
  thresholdsOf(found, labels).forEach((threshold, k) => {
    let [right, wrong, alike] = [0, 0, 0];
    for (const frame of frames) {
      const used = new Set<KittiObjectLine>();
      for (const label of frame.labels) {
        if (labelRole(label) === 'absent') continue;
        const possible = frame.detections.filter(
          (each) =>
            !used.has(each) &&
            each.score >= threshold &&
            detectionRole(each) !== 'absent' &&
            iou(each, label, question.metric) > question.minOverlap,
        );
        const counting = possible.filter((each) => detectionRole(each) === 'counts');
        const most = Math.max(...counting.map((each) => iou(each, label, question.metric)));
        const chosen =
          counting.find((each) => iou(each, label, question.metric) === most) ??
          (possible.length > 0 ? possible[0] : undefined);
        if (chosen === undefined) continue;
        used.add(chosen);
        if (labelRole(label) === 'ignored' || detectionRole(chosen) === 'ignored') continue;
        right++;
        alike += (1 + Math.cos(chosen.alpha - label.alpha)) / 2;
      }
      for (const each of frame.detections) {
        if (used.has(each) || each.score < threshold || detectionRole(each) !== 'counts') continue;
        const excused = frame.labels.some(
          (region) =>
            region.type === 'DontCare' && covered(each, region, question.metric) > question.minOverlap,
        );
        if (!excused) wrong++;
      }
    }
    if (k > 40 || right + wrong === 0) return;
    precision[k] = right / (right + wrong);
    similarity[k] = alike / (right + wrong);
  });
  const monotone = (values: number[]) => values.map((_, k) => Math.max(...values.slice(k)));
  return { precision: monotone(precision), similarity: monotone(similarity), labels };
}

function thresholdsOf(found: readonly number[], labels: number): number[] {
  const scores = [...found].sort((a, b) => b - a);
  const thresholds: number[] = [];
  // Summed up as the benchmark's program does it: a multiple of 1/40 decides ties by another last bit.
  let due = 0;
  for (const [i, score] of scores.entries()) {
    const here = due - (i + 1) / labels;
    const next = (i + 2) / labels - due;
    if (i < scores.length - 1 && next < here) continue;
    due += 1 / 40;
    thresholds.push(score);
  }
  return thresholds;
}

function iou(a: KittiObjectLine, b: KittiObjectLine, metric: OverlapMetric): number {
  const both = shared(a, b, metric);
  return both === 0 ? 0 : both / (size(a, metric) + size(b, metric) - both);
}

function covered(detection: KittiObjectLine, region: KittiObjectLine, metric: OverlapMetric): number {
  const both = shared(detection, region, metric);
  return both === 0 ? 0 : both / size(detection, metric);
}

function size(
  { box2: [left, top, right, bottom], sizeM: [h, w, l] }: KittiObjectLine,
  metric: OverlapMetric,
) {
  if (metric === 'bbox') return (right - left) * (bottom - top);
  return metric === 'bev' ? w * l : h * w * l;
}

function shared(a: KittiObjectLine, b: KittiObjectLine, metric: OverlapMetric): number {
  if (metric === 'bbox') {
    const along = Math.min(a.box2[2], b.box2[2]) - Math.max(a.box2[0], b.box2[0]);
    const down = Math.min(a.box2[3], b.box2[3]) - Math.max(a.box2[1], b.box2[1]);
    return along > 0 && down > 0 ? along * down : 0;
  }
  const ground = sharedGround(cornersOf(a), cornersOf(b));
  if (metric === 'bev') return ground;
  const [ay, by] = [a.location[1], b.location[1]];
  return ground * Math.max(0, Math.min(ay, by) - Math.max(ay - a.sizeM[0], by - b.sizeM[0]));
}

/** Corners on the ground in order around it: KITTI's turn about y takes (l, w) to (c l + s w, -s l + c w). */
function cornersOf({ location: [x, , z], sizeM: [, w, l], rotationY }: KittiObjectLine): Point[] {
  const [c, s] = [Math.cos(rotationY), Math.sin(rotationY)];
  return [
    [1, 1],
    [-1, 1],
    [-1, -1],
    [1, -1],
  ].map(([i, j]) => [x + (c * i * l + s * j * w) / 2, z + (c * j * w - s * i * l) / 2]);
}

/** The area of what two quadrangles share: corners of one inside of the other, and crossings of their sides, put in order by angle. */
function sharedGround(a: readonly Point[], b: readonly Point[]): number {
  const sides = (polygon: readonly Point[]) => polygon.map((p, i) => [p, polygon[(i + 1) % 4]] as const);
  const cross = (o: Point, p: Point, q: Point) =>
    (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]);
  const inside = (p: Point, polygon: readonly Point[]) => {
    const turns = sides(polygon).map(([from, to]) => cross(from, to, p));
    return turns.every((turn) => turn >= 0) || turns.every((turn) => turn <= 0);
  };
  const corners: Point[] = [...a.filter((p) => inside(p, b)), ...b.filter((p) => inside(p, a))];
  for (const [p, q] of sides(a)) {
    for (const [r, s] of sides(b)) {
      const [before, after] = [cross(r, s, p), cross(r, s, q)];
      const [left, right] = [cross(p, q, r), cross(p, q, s)];
      if (before * after >= 0 || left * right >= 0) continue;
      const t = before / (before - after);
      corners.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
    }
  }
  if (corners.length < 3) return 0;
  const mid = corners.reduce(
    ([x, y], [px, py]) => [x + px / corners.length, y + py / corners.length],
    [0, 0],
  );
  const ordered = [...corners].sort(
    (p, q) => Math.atan2(p[1] - mid[1], p[0] - mid[0]) - Math.atan2(q[1] - mid[1], q[0] - mid[0]),
  );
  const twice = ordered.reduce(
    (sum, p, i) => sum + cross(mid as Point, p, ordered[(i + 1) % ordered.length]),
    0,
  );
  return Math.abs(twice) / 2;
}
