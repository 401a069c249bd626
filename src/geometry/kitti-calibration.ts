import { InputError } from '../engine/input-error.ts';
import { type Matrix34, type Matrix44, multiply34by44, multiply44, to44 } from './matrix.ts';
import { rigidTransform } from './rigid-transform.ts';

/** A KITTI calibration: how LiDAR points reach the rectified camera frame and the pixels of the four cameras. */
export interface KittiCalibration {
  /** Pixels of the left grey camera from the rectified frame. */
  readonly p0: Matrix34;
  /** Pixels of the right grey camera from the rectified frame. */
  readonly p1: Matrix34;
  /** Pixels of the left colour camera from the rectified frame. */
  readonly p2: Matrix34;
  /** Pixels of the right colour camera from the rectified frame. */
  readonly p3: Matrix34;
  /** The rectified frame from camera 0 before rectification: R0_rect. */
  readonly rectFromCamera: Matrix44;
  /** Camera 0 before rectification from the LiDAR frame: Tr_velo_to_cam. */
  readonly cameraFromLidar: Matrix44;
  /** The LiDAR frame from the inertial unit's: Tr_imu_to_velo. */
  readonly lidarFromImu?: Matrix44;
}

/** The four cameras of KITTI: left and right grey, left and right colour. */
export type KittiCamera = 0 | 1 | 2 | 3;

/** The names that a key goes by in the files, and how many numbers it holds. */
interface Entry {
  readonly names: readonly string[];
  readonly length: number;
}

const ENTRIES = {
  P0: { names: ['P0'], length: 12 },
  P1: { names: ['P1'], length: 12 },
  P2: { names: ['P2'], length: 12 },
  P3: { names: ['P3'], length: 12 },
  R0_rect: { names: ['R0_rect', 'R_rect'], length: 9 },
  Tr_velo_to_cam: { names: ['Tr_velo_to_cam', 'Tr_velo_cam'], length: 12 },
  Tr_imu_to_velo: { names: ['Tr_imu_to_velo', 'Tr_imu_velo'], length: 12 },
  Tr: { names: ['Tr'], length: 12 },
} as const satisfies Record<string, Entry>;

/** What a key held, and on which line it stood. */
interface Found {
  readonly line: number;
  readonly values: readonly number[];
}

/** The numbers of a file of `key: numbers` lines, by key. */
export interface KeyedNumbers<Key extends string> {
  has(key: Key): boolean;
  /** The numbers of a key; throws InputError where it is missing. */
  numbers(key: Key): readonly number[];
  /** The rotation (3x3) of a key, and where the other frame's origin lies; throws InputError for what is no rotation. */
  rigid(key: Key, origin?: readonly number[]): Matrix44;
}

/**
 * Reads a calibration of KITTI's object, tracking or odometry benchmark by its keys, in any order and with or without
 * their colons. Odometry's `Tr` leads into the rectified frame at once, so its rectification is the identity.
 * Other keys are left aside. Throws InputError with line and key for a key that is missing or there twice, a wrong
 * number of values, a value that is no number, or a rotation that is none.
 */
export function parseKittiCalibration(text: string, options: { file?: string } = {}): KittiCalibration {
  const file = options.file ?? 'KITTI calibration';
  const entries = readKeyedNumbers(text, file, ENTRIES);
  const projection = (key: 'P0' | 'P1' | 'P2' | 'P3'): Matrix34 => Float64Array.from(entries.numbers(key));
  const odometry = entries.has('Tr') && !entries.has('Tr_velo_to_cam');
  return {
    p0: projection('P0'),
    p1: projection('P1'),
    p2: projection('P2'),
    p3: projection('P3'),
    rectFromCamera:
      odometry && !entries.has('R0_rect')
        ? rigidTransform([1, 0, 0, 0, 1, 0, 0, 0, 1])
        : entries.rigid('R0_rect'),
    cameraFromLidar: entries.rigid(odometry ? 'Tr' : 'Tr_velo_to_cam'),
    ...(entries.has('Tr_imu_to_velo') ? { lidarFromImu: entries.rigid('Tr_imu_to_velo') } : {}),
  };
}

/** The calibration as a file of KITTI's object benchmark, with 12 digits after the point as the published ones. */
export function formatKittiCalibration(calibration: KittiCalibration): string {
  const rotation = [0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => calibration.rectFromCamera[at]);
  const lines: Array<[key: keyof typeof ENTRIES, values: Iterable<number>]> = [
    ['P0', calibration.p0],
    ['P1', calibration.p1],
    ['P2', calibration.p2],
    ['P3', calibration.p3],
    ['R0_rect', rotation],
    ['Tr_velo_to_cam', calibration.cameraFromLidar.subarray(0, 12)],
  ];
  if (calibration.lidarFromImu) lines.push(['Tr_imu_to_velo', calibration.lidarFromImu.subarray(0, 12)]);
  return lines.map(([key, values]) => `${key}: ${Array.from(values, scientific).join(' ')}\n`).join('');
}

