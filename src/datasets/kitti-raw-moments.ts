import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { parseKittiRawTransform } from '../geometry/kitti-raw-calibration.ts';
import { identity44, type Matrix44, multiply44 } from '../geometry/matrix.ts';
import {
  interpolatePose,
  type OxtsRecord,
  parseOxts,
  type TimedPose,
  worldFromOxts,
} from '../geometry/oxts.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { KITTI_IMAGE_ENDINGS } from './kitti-layout.ts';
import {
  CALIBRATION_NAMES,
  describeOther,
  type KittiRawDrive,
  missingName,
  numberedFiles,
  SWEEPS,
  sharedFiles,
} from './kitti-raw-layout.ts';
import { parseKittiTimestamps, secondsBetween } from './kitti-timestamps.ts';
import { readFrameText } from './read-frame-file.ts';
import type { FramePart, Moment } from './sequence.ts';

/** So many files are open at once. */
const OPEN_FILES = 64;

/** The frames of a drive by number, with their times and poses; what is missing or damaged is in their notes. Throws InputError where there is no sweep and no picture. */
export async function momentsOf(drive: KittiRawDrive): Promise<Moment[]> {
  const { folder, imageFolder } = drive;
  const [sweeps, pictures] = await Promise.all([
    numberedFiles(folder, SWEEPS, ['.bin']),
    numberedFiles(folder, imageFolder, KITTI_IMAGE_ENDINGS),
  ]);
  const numbers = [...new Set([...sweeps.files.keys(), ...pictures.files.keys()])].sort((a, b) => a - b);
  if (numbers.length === 0) {
    const expected = `sweeps in ${SWEEPS}/data or pictures in ${imageFolder}/data`;
    throw new InputError({ file: folder, expected, found: describeOther(await readdir(folder)) });
  }
  const driveNotes = [...sweeps.notes, ...pictures.notes];
  const shared = await sharedFiles(drive, driveNotes);
  const [sweepClock, pictureClock] = await Promise.all([
    clockOf(folder, SWEEPS),
    clockOf(folder, imageFolder),
  ]);
  if (sweepClock.fault !== undefined) {
    const instead = pictureClock.fault === undefined ? "the pictures' times are taken" : 'no times are known';
    driveNotes.push(`${sweepClock.fault}: ${instead}`);
  }
  if (pictureClock.fault !== undefined && pictures.files.size > 0) driveNotes.push(pictureClock.fault);
  const timeOf = (number: number) => sweepClock.times[number] ?? pictureClock.times[number];
  const firstTime = numbers.map(timeOf).find((time) => time !== undefined);
  const end = Math.max(numbers.at(-1)!, sweepClock.times.length - 1, pictureClock.times.length - 1);
  const poseAt = await readPoses(drive, { numbers, firstTime, driveNotes });
  let origin: Matrix44 | undefined;

  return numbers.map((number, index): Moment => {
    const id = String(number).padStart(10, '0');
    const files: { [Part in FramePart]?: readonly string[] } = { ...shared };
    const notes = index === 0 ? [...driveNotes] : [];
    if (index === 0 && number > 0) notes.push(missingFrames(0, number - 1));
    for (const [part, found] of [
      ['sweep', sweeps],
      ['picture', pictures],
    ] as const) {
      const file = found.files.get(number);
      if (file !== undefined) files[part] = [file];
      else if (found.files.size > 0) notes.push(`${missingName(drive, part, id)} is missing`);
    }
    const time = timeOf(number);
    if (sweepClock.times[number] === undefined && sweepClock.fault === undefined) {
      const instead = time === undefined ? 'its time is not known' : "the picture's is taken";
      notes.push(`${SWEEPS}/timestamps.txt has no time for the frame: ${instead}`);
    } else if (time === undefined && pictureClock.fault === undefined) {
      notes.push(`${imageFolder}/timestamps.txt has no time for the frame: its time is not known`);
    }
    const timeS = time === undefined ? undefined : secondsBetween(firstTime!, time);
    const pose = poseAt?.(number, timeS, notes);
    // The first pose times its own inverse is the identity but for rounding.
    const isOrigin = pose !== undefined && origin === undefined;
    if (isOrigin) origin = inverseRigid(pose);
    const worldFromLidar = isOrigin ? identity44() : pose && multiply44(origin!, pose);
    const next = numbers[index + 1] ?? end + 1;
    if (next > number + 1) notes.push(missingFrames(number + 1, next - 1));
    const ofCamera = files.picture && { [imageFolder]: files.picture };
    return { id, timeS, worldFromLidar, files, pictures: { ...ofCamera }, notes };
  });
}

