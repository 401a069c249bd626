import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import type { KittiCamera } from '../geometry/kitti-calibration.ts';
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
  imageFolderOf,
  type KittiRawDrive,
  pictureName,
  RAW_CAMERAS,
  SWEEPS,
  sharedFiles,
  sweepName,
} from './kitti-raw-layout.ts';
import { parseKittiTimestamps, secondsBetween } from './kitti-timestamps.ts';
import { missingFrames, notesOf, numberedFiles } from './numbered-files.ts';
import { readIfSound } from './read-if-sound.ts';
import type { FramePart, Moment } from './sequence.ts';

/** So many files are open at once. */
const OPEN_FILES = 64;

/** The frames of a drive, and the cameras that its pictures are of. */
export interface KittiRawMoments {
  /** The preferred one first; the others are those that have a picture. */
  readonly cameras: readonly KittiCamera[];
  readonly moments: readonly Moment[];
}

/**
 * The frames of a drive by number, with their times and poses; what is missing or damaged is in their notes. The first camera
 * is `camera`, or by default the left colour one, or else the next that has a picture. Throws InputError where there is no sweep
 * and no picture.
 */
export async function momentsOf(drive: KittiRawDrive, camera?: KittiCamera): Promise<KittiRawMoments> {
  const { folder } = drive;
  const [sweeps, { cameras, pictures, notes: pictureNotes }] = await Promise.all([
    numberedFiles(folder, `${SWEEPS}/data`, ['.bin']),
    listPictures(folder, camera),
  ]);
  const names = cameras.map(imageFolderOf);
  const parts = [sweeps, ...pictures];
  const numbers = [...new Set(parts.flatMap(({ files }) => [...files.keys()]))].sort((a, b) => a - b);
  if (numbers.length === 0) {
    const expected = `sweeps in ${SWEEPS}/data or pictures in ${names[0]}/data`;
    throw new InputError({ file: folder, expected, found: describeOther(await readdir(folder)) });
  }
  const driveNotes = [...notesOf(sweeps), ...pictureNotes];
  const shared = await sharedFiles(drive, driveNotes);
  const clocks = await readClocks(folder, names);
  const { sweep: sweepClock, pictures: pictureClocks } = clocks;
  const [pictureClock] = pictureClocks;
  if (sweepClock.fault !== undefined) {
    const instead = pictureClock.fault === undefined ? "the pictures' times are taken" : 'no times are known';
    driveNotes.push(`${sweepClock.fault}: ${instead}`);
  }
  pictureClocks.forEach(({ fault }, i) => {
    if (fault !== undefined && pictures[i].files.size > 0) driveNotes.push(fault);
  });
  for (const { fault, absent } of clocks.turn)
    if (fault !== undefined && !absent) driveNotes.push(`${fault}: when sweeps began and ended is not known`);
  const timeOf = (number: number) => sweepClock.times[number] ?? pictureClock.times[number];
  const firstTime = numbers.map(timeOf).find((time) => time !== undefined);
  const secondsOf = (time: bigint | undefined) =>
    time === undefined || firstTime === undefined ? undefined : secondsBetween(firstTime, time);
  const lastTimes = [sweepClock, ...pictureClocks].map(({ times }) => times.length - 1);
  const end = Math.max(numbers.at(-1)!, ...lastTimes);
  const poseAt = await readPoses(drive, { numbers, firstTime, driveNotes });
  let origin: Matrix44 | undefined;

  const moments = numbers.map((number, index): Moment => {
    const id = String(number).padStart(10, '0');
    const files: { [Part in FramePart]?: readonly string[] } = { ...shared };
    const notes = index === 0 ? [...driveNotes] : [];
    if (index === 0 && number > 0) notes.push(missingFrames(0, number - 1));
    const sweep = sweeps.files.get(number);
    if (sweep !== undefined) files.sweep = [sweep];
    else if (sweeps.files.size > 0) notes.push(`${sweepName(id)} is missing`);
    const ofCameras: { [camera: string]: readonly string[] } = {};
    pictures.forEach((part, i) => {
      const picture = part.files.get(number);
      if (picture !== undefined) ofCameras[names[i]] = [picture];
      else if (part.files.size > 0) notes.push(`${pictureName(names[i], id)} is missing`);
    });
    if (ofCameras[names[0]] !== undefined) files.picture = ofCameras[names[0]];
    const time = timeOf(number);
    if (sweepClock.times[number] === undefined && sweepClock.fault === undefined) {
      const instead = time === undefined ? 'its time is not known' : "the picture's is taken";
      notes.push(`${SWEEPS}/timestamps.txt has no time for the frame: ${instead}`);
    } else if (time === undefined && pictureClock.fault === undefined) {
      notes.push(`${names[0]}/timestamps.txt has no time for the frame: its time is not known`);
    }
    const timeS = secondsOf(time);
    const pose = poseAt?.(number, timeS, notes);
    // The first pose times its own inverse is the identity but for rounding.
    const isOrigin = pose !== undefined && origin === undefined;
    if (isOrigin) origin = inverseRigid(pose);
    const worldFromLidar = isOrigin ? identity44() : pose && multiply44(origin!, pose);
    const next = numbers[index + 1] ?? end + 1;
    if (next > number + 1) notes.push(missingFrames(number + 1, next - 1));
    const pictureTimesS = Object.fromEntries(
      names.flatMap((name, i) => {
        const seconds = secondsOf(pictureClocks[i].times[number]);
        return seconds === undefined || ofCameras[name] === undefined ? [] : [[name, seconds]];
      }),
    );
    const [beginS, endS] = clocks.turn.map(({ times }) => secondsOf(times[number]));
    const sweepTimesS = beginS === undefined || endS === undefined ? undefined : { beginS, endS };
    const known = { id, timeS, worldFromLidar, files, pictures: ofCameras, notes };
    return { ...known, pictureTimesS, ...(sweepTimesS && { sweepTimesS }) };
  });
  return { cameras, moments };
}

