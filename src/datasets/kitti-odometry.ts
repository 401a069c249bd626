import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { readNumbers } from '../geometry/keyed-numbers.ts';
import { type KittiCamera, parseKittiCalibration, rectFromLidar } from '../geometry/kitti-calibration.ts';
import { parseKittiPose } from '../geometry/kitti-poses.ts';
import { type Matrix44, multiply44 } from '../geometry/matrix.ts';
import { listNumberedParts, numberedSequence, partsOfFrame } from './kitti-numbered-sequence.ts';
import type { OdometryPlace } from './kitti-odometry-layout.ts';
import { type LineRecords, readLineRecords } from './line-records.ts';
import { exists, missingFrames } from './numbered-files.ts';
import { readIfSound } from './read-if-sound.ts';
import { framePoses } from './record-poses.ts';
import type { Moment, Sequence } from './sequence.ts';

const CALIBRATION = 'calib.txt';
const TIMES = 'times.txt';

/**
 * A sequence of KITTI's odometry benchmark: `velodyne`, `image_0` to `image_3`, `calib.txt`, `times.txt`, and the poses of
 * camera 0 in `poses/XX.txt`, which sequences 11 to 21 have not. Frames are those of which there is a sweep or a picture; where
 * there is none of either, those of which there is a time or a pose. Line k of times and poses is of frame k.
 * Throws InputError where nothing tells of a frame.
 */
export async function openKittiOdometry(
  { folder, number, poses: posesFile }: OdometryPlace,
  root = folder,
): Promise<Sequence> {
  const parts = await listNumberedParts(folder, {
    sweeps: 'velodyne',
    cameras: ([2, 3, 0, 1] as const).map((camera) => ({
      name: `image_${camera}`,
      place: `image_${camera}`,
      number: camera,
    })),
  });
  const notes = [...parts.notes];
  const calibrated = await exists(join(folder, CALIBRATION));
  if (!calibrated) notes.push(`${CALIBRATION} is missing: points have no pixels`);
  const times = await readLineRecords(join(folder, TIMES), TIMES, parseTime);
  if (times.fault !== undefined) notes.push(`${times.fault}: no times are known`);
  const records = await readLineRecords(posesFile, `poses/${number}.txt`, parseKittiPose);
  const told = Math.max(times.count, parts.numbers.length > 0 ? 0 : records.count);
  const numbers =
    parts.numbers.length > 0 ? parts.numbers : Array.from({ length: told }, (_, frame) => frame);
  const count = Math.max(told, (numbers.at(-1) ?? -1) + 1);
  if (count === 0) {
    const expected = `frames of sequence ${number} in velodyne, image_2 or another camera, times or poses`;
    throw new InputError({ file: folder, expected, found: 'none' });
  }
  const timeOf = (frame: number) => times.values.get(frame);
  const lidar = await lidarPoses(records, join(folder, CALIBRATION), parts.cameras[0].number);
  const poses = framePoses(lidar, { numbers, count, timeOf });
  notes.push(...poses.notes);
  const moments = numbers.map((frame, i): Moment => {
    const own = partsOfFrame(parts, frame);
    const before = i === 0 && frame > 0 ? [missingFrames(0, frame - 1)] : [];
    const next = numbers[i + 1] ?? count;
    const after = next > frame + 1 ? [missingFrames(frame + 1, next - 1)] : [];
    const timeS = timeOf(frame);
    const unknown = `${times.faults.get(frame) ?? `${TIMES} has no time for the frame`}: its time is not known`;
    const ofTime = timeS === undefined && times.fault === undefined ? [unknown] : [];
    const pose = poses.poses.get(frame);
    const ofPose = poses.faults.get(frame);
    return {
      ...own,
      ...(timeS !== undefined && { timeS }),
      ...(pose && { worldFromLidar: pose }),
      files: { ...own.files, ...(calibrated && { calibration: [join(folder, CALIBRATION)] }) },
      notes: [
        ...(i === 0 ? notes : []),
        ...before,
        ...own.notes,
        ...ofTime,
        ...(ofPose ? [ofPose] : []),
        ...after,
      ],
    };
  });
  return numberedSequence({
    kind: 'KITTI odometry sequence',
    name: number,
    ...{ root, parts, moments, calibration: CALIBRATION },
  });
}

function parseTime(line: string, at: { readonly file: string; readonly place: string }): number {
  return readNumbers(line.trim().split(/\s+/), 1, at)[0];
}

/** Where the LiDAR is by each pose of camera 0, in the first camera's frame: pose · Tr. */
async function lidarPoses(
  records: LineRecords<Matrix44>,
  file: string,
  camera: KittiCamera,
): Promise<LineRecords<Matrix44>> {
  if (records.fault !== undefined) return records;
  const { value, fault } = await readIfSound(file, CALIBRATION, (text) =>
    parseKittiCalibration(text, { file, camera }),
  );
  if (value === undefined) return { ...records, fault };
  const cameraFromLidar = rectFromLidar(value);
  const poses = [...records.values].map(
    ([frame, pose]) => [frame, multiply44(pose, cameraFromLidar)] as const,
  );
  return { ...records, values: new Map(poses) };
}
