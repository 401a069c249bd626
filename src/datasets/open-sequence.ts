import { stat } from 'node:fs/promises';
import { InputError } from '../engine/input-error.ts';
import { decodeImage } from '../image/decode-image.ts';
import { cloudEndings } from '../pointcloud/read-cloud.ts';
import { CloudSequence } from './cloud-sequence.ts';
import { dataKindOf, describeOtherData } from './data-kind.ts';
import type { Frame } from './frame.ts';
import { KittiObjectSequence } from './kitti-object-sequence.ts';
import { KittiRaw } from './kitti-raw.ts';
import { onlyPrepared } from './prepared/prepared-sequence.ts';
import { fileOf, type Sequence } from './sequence.ts';
import { Stopwatch } from './stopwatch.ts';

/** What is opened, in plain data that a worker thread can be given. */
export interface SequenceReference {
  /** A data set, a drive, a folder of point clouds, or a single one. */
  readonly path: string;
  /** A KITTI tracking label file that goes with a KITTI raw drive. */
  readonly tracks?: string;
  /** How many numbers a point has in `.bin` files that are opened as point clouds; KITTI's four by default. */
  readonly columns?: number;
}

/**
 * Opens whatever it is, told by what lies in the folder. Throws InputError that says what can be opened and what is
 * there instead.
 *
 * @example
 * const sequence = await openSequence({ path: 'data/kitti' });
 * const { count, fields } = await sequence.cloud(0);
 * fields.map(({ name }) => name); // ["x", "y", "z", "reflectance"]
 */
export async function openSequence({ path, tracks, columns }: SequenceReference): Promise<Sequence> {
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: error.code ?? error.message });
  });
  const kind = await dataKindOf(path);
  if (kind === 'prepared shards') return onlyPrepared({ path, tracks, columns });
  const isKitti = kind === 'KITTI raw drive' || kind === 'KITTI object data set';
  if (columns !== undefined && isKitti) {
    throw new InputError({
      file: path,
      expected: 'point clouds alone, which columns go with',
      found: 'KITTI data',
    });
  }
  if (kind === 'KITTI raw drive') return KittiRaw.open(path, { tracks });
  if (tracks !== undefined) {
    throw new InputError({ file: path, expected: 'a KITTI raw drive, which tracks go with', found: 'none' });
  }
  if (kind === 'KITTI object data set') return KittiObjectSequence.open(path);
  if (kind === 'point clouds') return CloudSequence.open(path, { columns });
  throw new InputError({
    file: path,
    expected: `a KITTI object data set, a KITTI raw drive, point clouds (${cloudEndings.join(', ')}) or a run`,
    found:
      kind === 'image folder'
        ? 'a folder of pictures alone, which have nothing to be shown in space (pointpair inspect says what is in it)'
        : await describeOtherData(path),
  });
}

/** The names that sweeps have for what a LiDAR measures of a surface beside where it is. */
const intensityNames = ['reflectance', 'intensity', 'i'];

/** A frame of a sequence as encoders take it: its points with their intensity (0 where the file has none), picture and camera, without labels; the stopwatch gets `read` and `decode`. Throws InputError for a part that is missing or damaged. */
export async function frameOf(
  sequence: Sequence,
  index: number,
  stopwatch = new Stopwatch(),
): Promise<Frame> {
  // What is missing is told before anything is read.
  fileOf(sequence, index, 'picture');
  const [cloud, camera, { bytes, file }] = await Promise.all([
    sequence.cloud(index),
    sequence.camera(index),
    sequence.picture(index),
  ]);
  const field = (names: readonly string[]) =>
    cloud.fields.find(({ name, count }) => names.includes(name) && count === 1);
  const columns = [['x'], ['y'], ['z'], intensityNames].map((names) => field(names)?.data);
  const points = new Float32Array(4 * cloud.count);
  columns.forEach((data, column) => {
    if (data === undefined) return;
    for (let i = 0; i < cloud.count; i++) points[4 * i + column] = Number(data[i]);
  });
  const { id, timeS, worldFromLidar } = sequence.moments[index];
  stopwatch.lap('read');
  const image = await decodeImage(bytes, { file });
  stopwatch.lap('decode');
  return { id, points, cameras: [{ ...camera, image }], labels: undefined, timeS, worldFromLidar };
}