/** The pictures of each camera of a drive that has some, and of the first one in any case. */
async function listPictures(folder: string, camera: KittiCamera | undefined) {
  const listed = await Promise.all(
    RAW_CAMERAS.map(async (number) => ({
      number,
      part: await numberedFiles(folder, `${imageFolderOf(number)}/data`, KITTI_IMAGE_ENDINGS),
    })),
  );
  const first = camera ?? listed.find(({ part }) => part.files.size > 0)?.number ?? RAW_CAMERAS[0];
  const sorted = listed.toSorted((a, b) => Number(b.number === first) - Number(a.number === first));
  const there = sorted.filter(({ number, part }) => number === first || part.files.size > 0);
  return {
    cameras: there.map(({ number }) => number),
    pictures: there.map(({ part }) => part),
    notes: sorted.flatMap(({ number, part }) => (number === first ? notesOf(part) : part.notes)),
  };
}

/** When sweeps were taken, when their turns began and ended, and when the pictures of each camera were. */
async function readClocks(folder: string, cameras: readonly string[]) {
  const names = [SWEEPS, ...cameras].map((part) => `${part}/timestamps.txt`);
  const ends = ['start', 'end'].map((which) => `${SWEEPS}/timestamps_${which}.txt`);
  const read = (name: string) => clockOf(folder, name);
  const [sweep, ...pictures] = await Promise.all(names.map(read));
  return { sweep, pictures, turn: await Promise.all(ends.map(read)) };
}

/** The times of a part by frame number, none of them if its file is missing or damaged anywhere. */
async function clockOf(folder: string, name: string) {
  const {
    value = [],
    fault,
    absent,
  } = await readIfSound(join(folder, name), name, (text, file) => parseKittiTimestamps(text, { file }));
  return { times: value, fault: value.length > 0 ? undefined : (fault ?? `${name} has no times`), absent };
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
  const records = await numberedFiles(folder, 'oxts/data', ['.txt']);
  const clock = await clockOf(folder, 'oxts/timestamps.txt');
  const imu = await readIfSound(calibration.imuToVelo, CALIBRATION_NAMES.imuToVelo, (text, file) =>
    parseKittiRawTransform(text, { file }),
  );
  const faults = [...(records.files.size > 0 ? [clock.fault] : notesOf(records)), imu.fault].filter(
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
      const read = await readIfSound(file, basename(file), (text) => parseOxts(text, { file }));
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
