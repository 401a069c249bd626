import { isKittiClass } from '../../datasets/kitti-classes.ts';
import type { KittiFramePair } from './kitti-result-lines.ts';

/** A class that KITTI does not know, and how often it is there. */
export interface UnknownClass {
  readonly type: string;
  readonly labels: number;
  readonly detections: number;
}

/** The classes of frames that KITTI does not know, in the order of their names. */
export function unknownClasses(frames: readonly KittiFramePair[]): UnknownClass[] {
  const counts = new Map<string, { labels: number; detections: number }>();
  for (const frame of frames) {
    for (const part of ['labels', 'detections'] as const) {
      for (const { type } of frame[part]) {
        if (isKittiClass(type)) continue;
        const count = counts.get(type) ?? { labels: 0, detections: 0 };
        count[part]++;
        counts.set(type, count);
      }
    }
  }
  return [...counts].map(([type, count]) => ({ type, ...count })).sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** An unknown class in words. */
export function describeUnknownClass({ type, labels, detections }: UnknownClass): string {
  return `type ${type} is none of KITTI's and counts as neither right nor wrong: ${labels} in labels, ${detections} in results`;
}
