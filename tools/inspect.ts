import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Command } from 'commander';
import type { Frame } from '../src/datasets/frame.ts';
import type { Frames } from '../src/datasets/open-frames.ts';
import type { Sequence } from '../src/datasets/sequence.ts';
import { InputError, reasonOf } from '../src/engine/input-error.ts';
import type { Box3 } from '../src/geometry/box.ts';
import type { PointCloud } from '../src/pointcloud/point-cloud.ts';
import { makeFolder, writeFileAtomically } from '../src/training/run/atomic-file.ts';
import { cameraOption, columnsOption } from './options.ts';

interface Options {
  readonly frame?: string;
  readonly sequence?: string;
  readonly camera?: string;
  readonly tracks?: string;
  readonly picture?: string;
  readonly cloud?: string;
  readonly columns?: number;
  readonly all?: boolean;
}

/** So many pictures of a folder are read, unless all are wanted. */
const PICTURES = 1000;

/** The command line of `pointpair inspect`. */
export function command(): Command {
  return new Command('inspect')
    .description(
      'Summarise a data set, its sequences, a folder of pictures, a frame, a point cloud (.bin, .pcd, .ply), a run or a checkpoint.',
    )
    .argument('<path>', 'a file or a folder')
    .option('--frame <id>', 'one frame of a data set, by its name or number')
    .option('--sequence <name>', 'one of several sequences')
    .addOption(cameraOption())
    .option('--tracks <file>', 'a KITTI tracking label file, for a raw drive')
    .option('--picture <file.png>', "draw the points from above; of a frame, with its labels' boxes")
    .option('--cloud <file.pcd>', 'write the points with every field that they have, as binary PCD')
    .option(
      '--all',
      `of a folder of pictures, read every one instead of ${PICTURES} spread over it; of sequences, tell every note`,
    )
    .addOption(columnsOption())
    .addHelpText(
      'after',
      `
Examples:
  pointpair inspect data/kitti --frame 000003 --picture frame.png
  pointpair inspect kitti-tracking --sequence 0003 --frame 12 --cloud sweep.pcd
  pointpair inspect photographs/train
  pointpair inspect scan.pcd
  pointpair inspect sweep.pcd.bin --columns 5 --picture sweep.png
  pointpair inspect runs/kitti
  pointpair inspect runs/kitti/checkpoints/00000030`,
    )
    .action(async (path: string, options: Options) => {
      process.stdout.write(`${await describe(path, options)}\n`);
    });
}

/** What there is at a path, in words. Every kind of data has its own modules, which are loaded when they are needed. */
export async function describe(path: string, options: Options): Promise<string> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: reasonOf(error) });
  });
  if (!info.isDirectory() && !(await isDrive(path))) return describeFile(path, options);
  if (options.frame !== undefined) return describeOneFrame(path, options.frame, options);
  for (const name of ['picture', 'cloud'] as const) {
    if (options[name] === undefined) continue;
    const expected = `the name or number of a frame (--frame), whose points --${name} takes`;
    throw new InputError({ file: path, expected, found: 'none' });
  }
  if (await exists(join(path, 'state.json'))) {
    const { loadCheckpoint } = await import('../src/training/run/checkpoint.ts');
    const { describeState } = await import('../src/report/describe-state.ts');
    const { state, meta } = await loadCheckpoint(path);
    return `checkpoint of step ${meta.step}, ${meta.time}\n${describeState(state)}`;
  }
  if (await exists(join(path, 'config.json'))) return describeRunAt(path);
  return describeData(path, options);
}

/** Whether a file is of a drive, by its name. */
async function isDrive(file: string): Promise<boolean> {
  const { cloudEndings } = await import('../src/pointcloud/read-cloud.ts');
  if (cloudEndings.includes(extname(file).toLowerCase())) return false;
  const { dataKindOf } = await import('../src/datasets/data-kind.ts');
  return (await dataKindOf(file)) !== undefined;
}

async function describeRunAt(path: string): Promise<string> {
  const { describeRun } = await import('../src/report/describe-run.ts');
  return describeRun(path);
}

