import { InputError } from '../engine/input-error.ts';
import { decodeImage } from '../image/decode-image.ts';
import { undistortImage } from '../image/undistort.ts';
import type { PointCloud } from '../pointcloud/point-cloud.ts';
import type { Frame } from './frame.ts';
import { entryNamed, listSequences, namesInWords, type SequenceReference } from './open-sequences.ts';
import { fileOf, type Sequence } from './sequence.ts';
import { Stopwatch } from './stopwatch.ts';

/**
 * Opens the sequence at a path, whatever it is, or the one of several that `sequence` names. Throws InputError as `openSequences`
 * does, and where several are there and none is named: it lists the names.
 *
 * @example
 * const sequence = await openSequence({ path: 'data/kitti' });
 * const { count, fields } = await sequence.cloud(0);
 * fields.map(({ name }) => name); // ["x", "y", "z", "reflectance"]
 */
export async function openSequence(reference: SequenceReference): Promise<Sequence> {
  const { path, sequence } = reference;
  const { entries } = await listSequences(reference);
  if (sequence !== undefined) return entryNamed(entries, sequence, path).open();
  if (entries.length === 1) return entries[0].open();
  throw new InputError({
    file: path,
    expected: 'one sequence, or the name of one (--sequence)',
    found: `${entries.length}: ${namesInWords(entries)}`,
  });
}

/** The names that sweeps have for what a LiDAR measures of a surface beside where it is. */
const intensityNames = ['reflectance', 'intensity', 'i'];

/** The points of a sweep as encoders take them: rows of x, y, z and reflectance (0 where the sweep has none). */
export function pointsOf(
  cloud: PointCloud,
  { reflectanceOf }: Pick<Sequence, 'reflectanceOf'>,
): Float32Array {
  const field = (names: readonly string[]) =>
    cloud.fields.find(({ name, count }) => names.includes(name) && count === 1);
  const columns = [['x'], ['y'], ['z'], intensityNames].map((names) => field(names)?.data);
  const points = new Float32Array(4 * cloud.count);
  columns.forEach((data, column) => {
    if (data === undefined) return;
    for (let i = 0; i < cloud.count; i++) points[4 * i + column] = Number(data[i]);
    if (column !== 3 || reflectanceOf === undefined) return;
    for (let i = 3; i < points.length; i += 4) points[i] = reflectanceOf(points[i]);
  });
  return points;
}

/**
 * A frame of a sequence as encoders take it: its points with their reflectance (0 where the file has none), its pictures without their lens and its
 * cameras (the sequence's first one by default), without labels; the stopwatch gets `read` and `decode`. Throws InputError for a part that
 * is missing or damaged.
 */
export async function frameOf(
  sequence: Sequence,
  index: number,
  options: { readonly stopwatch?: Stopwatch; readonly cameras?: readonly string[] } = {},
): Promise<Frame> {
  const { stopwatch = new Stopwatch(), cameras } = options;
  // What is missing is told before anything is read.
  if (cameras === undefined) fileOf(sequence, index, 'picture');
  const [cloud, ...seen] = await Promise.all([
    sequence.cloud(index),
    ...(cameras ?? [undefined]).map(async (name) => {
      const [camera, picture] = await Promise.all([
        sequence.camera(index, name),
        sequence.picture(index, name),
      ]);
      return { camera, ...picture };
    }),
  ]);
  const points = pointsOf(cloud, sequence);
  const { id, timeS, worldFromLidar } = sequence.moments[index];
  stopwatch.lap('read');
  const images = seen.map(async ({ camera, bytes, file }) => {
    const { lens, ...pinhole } = camera;
    const stored = await decodeImage(bytes, { file });
    return { ...pinhole, image: lens === undefined ? stored : undistortImage(stored, { ...pinhole, lens }) };
  });
  const decoded = await Promise.all(images);
  stopwatch.lap('decode');
  return { id, points, cameras: decoded, labels: undefined, timeS, worldFromLidar };
}