function missingFrames(first: number, last: number): string {
  return first === last ? `frame ${first} is missing` : `frames ${first} to ${last} are missing`;
}

/** What a file holds, or a sentence that says why it cannot be had. */
async function attempt<T>(file: string, name: string, parse: (text: string, file: string) => T) {
  try {
    return { value: parse(await readFrameText(file), file) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const absent = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return { fault: absent ? `${name} is missing` : error.message };
  }
}

/** The times of a part by frame number, none of them if its file is missing or damaged anywhere. */
async function clockOf(folder: string, part: string) {
  const name = `${part}/timestamps.txt`;
  const { value = [], fault } = await attempt(join(folder, name), name, (text, file) =>
    parseKittiTimestamps(text, { file }),
  );
  return { times: value, fault: value.length > 0 ? undefined : (fault ?? `${name} has no times`) };
}

/**
 * Reads all OXTS records. The result gives the pose of the LiDAR in the OXTS world at a time, and adds to the notes of
 * the frame what is not as it should be; undefined, with a note on the drive, where no frame can have a pose.
 */
async function readPoses(
  { folder, calibration }: KittiRawDrive,
  {
    numbers,
    firstTime,
    driveNotes,
  }: { numbers: readonly number[]; firstTime: bigint | undefined; driveNotes: string[] },
) {
  const records = await numberedFiles(folder, 'oxts', ['.txt']);
  const clock = await clockOf(folder, 'oxts');
  const imu = await attempt(calibration.imuToVelo, CALIBRATION_NAMES.imuToVelo, (text, file) =>
    parseKittiRawTransform(text, { file }),
  );
  const faults = [...(records.files.size > 0 ? [clock.fault] : records.notes), imu.fault].filter(
    (fault) => fault !== undefined,
  );
  if (firstTime === undefined) faults.push('no frame has a time');
  driveNotes.push(...faults.map((fault) => `${fault}: poses are not known`));
  if (imu.value === undefined || faults.length > 0 || firstTime === undefined) return undefined;
  driveNotes.push(...records.notes);

  const frameFaults = new Map<number, string>();
  const timed: Array<{ readonly timeS: number; readonly record: OxtsRecord }> = [];
  const entries = [...records.files].sort(([a], [b]) => a - b);
  for (let at = 0; at < entries.length; at += OPEN_FILES) {
    const chunk = entries.slice(at, at + OPEN_FILES).map(async ([number, file]) => {
      const read = await attempt(file, basename(file), (text) => parseOxts(text, { file }));
      return { number, ...read };
    });
    for (const { number, value, fault } of await Promise.all(chunk)) {
      const time = clock.times[number];
      if (value !== undefined && time !== undefined) {
        timed.push({ timeS: secondsBetween(firstTime, time), record: value });
      } else frameFaults.set(number, fault ?? 'oxts/timestamps.txt has no time for the frame');
    }
  }
  const shown = new Set(numbers);
  for (const [number, fault] of frameFaults) if (!shown.has(number)) driveNotes.push(fault);
  timed.sort((a, b) => a.timeS - b.timeS);
  const trajectory: TimedPose[] = timed
    .filter(({ timeS }, i) => timed[i - 1]?.timeS !== timeS)
    .map(({ timeS, record }) => ({ timeS, pose: worldFromOxts(record, timed[0].record) }));
  const imuFromLidar = inverseRigid(imu.value);

  return (number: number, timeS: number | undefined, notes: string[]): Matrix44 | undefined => {
    const pose = timeS === undefined ? undefined : interpolatePose(trajectory, timeS);
    const fault = records.files.has(number)
      ? frameFaults.get(number)
      : `oxts/data/${String(number).padStart(10, '0')}.txt is missing`;
    if (fault !== undefined) {
      notes.push(`${fault}: the pose is ${pose ? 'interpolated between other records' : 'not known'}`);
    } else if (pose === undefined) {
      const why = timeS === undefined ? 'time' : 'OXTS records near enough in time';
      notes.push(`the pose is not known, for want of ${timeS === undefined ? 'a ' : ''}${why}`);
    }
    return pose && multiply44(pose, imuFromLidar);
  };
}