async function describeData(path: string, options: Options): Promise<string> {
  const { all, sequence, camera, tracks, columns } = options;
  const { dataKindOf } = await import('../src/datasets/data-kind.ts');
  const kind = await dataKindOf(path);
  if (kind === 'point clouds') return describeClouds(path, options);
  if (columns !== undefined) {
    const expected = 'point clouds (.bin), which columns go with';
    throw new InputError({ file: path, expected, found: kind ?? 'other data' });
  }
  const pictures = async () => {
    const { openFrames } = await import('../src/datasets/open-frames.ts');
    const { describePictures } = await import('../src/report/describe-pictures.ts');
    const most = all ? undefined : PICTURES;
    return describePictures(await openFrames({ root: path, camera }, ['image']), { most });
  };
  if (kind === undefined || kind === 'image folder') return pictures();
  if (kind !== 'KITTI object data set' || tracks !== undefined || sequence !== undefined) {
    const { entryNamed, listSequences } = await import('../src/datasets/open-sequences.ts');
    const { describeSequences } = await import('../src/report/describe-sequences.ts');
    const reference = { path, sequence, camera, tracks };
    const { entries, notes } = await listSequences(reference);
    const chosen = sequence === undefined ? entries : [entryNamed(entries, sequence, path)];
    const sequences: Sequence[] = [];
    for (const { open } of chosen) sequences.push(await open());
    const mostNotes = all ? Number.POSITIVE_INFINITY : undefined;
    return describeSequences(sequences, { notes, mostNotes });
  }
  try {
    return await describeDataSet(path, camera);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // Pictures are worth having by themselves; where there are none either, what is missing is said as before.
    const described = await pictures().catch(() => undefined);
    if (described === undefined) throw error;
    return `${described}\npictures alone: ${error.message}`;
  }
}

/** A folder of clouds: how many there are, what is in the first that can be read, and what is wrong with those before it. */
async function describeClouds(path: string, { sequence, camera, tracks, columns }: Options): Promise<string> {
  const { openSequence } = await import('../src/datasets/open-sequence.ts');
  const { describeCloud } = await import('../src/report/describe-cloud.ts');
  const clouds = await openSequence({ path, sequence, camera, tracks, columns });
  const ids = clouds.moments.map(({ id }) => id);
  const lines = [`point clouds: ${rangeOf(ids, 'files')}`];
  for (const [index, id] of ids.entries()) {
    try {
      return [...lines, `${id}: ${describeCloud(await clouds.cloud(index))}`].join('\n');
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      lines.push(error.message);
    }
  }
  return lines.join('\n');
}

async function describeDataSet(path: string, camera: string | undefined): Promise<string> {
  const { KittiObject } = await import('../src/datasets/kitti-object.ts');
  const { frames, pictures } = await KittiObject.open(path, { camera }).then(
    (whole) => ({ frames: whole, pictures: '' }),
    async (error: unknown) => {
      // What learns from points alone needs no pictures.
      const partly = await KittiObject.open(path, { camera, withPictures: false }).catch(() => undefined);
      if (partly === undefined || partly.withoutPicture < partly.length) throw error;
      return { frames: partly, pictures: ', without pictures' };
    },
  );
  const labels = `${frames.hasLabels ? 'with' : 'without'} labels`;
  return `KITTI object data set: ${rangeOf(frames.ids, 'frames')}, ${labels}${pictures}${incompleteOf(frames)}`;
}

function rangeOf(ids: readonly string[], unit: string): string {
  return ids.length === 1 ? ids[0] : `${ids.length} ${unit}, ${ids[0]} to ${ids[ids.length - 1]}`;
}

function incompleteOf({ incomplete }: Pick<Frames, 'incomplete'>): string {
  if (incomplete.length === 0) return '';
  const each = incomplete.map(({ id, missing }) => `\n  ${id} lacks ${missing}`);
  return `; ${incomplete.length} incomplete:${each.join('')}`;
}

async function describeOneFrame(path: string, frame: string, options: Options): Promise<string> {
  const { picture, cloud: cloudFile, camera, tracks, columns } = options;
  const { openSequence } = await import('../src/datasets/open-sequence.ts');
  const { describeFrame } = await import('../src/report/describe-frame.ts');
  const { describeMoment } = await import('../src/report/describe-moment.ts');
  const { sequence: name, id } = await placeOf(path, frame, options);
  const sequence = await openSequence({ path, sequence: name, camera, tracks, columns });
  const index = frameNumbered(sequence, id);
  // A data set's frame is looked at as it is for training, with the checks that its parts belong together.
  const isObject = sequence.kind === 'KITTI object data set';
  const checked = isObject ? await objectFrame(sequence, index, { path, camera }) : undefined;
  const { text, cloud, labels } =
    checked === undefined
      ? await describeMoment(sequence, index)
      : { text: describeFrame(checked), cloud: await sequence.cloud(index), labels: checked.labels ?? [] };
  if (picture === undefined && cloudFile === undefined) return text;
  const points = cloud ?? (await sequence.cloud(index));
  const written: string[] = [];
  const boxes = labels.flatMap(({ box3 }) => box3 ?? []);
  if (picture !== undefined) written.push(await writePicture(picture, points, boxes));
  if (cloudFile !== undefined) written.push(await writeCloud(cloudFile, points));
  return [text, ...written].join('\n');
}

