import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { type KittiCamera, parseKittiCalibration, rectFromLidar } from '../geometry/kitti-calibration.ts';
import { type Matrix44, multiply44 } from '../geometry/matrix.ts';
import { type OxtsRecord, parseOxtsLine, worldFromOxts } from '../geometry/oxts.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { labelLines } from './kitti-labels.ts';
import {
  listNumberedParts,
  type NumberedParts,
  numberedSequence,
  partsOfFrame,
} from './kitti-numbered-sequence.ts';
import type { TrackingPlace } from './kitti-tracking-layout.ts';
import { parseKittiTracks } from './kitti-tracks.ts';
import { type LineRecords, readLineRecords } from './line-records.ts';
import { exists, missingFrames } from './numbered-files.ts';
import { readFrameText } from './read-frame-file.ts';
import { readIfSound } from './read-if-sound.ts';
import { framePoses } from './record-poses.ts';
import type { Moment, Sequence } from './sequence.ts';

/** Frames of the benchmark are 0.1 s apart, which it states and does not measure. */
const FRAMES_PER_SECOND = 10;

/**
 * A sequence of KITTI's tracking benchmark: `velodyne/NNNN`, `image_02/NNNN`, `image_03/NNNN`, and in a file each of its number
 * `calib`, `label_02` and `oxts`, of which each may be missing. Frames are those of which there is a sweep or a picture; where
 * there is none of either, those that labels and records tell of. Frame k is at k/10 s and has the pose of line k of `oxts`.
 * Throws InputError where nothing tells of a frame.
 */
export async function openKittiTracking(
  { folder, number, name, split }: TrackingPlace,
  root = folder,
): Promise<Sequence> {
  const parts = await listNumberedParts(folder, {
    sweeps: `velodyne/${number}`,
    cameras: [
      { name: 'image_02', place: `image_02/${number}`, number: 2 },
      { name: 'image_03', place: `image_03/${number}`, number: 3 },
    ],
  });
  const [calibration, labels, oxts] = ['calib', 'label_02', 'oxts'].map((part) => `${part}/${number}.txt`);
  const [calibrated, labelled] = await Promise.all(
    [calibration, labels].map((name) => exists(join(folder, name))),
  );
  const camera = parts.cameras[0].number;
  const notes = [...parts.notes];
  if (!calibrated) notes.push(`${calibration} is missing: points have no pixels`);
  // Of the testing split nobody has labels.
  if (!labelled && split !== 'testing') notes.push(`${labels} is missing: there are no labels`);
  const records = await readLineRecords(join(folder, oxts), oxts, parseOxtsLine);
  const { numbers, count } = await framesOf(parts, {
    records,
    labels: labelled ? join(folder, labels) : undefined,
  });
  if (count === 0) {
    const expected = `frames of sequence ${number} in velodyne, image_02 or image_03, or labels`;
    throw new InputError({ file: folder, expected, found: 'none' });
  }
  const timeOf = (frame: number) => frame / FRAMES_PER_SECOND;
  const lidar = await lidarPoses(records, {
    ...{ file: join(folder, calibration), name: calibration, camera },
  });
  const poses = framePoses(lidar, { numbers, count, timeOf });
  notes.push(...poses.notes);
  const files = {
    ...(calibrated && { calibration: [join(folder, calibration)] }),
    ...(calibrated && labelled && { labels: [join(folder, labels), join(folder, calibration)] }),
  };
  const moments = numbers.map((frame, i): Moment => {
    const own = partsOfFrame(parts, frame);
    const before = i === 0 && frame > 0 ? [missingFrames(0, frame - 1)] : [];
    const next = numbers[i + 1] ?? count;
    const after = next > frame + 1 ? [missingFrames(frame + 1, next - 1)] : [];
    const pose = poses.poses.get(frame);
    const ofPose = poses.faults.get(frame);
    const told = [...(i === 0 ? notes : []), ...before, ...own.notes, ...(ofPose ? [ofPose] : []), ...after];
    return {
      ...own,
      timeS: timeOf(frame),
      ...(pose && { worldFromLidar: pose }),
      files: { ...own.files, ...files },
      notes: told,
    };
  });
  const readLabels = async () => {
    const [file, calibrationFile] = [join(folder, labels), join(folder, calibration)];
    const [text, calibrationText] = await Promise.all([readFrameText(file), readFrameText(calibrationFile)]);
    const parsed = parseKittiCalibration(calibrationText, { file: calibrationFile, camera });
    return parseKittiTracks(text, { file, rectFromLidar: rectFromLidar(parsed) });
  };
  return numberedSequence({
    kind: 'KITTI tracking sequence',
    ...{ name, root, parts, moments, calibration, readLabels },
  });
}

/** The frames to give, and how many the sequence has with those that are missing. */
async function framesOf(
  { numbers }: NumberedParts,
  told: { readonly records: LineRecords<OxtsRecord>; readonly labels: string | undefined },
): Promise<{ readonly numbers: readonly number[]; readonly count: number }> {
  if (numbers.length > 0) return { numbers, count: Math.max(numbers.at(-1)! + 1, told.records.count) };
  const labels =
    told.labels === undefined ? undefined : await readIfSound(told.labels, told.labels, lastLabelled);
  const count = Math.max(told.records.count, (labels?.value ?? -1) + 1);
  return { numbers: Array.from({ length: count }, (_, frame) => frame), count };
}

/** The last frame that a label file has an object of; -1 where it has none. */
function lastLabelled(text: string, file: string): number {
  const lines = labelLines(text, { file, before: ['frame', 'track_id'] });
  return lines.reduce(
    (last, { before: [frame] }) => Math.max(last, /^\d{1,9}$/.test(frame) ? Number(frame) : -1),
    -1,
  );
}

/** Where the LiDAR is by each record, in the world of the first; told as missing where its place beside the inertial unit is not known. */
async function lidarPoses(
  records: LineRecords<OxtsRecord>,
  calibration: { readonly file: string; readonly name: string; readonly camera: KittiCamera },
): Promise<LineRecords<Matrix44>> {
  const none = (fault: string) => ({ ...records, values: new Map<number, Matrix44>(), fault });
  if (records.fault !== undefined) return none(records.fault);
  const { value, fault } = await readIfSound(calibration.file, calibration.name, (text, file) =>
    parseKittiCalibration(text, { file, camera: calibration.camera }),
  );
  if (fault !== undefined) return none(fault);
  if (value?.lidarFromImu === undefined) return none(`${calibration.name} has no sound Tr_imu_velo`);
  const imuFromLidar = inverseRigid(value.lidarFromImu);
  const [first] = records.values.values();
  const poses = [...records.values].map(
    ([frame, record]) => [frame, multiply44(worldFromOxts(record, first), imuFromLidar)] as const,
  );
  return { ...records, values: new Map(poses) };
}
