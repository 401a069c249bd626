import type { Matrix44 } from '../geometry/matrix.ts';
import type { ObjectLabel } from './frame.ts';
import { formatKittiLabels, labelLines, parseObject } from './kitti-labels.ts';

/**
 * The objects of a KITTI tracking label or result file (17 or 18 columns a line: frame, track, then an object's) by the
 * number of their frame, their boxes moved from the rectified camera frame to the LiDAR frame. Track -1 is no track
 * (DontCare). Truncation stays as the file has it: 0, 1 or 2, not a fraction, or -1 where unknown. Frames without objects
 * have no entry. Throws InputError with the line and the column for anything else, and for a track twice in a frame.
 */
export function parseKittiTracks(
  text: string,
  options: { readonly file?: string; readonly rectFromLidar: Matrix44 },
): ReadonlyMap<number, ObjectLabel[]> {
  const { file = 'KITTI tracks', rectFromLidar } = options;
  const frames = new Map<number, ObjectLabel[]>();
  for (const line of labelLines(text, { file, before: ['frame', 'track_id'] })) {
    const [frameWord, trackWord] = line.before;
    line.check(-2, /^\d{1,9}$/.test(frameWord), 'the number of a frame');
    line.check(-1, /^(-1|\d{1,9})$/.test(trackWord), 'the number of a track, or -1');
    const frame = Number(frameWord);
    const trackId = trackWord === '-1' ? undefined : Number(trackWord);
    const objects = frames.get(frame) ?? [];
    const isNew = trackId === undefined || objects.every((other) => other.trackId !== trackId);
    line.check(-1, isNew, `a track once in frame ${frame}`);
    const object = parseObject(line, { rectFromLidar, truncationLevels: true });
    objects.push(trackId === undefined ? object : { ...object, trackId });
    frames.set(frame, objects);
  }
  return frames;
}

/**
 * A frame's lines of a KITTI tracking label file (17 columns), to four decimals; labels without a track get -1. Truncation is a
 * fraction here and a level there: 0 below 0.15, 1 below 0.5, else 2; -1 stays.
 */
export function formatKittiTracks(
  frame: number,
  labels: readonly ObjectLabel[],
  options: { readonly rectFromLidar: Matrix44 },
): string {
  return labels
    .map((label) => {
      const { truncation, trackId = -1 } = label;
      const level = truncation < 0 ? -1 : truncation < 0.15 ? 0 : truncation < 0.5 ? 1 : 2;
      const [type, , ...rest] = formatKittiLabels([label], { ...options, decimals: 4 }).split(' ');
      return [frame, trackId, type, level, ...rest].join(' ');
    })
    .join('');
}