/** The sequence of a frame and the frame's name in it: `0003/000012` is one of both. */
async function placeOf(path: string, frame: string, { sequence, camera, tracks, columns }: Options) {
  if (sequence !== undefined) return { sequence, id: frame };
  const { listSequences } = await import('../src/datasets/open-sequences.ts');
  const { entries } = await listSequences({ path, camera, tracks, columns });
  const named = entries.length === 1 ? undefined : entries.find(({ name }) => frame.startsWith(`${name}/`));
  return named === undefined
    ? { sequence, id: frame }
    : { sequence: named.name, id: frame.slice(named.name.length + 1) };
}

/** The place of a frame by its name, or by its number where its name is one; of frames with other names, by their order. */
function frameNumbered({ root, moments }: Sequence, frame: string): number {
  const byName = moments.findIndex(({ id }) => id === frame);
  if (byName >= 0) return byName;
  const numbers = moments.map(({ id }) => (/^\d+$/.test(id) ? Number(id) : undefined));
  const asked = /^\d+$/.test(frame) ? Number(frame) : undefined;
  const byNumber = numbers.every((number) => number === undefined) ? asked : numbers.indexOf(asked ?? -1);
  if (byNumber !== undefined && moments[byNumber] !== undefined) return byNumber;
  const expected = `one of ${moments.length} frames, ${moments[0].id} to ${moments[moments.length - 1].id}`;
  throw new InputError({ file: root, place: `frame ${frame}`, expected, found: 'no such frame' });
}

/** A frame of a data set with all that it has; undefined for one whose sequence has no pictures, which is told part by part. */
async function objectFrame(
  { moments, cameras }: Sequence,
  index: number,
  { path, camera }: { readonly path: string; readonly camera: string | undefined },
): Promise<Frame | undefined> {
  const { id, pictures } = moments[index];
  if (cameras.every((name) => pictures[name] === undefined)) return undefined;
  const { KittiObject } = await import('../src/datasets/kitti-object.ts');
  const frames = await KittiObject.open(path, { camera });
  const place = frames.ids.indexOf(id);
  if (place >= 0) return frames.frame(place);
  const missing = frames.incomplete.find((each) => each.id === id)?.missing;
  const expected = `one of ${frames.length} frames, ${frames.ids[0]} to ${frames.ids[frames.length - 1]}`;
  throw new InputError({ file: path, place: `frame ${id}`, expected, found: `a frame without ${missing}` });
}

async function describeFile(path: string, options: Options): Promise<string> {
  const { picture, cloud: cloudFile, columns, frame } = options;
  if (frame !== undefined) {
    const expected = 'a folder or a file of frames, which --frame goes with';
    throw new InputError({ file: path, expected, found: 'a single file' });
  }
  const bytes = await readFile(path);
  if (extname(path) === '.safetensors') {
    const { decodeSafetensors } = await import('../src/training/run/safetensors.ts');
    const { describeState } = await import('../src/report/describe-state.ts');
    const { treeOf } = await import('../src/engine/tree.ts');
    const { tensors } = decodeSafetensors(bytes, { file: path });
    return `${basename(path)}: ${tensors.size} tensors\n${describeState(treeOf(tensors))}`;
  }
  if (['.json', '.jsonl'].includes(extname(path)) && (await exists(join(dirname(path), 'config.json'))))
    return describeRunAt(dirname(path));
  const { readCloud } = await import('../src/pointcloud/read-cloud.ts');
  const { describeCloud } = await import('../src/report/describe-cloud.ts');
  const cloud = readCloud(bytes, { file: path, columns });
  const described = `${basename(path)}: ${describeCloud(cloud)}`;
  return [
    described,
    ...(picture === undefined ? [] : [await writePicture(picture, cloud)]),
    ...(cloudFile === undefined ? [] : [await writeCloud(cloudFile, cloud)]),
  ].join('\n');
}

/** Draws a cloud, and boxes in it, from above; what the picture is of in words. */
async function writePicture(file: string, cloud: PointCloud, boxes: readonly Box3[] = []): Promise<string> {
  const { drawCloud } = await import('../src/report/cloud-picture.ts');
  const { encodePng } = await import('../src/image/decode-image.ts');
  const { image, caption } = drawCloud(cloud, { boxes });
  await makeFolder(dirname(file));
  await writeFileAtomically(file, await encodePng(image));
  return `${file}: ${caption}`;
}

/** Writes a cloud as binary PCD; what was written in words. */
async function writeCloud(file: string, cloud: PointCloud): Promise<string> {
  const { writePcd } = await import('../src/pointcloud/pcd.ts');
  await makeFolder(dirname(file));
  await writeFileAtomically(file, writePcd(cloud, { encoding: 'binary' }));
  return `${file}: ${cloud.count} points with ${cloud.fields.map(({ name }) => name).join(', ')}`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
