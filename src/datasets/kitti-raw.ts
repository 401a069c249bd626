import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { type KittiCalibration, rectFromLidar } from '../geometry/kitti-calibration.ts';
import {
  type KittiRawCalibrationFiles,
  parseKittiRawCalibration,
  parseKittiRawTransform,
} from '../geometry/kitti-raw-calibration.ts';
import { identity44, type Matrix44, multiply44 } from '../geometry/matrix.ts';
import {
  interpolatePose,
  type OxtsRecord,
  parseOxts,
  type TimedPose,
  worldFromOxts,
} from '../geometry/oxts.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { decodeImage } from '../image/decode-image.ts';
import { readKittiBin } from '../pointcloud/kitti-bin.ts';
import { cloudFromRows, type PointCloud } from '../pointcloud/point-cloud.ts';
import type { CameraModel, Frame, ObjectLabel } from './frame.ts';
import { parseKittiTimestamps, secondsBetween } from './kitti-timestamps.ts';
import { parseKittiTracks } from './kitti-tracks.ts';
import { readFrameFile, readFrameText } from './read-frame-file.ts';
import type { FramePart, Moment, Recording } from './recording.ts';

/** How a KITTI raw drive is opened. */
export interface KittiRawOptions {
  /** 2, the left colour camera, by default; 3 is the right one. */
  readonly camera?: 2 | 3;
  /** A label file of KITTI's tracking benchmark whose frame k is frame k of the drive, such as `label_02/0000.txt`. */
  readonly tracks?: string;
}

/** Where the parts of a drive lie. */
interface Drive {
  readonly folder: string;
  /** The camera's folder in it, such as `image_02`. */
  readonly imageFolder: string;
  readonly calibration: Required<KittiRawCalibrationFiles>;
  readonly tracks: string | undefined;
}

const SWEEPS = 'velodyne_points';
const CALIBRATION_NAMES = {
  camToCam: 'calib_cam_to_cam.txt',
  veloToCam: 'calib_velo_to_cam.txt',
  imuToVelo: 'calib_imu_to_velo.txt',
} as const;
/** So many files are open at once. */
const OPEN_FILES = 64;

/**
 * A drive in the layout of KITTI raw data, synced and rectified. Frames go by their number, the stem of their files: all
 * of which there is a sweep or a picture, in ascending order. What is missing or damaged is in the notes of its moment;
 * what concerns the whole drive is in those of the first.
 */
export class KittiRaw implements Recording {
  readonly kind = 'KITTI raw drive';
  readonly root: string;
  readonly moments: readonly Moment[];
  private readonly drive: Drive;
  private tracks: Promise<ReadonlyMap<number, ObjectLabel[]>> | undefined;

  private constructor(root: string, drive: Drive, moments: readonly Moment[]) {
    this.root = root;
    this.drive = drive;
    this.moments = moments;
  }

  /**
   * Opens the folder of a drive, or of a date with one drive in it: lists its frames and reads its times and poses.
   * Throws InputError for another layout, for several drives, and where there is no sweep and no picture.
   */
  static async open(path: string, options: KittiRawOptions = {}): Promise<KittiRaw> {
    const { camera = 2, tracks } = options;
    const folder = await findDrive(path);
    const drive: Drive = {
      folder,
      imageFolder: `image_0${camera}`,
      calibration: {
        camToCam: await findCalibration(folder, CALIBRATION_NAMES.camToCam),
        veloToCam: await findCalibration(folder, CALIBRATION_NAMES.veloToCam),
        imuToVelo: await findCalibration(folder, CALIBRATION_NAMES.imuToVelo),
      },
      tracks,
    };
    return new KittiRaw(path, drive, await momentsOf(drive));
  }

  get length(): number {
    return this.moments.length;
  }

  /** All of a frame, with labels where the drive was opened with tracks. Throws InputError for a part that is missing or damaged. */
  async frame(index: number): Promise<Frame> {
    const { id, timeS, worldFromLidar } = this.momentOf(index);
    const picture = this.fileOf(index, 'picture');
    const [points, camera, bytes, labels] = await Promise.all([
      this.sweep(index),
      this.camera(index),
      readFrameFile(picture),
      this.drive.tracks === undefined ? undefined : this.labels(index),
    ]);
    const image = await decodeImage(bytes, { file: picture });
    return { id, points, cameras: [{ ...camera, image }], labels, timeS, worldFromLidar };
  }

