import { neighbourClasses } from '../../datasets/neighbour-classes.ts';
import type { Box3 } from '../../geometry/box.ts';
import { birdsEyeIou, imageArea, imageIntersection } from '../../geometry/box-overlap.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';

/** What of a label or a detection decides whether they belong together. */
export interface Matchable {
  readonly type: string;
  /** In the LiDAR frame; undefined for regions that were not labelled in space. */
  readonly box3: Box3 | undefined;
  /** Pixels. */
  readonly box2: ImageBox;
  readonly score?: number;
}

/** What became of the labels and detections of a frame, one entry each in their order. */
export interface Outcomes {
  readonly labels: ReadonlyArray<'found' | 'missed' | 'ignored'>;
  readonly detections: ReadonlyArray<'right' | 'false' | 'ignored'>;
}

/** How often each outcome was. */
export interface OutcomeCounts {
  readonly found: number;
  readonly missed: number;
  readonly falseAlarms: number;
}

/** How much of a detection's rectangle a region that was not labelled has to cover. */
const COVERED = 0.5;
/** The classes of KITTI's benchmark, and how much their boxes have to overlap there, seen from above. */
const BENCHMARK = ['Car', 'Pedestrian', 'Cyclist'];
const CAR_OVERLAP = { strict: 0.7, loose: 0.5 } as const;
const OTHER_OVERLAP = { strict: 0.5, loose: 0.25 } as const;

/** How much boxes of a class have to overlap, and more, seen from above: as KITTI's benchmark has it, 0.5 (loose: 0.25) for other classes. */
export function outcomeOverlap(type: string, overlaps: 'strict' | 'loose'): number {
  return (type === 'Car' ? CAR_OVERLAP : OTHER_OVERLAP)[overlaps];
}

/**
 * Which labels were found and which detections are right: label by label in their order, each takes the free detection of
 * its class that overlaps it most seen from above, and enough. Labels are not sorted out by difficulty. Neither right nor
 * wrong are labels of classes that are not looked for, and detections of a similar class's object (a van as a car), in
 * regions that were not labelled, or of objects that were labelled in the image alone. Classes that are looked for are `classes`, or those of the benchmark and of the detections.
 */
export function outcomesOf(
  labels: readonly Matchable[],
  detections: readonly Matchable[],
  options: { readonly overlaps?: 'strict' | 'loose'; readonly classes?: readonly string[] } = {},
): Outcomes {
  const { overlaps = 'strict' } = options;
  const wanted = new Set<string>(options.classes ?? [...BENCHMARK, ...detections.map(({ type }) => type)]);
  const taken = new Set<number>();
  /** Takes the detection that fits a label best. */
  const take = ({ box3 }: Matchable, type: string): boolean => {
    let [best, most] = [-1, outcomeOverlap(type, overlaps)];
    detections.forEach((detection, j) => {
      if (box3 === undefined || detection.box3 === undefined) return;
      if (detection.type !== type || taken.has(j)) return;
      const iou = birdsEyeIou(box3, detection.box3);
      if (iou > most) [best, most] = [j, iou];
    });
    if (best >= 0) taken.add(best);
    return best >= 0;
  };
  const ofLabels = labels.map((label) => {
    if (label.box3 === undefined || !wanted.has(label.type)) return 'ignored' as const;
    return take(label, label.type) ? ('found' as const) : ('missed' as const);
  });
  const right = new Set(taken);
  for (const [type, neighbour] of Object.entries(neighbourClasses)) {
    if (neighbour === undefined || wanted.has(neighbour)) continue;
    for (const label of labels) if (label.type === neighbour) take(label, type);
  }
  const regions = labels.filter(
    ({ type, box3 }) => type === 'DontCare' || (box3 === undefined && wanted.has(type)),
  );
  const isCovered = ({ box2 }: Matchable) =>
    regions.some((region) => imageIntersection(box2, region.box2) > COVERED * imageArea(box2));
  return {
    labels: ofLabels,
    detections: detections.map((detection, j) => {
      if (right.has(j)) return 'right';
      return taken.has(j) || isCovered(detection) ? 'ignored' : 'false';
    }),
  };
}

/** How many labels were found and missed, and how many detections are false. */
export function countOutcomes({ labels, detections }: Outcomes): OutcomeCounts {
  const count = <Kind>(kinds: readonly Kind[], kind: Kind) => kinds.filter((each) => each === kind).length;
  return {
    found: count(labels, 'found'),
    missed: count(labels, 'missed'),
    falseAlarms: count(detections, 'false'),
  };
}