/** The rectified camera frame from the LiDAR frame: R0_rect · Tr_velo_to_cam. */
export function rectFromLidar(calibration: KittiCalibration): Matrix44 {
  return multiply44(calibration.rectFromCamera, calibration.cameraFromLidar);
}

/** Homogeneous pixels of a camera (2, left colour, by default) from the LiDAR frame: P · R0_rect · Tr_velo_to_cam. */
export function pixelFromLidar(calibration: KittiCalibration, camera: KittiCamera = 2): Matrix34 {
  const pixelFromRect = [calibration.p0, calibration.p1, calibration.p2, calibration.p3][camera];
  return multiply34by44(pixelFromRect, rectFromLidar(calibration));
}

/**
 * Reads lines of a key (with or without its colon) and numbers, by the keys of `entries`; other keys are left aside.
 * Throws InputError with line and key for a key that is there twice, a wrong number of values and a value that is no number.
 */
export function readKeyedNumbers<Key extends string>(
  text: string,
  file: string,
  entries: { readonly [K in Key]: Entry },
): KeyedNumbers<Key> {
  const keyOfName = new Map<string, Key>();
  for (const key of Object.keys(entries) as Key[]) {
    for (const name of entries[key].names) keyOfName.set(name, key);
  }
  const found = new Map<Key, Found>();
  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const line = index + 1;
    const [first, ...rest] = content.trim().split(/[ \t]+/);
    if (first === '') return;
    const name = /^([A-Za-z]\w*):?$/.exec(first)?.[1];
    if (name === undefined) {
      throw new InputError({ file, place: `line ${line}`, expected: 'a key', found: quote(first) });
    }
    const key = keyOfName.get(name);
    if (key === undefined) return;
    const place = `line ${line}, ${name}`;
    const before = found.get(key);
    if (before) {
      throw new InputError({ file, place, expected: 'the key once', found: `it on line ${before.line} too` });
    }
    found.set(key, { line, values: readNumbers(rest, entries[key].length, { file, place }) });
  });
  const required = (key: Key): Found => {
    const there = found.get(key);
    if (there) return there;
    throw new InputError({
      file,
      place: key,
      expected: `${entries[key].length} values`,
      found: 'no such key',
    });
  };
  return {
    has: (key) => found.has(key),
    numbers: (key) => required(key).values,
    rigid: (key, origin = [0, 0, 0]) => {
      const { line, values } = required(key);
      const [x, y, z] = origin;
      const matrix =
        values.length === 9 ? rigidTransform(values, [x, y, z]) : to44(Float64Array.from(values));
      checkRotation(matrix, `line ${line}, ${key}`, file);
      return matrix;
    },
  };
}

/** The words as so many finite numbers; throws InputError that tells the word by its place in the line. */
export function readNumbers(
  words: readonly string[],
  length: number,
  { file, place }: { readonly file: string; readonly place: string },
): number[] {
  if (words.length !== length) {
    throw new InputError({ file, place, expected: `${length} values`, found: `${words.length}` });
  }
  return words.map((word, index) => {
    const value = /^[-+]?(\d|\.\d)/.test(word) ? Number(word) : Number.NaN;
    if (!Number.isFinite(value)) {
      throw new InputError({
        file,
        place: `${place}, value ${index + 1}`,
        expected: 'a number',
        found: quote(word),
      });
    }
    return value;
  });
}

/** Published rotations are orthonormal to 1e-6; what is off by 1e-2 is another matrix, or a damaged one. */
function checkRotation(m: Matrix44, place: string, file: string): void {
  const dot = (r: number, s: number) => m[r] * m[s] + m[r + 1] * m[s + 1] + m[r + 2] * m[s + 2];
  const errors = [dot(0, 0) - 1, dot(4, 4) - 1, dot(8, 8) - 1, dot(0, 4), dot(0, 8), dot(4, 8)];
  const determinant =
    m[0] * (m[5] * m[10] - m[6] * m[9]) -
    m[1] * (m[4] * m[10] - m[6] * m[8]) +
    m[2] * (m[4] * m[9] - m[5] * m[8]);
  const worst = Math.max(...errors.map(Math.abs));
  if (worst > 1e-2 || determinant < 0) {
    throw new InputError({
      file,
      place,
      expected: 'a rotation (orthonormal rows, right-handed)',
      found: `rows off by ${worst.toPrecision(3)}, determinant ${determinant.toPrecision(3)}`,
    });
  }
}

function scientific(value: number): string {
  const [mantissa, exponent] = value.toExponential(12).split('e');
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