  /** A frame's points alone: rows of x, y, z, reflectance. */
  async sweep(index: number): Promise<Float32Array> {
    const file = this.fileOf(index, 'sweep');
    return readKittiBin(await readFrameFile(file), { file });
  }

  async cloud(index: number): Promise<PointCloud> {
    return cloudFromRows(await this.sweep(index), ['x', 'y', 'z', 'reflectance']);
  }

  async camera(index: number): Promise<CameraModel> {
    this.momentOf(index);
    const { camToCam, veloToCam } = this.drive.calibration;
    const calibration = await readCalibration({ camToCam, veloToCam });
    return {
      name: this.drive.imageFolder,
      pixelFromCamera: this.drive.imageFolder === 'image_02' ? calibration.p2 : calibration.p3,
      cameraFromLidar: rectFromLidar(calibration),
    };
  }

  async labels(index: number): Promise<readonly ObjectLabel[]> {
    const { id } = this.momentOf(index);
    const { tracks } = this.drive;
    if (tracks === undefined) {
      const expected = 'labels: a tracking label file given as tracks';
      throw new InputError({ file: this.root, place: `frame ${id}`, expected, found: 'none' });
    }
    this.tracks ??= this.readTracks(tracks, index);
    try {
      return (await this.tracks).get(Number(id)) ?? [];
    } catch (error) {
      // The file may have been mended when it is asked for again.
      this.tracks = undefined;
      throw error;
    }
  }

  /** The calibration of the drive, with the inertial unit's where its file is there. Throws InputError for one of the others that is missing, and for a damaged one. */
  async calibration(): Promise<KittiCalibration> {
    const { camToCam, veloToCam, imuToVelo } = this.drive.calibration;
    return readCalibration({ camToCam, veloToCam, ...((await exists(imuToVelo)) ? { imuToVelo } : {}) });
  }

  private async readTracks(file: string, index: number) {
    const { cameraFromLidar } = await this.camera(index);
    return parseKittiTracks(await readFrameText(file), { file, rectFromLidar: cameraFromLidar });
  }

  private momentOf(index: number): Moment {
    const moment = this.moments[index];
    if (moment === undefined) throw new RangeError(`frame ${index} of ${this.moments.length}`);
    return moment;
  }

  /** The part's own file, or where it is missed: reading that throws an InputError with its name. */
  private fileOf(index: number, part: 'sweep' | 'picture'): string {
    const { id, files } = this.momentOf(index);
    return files[part]?.[0] ?? join(this.drive.folder, missingName(this.drive, part, id));
  }
}

/** The folder of a drive, or of the only drive of a date. */
async function findDrive(path: string): Promise<string> {
  const expected = 'the folder of a KITTI raw drive, or of a date with one drive in it';
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    const found = { ENOENT: 'nothing', ENOTDIR: 'a file' }[error.code ?? ''] ?? String(error.code);
    throw new InputError({ file: path, expected, found }, { cause: error });
  });
  if (/_extract$/.test(basename(path))) {
    const found = 'an unsynced one (extract), whose pictures are not rectified';
    throw new InputError({ file: path, expected: 'a synced and rectified drive', found });
  }
  if (isDrive(names)) return path;
  const inside = await Promise.all(names.map((name) => readdir(join(path, name)).catch((): string[] => [])));
  const drives = names.filter((name, i) => isDrive(inside[i]) && !name.endsWith('_extract')).sort();
  if (drives.length === 1) return join(path, drives[0]);
  const found = drives.length > 1 ? `${drives.length} drives: ${drives.join(', ')}` : describe(names);
  throw new InputError({ file: path, expected, found });
}

function isDrive(names: readonly string[]): boolean {
  return names.includes(SWEEPS) || names.some((name) => /^image_0[0-3]$/.test(name));
}

/** What a folder holds, in a few words, with a guess at what it is. */
function describe(names: readonly string[]): string {
  if (names.length === 0) return 'an empty folder';
  const sorted = [...names].sort();
  const more = sorted.length > 8 ? ` and ${sorted.length - 8} more` : '';
  const date = sorted.find((name) => /^\d{4}_\d\d_\d\d$/.test(name));
  const guesses: ReadonlyArray<readonly [boolean, string]> = [
    [date !== undefined, `perhaps ${date} is meant`],
    [names.includes('label_02') || names.includes('velodyne'), 'this looks like KITTI tracking or odometry'],
    [names.includes('image_2'), 'this looks like KITTI object'],
    [names.includes('training') || names.includes('testing'), 'this looks like KITTI object or tracking'],
    [names.includes('sequences'), 'this looks like KITTI odometry'],
  ];
  const guess = guesses.find(([fits]) => fits)?.[1];
  return `${sorted.slice(0, 8).join(', ')}${more}${guess === undefined ? '' : ` (${guess})`}`;
}

/** The calibration file of that name beside the drive or in it; where there is none, where it is expected. */
async function findCalibration(folder: string, name: string): Promise<string> {
  const beside = join(folder, '..', name);
  for (const file of [beside, join(folder, name)]) if (await exists(file)) return file;
  return beside;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readCalibration(files: KittiRawCalibrationFiles): Promise<KittiCalibration> {
  const [camToCam, veloToCam, imuToVelo] = await Promise.all([
    readFrameText(files.camToCam),
    readFrameText(files.veloToCam),
    files.imuToVelo === undefined ? undefined : readFrameText(files.imuToVelo),
  ]);
  return parseKittiRawCalibration({ camToCam, veloToCam, imuToVelo }, { files });
}

async function momentsOf(drive: Drive): Promise<Moment[]> {
  const { folder, imageFolder } = drive;
  const [sweeps, pictures] = await Promise.all([
    numberedFiles(folder, SWEEPS, ['.bin']),
    numberedFiles(folder, imageFolder, ['.png', '.jpg', '.jpeg']),
  ]);
  const numbers = [...new Set([...sweeps.files.keys(), ...pictures.files.keys()])].sort((a, b) => a - b);
  if (numbers.length === 0) {
    const expected = `sweeps in ${SWEEPS}/data or pictures in ${imageFolder}/data`;
    throw new InputError({ file: folder, expected, found: describe(await readdir(folder)) });
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
    return { id, timeS, worldFromLidar, files, notes };
  });
}

/** The name that a part of a frame should have in the drive's folder. */
function missingName({ imageFolder }: Drive, part: 'sweep' | 'picture', id: string): string {
  return part === 'sweep' ? `${SWEEPS}/data/${id}.bin` : `${imageFolder}/data/${id}.png`;
}

function missingFrames(first: number, last: number): string {
  return first === last ? `frame ${first} is missing` : `frames ${first} to ${last} are missing`;
}

/** The files of a part by the numbers that are their stems. */
async function numberedFiles(folder: string, part: string, endings: readonly string[]) {
  const files = new Map<number, string>();
  const notes: string[] = [];
  const others: string[] = [];
  const names = await readdir(join(folder, part, 'data')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') notes.push(`${part}/data cannot be read (${error.code})`);
    return [];
  });
  for (const name of names.sort()) {
    const ending = endings.find((candidate) => name.toLowerCase().endsWith(candidate));
    if (ending === undefined || name.startsWith('.')) continue;
    const stem = name.slice(0, -ending.length);
    if (/^\d{1,15}$/.test(stem) && !files.has(Number(stem))) {
      files.set(Number(stem), join(folder, part, 'data', name));
    } else others.push(name);
  }
  if (files.size === 0 && notes.length === 0) notes.push(`${part}/data has no ${endings.join(', ')} files`);
  if (others.length > 0) {
    const which = others.length === 1 ? others[0] : `${others.length} files such as ${others[0]}`;
    notes.push(`${part}/data: left out ${which}, for a frame has one file, named by its number`);
  }
  return { files, notes };
}

/** The parts that are the same for every frame. */
async function sharedFiles({ calibration, tracks }: Drive, driveNotes: string[]) {
  const files = [calibration.camToCam, calibration.veloToCam];
  const there = await Promise.all(files.map(exists));
  files.forEach((file, i) => {
    if (!there[i]) driveNotes.push(`${basename(file)} is missing: points have no pixels`);
  });
  const calibrated = there.every((is) => is);
  const labelled = tracks !== undefined && (await exists(tracks));
  if (tracks !== undefined && !labelled) driveNotes.push(`${tracks} is missing: there are no labels`);
  return {
    ...(calibrated ? { calibration: files } : {}),
    ...(calibrated && labelled ? { labels: [tracks, ...files] } : {}),
  };
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
  { folder, calibration }: Drive,
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
