import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Command } from 'commander';
import { dataKindOf } from '../src/datasets/data-kind.ts';
import { KittiObject } from '../src/datasets/kitti-object.ts';
import { type Frames, openFrames } from '../src/datasets/open-frames.ts';
import { openSequence } from '../src/datasets/open-sequence.ts';
import { InputError } from '../src/engine/input-error.ts';
import { treeOf } from '../src/engine/tree.ts';
import { encodePng } from '../src/image/decode-image.ts';
import type { RgbImage } from '../src/image/rgb-image.ts';
import { readCloud } from '../src/pointcloud/read-cloud.ts';
import { drawBirdsEye } from '../src/report/birds-eye.ts';
import { drawCloud } from '../src/report/cloud-picture.ts';
import { describeCloud } from '../src/report/describe-cloud.ts';
import { describeFrame } from '../src/report/describe-frame.ts';
import { describePictures } from '../src/report/describe-pictures.ts';
import { describeRun, describeState } from '../src/report/describe-run.ts';
import { writeFileAtomically } from '../src/training/atomic-file.ts';
import { loadCheckpoint } from '../src/training/checkpoint.ts';
import { decodeSafetensors } from '../src/training/safetensors.ts';
import { columnsOption } from './options.ts';

interface Options {
  readonly frame?: string;
  readonly picture?: string;
  readonly columns?: number;
  readonly all?: boolean;
}

/** So many pictures of a folder are read, unless all are wanted. */
const PICTURES = 1000;

/** The command line of `pointpair inspect`. */
export function command(): Command {
  return new Command('inspect')
    .description(
      'Say what is in a data set, a folder of pictures, a frame, a point cloud (.bin, .pcd, .ply), a run or a checkpoint.',
    )
    .argument('<path>', 'a file or a folder')
    .option('--frame <id>', 'one frame of a data set')
    .option('--picture <file.png>', "draw the points from above; of a frame, with its labels' boxes")
    .option('--all', `of a folder of pictures, read every one instead of ${PICTURES} spread over it`)
    .addOption(columnsOption())
    .addHelpText(
      'after',
      `
Examples:
  pointpair inspect data/kitti --frame 000003 --picture frame.png
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

async function describe(path: string, options: Options): Promise<string> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: error.code ?? error.message });
  });
  if (!info.isDirectory()) return describeFile(path, options);
  if (options.columns !== undefined)
    throw new InputError({ file: path, expected: 'a .bin file, which columns go with', found: 'a folder' });
  if (options.frame !== undefined) return describeOneFrame(path, options.frame, options);
  if (await exists(join(path, 'state.json'))) {
    const { state, meta } = await loadCheckpoint(path);
    return `checkpoint of step ${meta.step}, ${meta.time}\n${describeState(state)}`;
  }
  if (await exists(join(path, 'config.json'))) return describeRun(path);
  return describeData(path, options);
}

async function describeData(path: string, { all }: Options): Promise<string> {
  const kind = await dataKindOf(path);
  if (kind === 'point clouds') {
    const { moments } = await openSequence({ path });
    return `${kind}: ${rangeOf(
      moments.map(({ id }) => id),
      'files',
    )}`;
  }
  const pictures = async () =>
    describePictures(await openFrames({ root: path }, ['image']), { most: all ? undefined : PICTURES });
  if (kind === undefined || kind === 'image folder') return pictures();
  try {
    return await (kind === 'KITTI object data set' ? describeDataSet(path) : describeDrives(path));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // Pictures are worth having by themselves; where there are none either, what is missing is said as before.
    const described = await pictures().catch(() => undefined);
    if (described === undefined) throw error;
    return `${described}\npictures alone: ${error.message}`;
  }
}

async function describeDataSet(path: string): Promise<string> {
  const frames = await KittiObject.open(path);
  const labels = `${frames.hasLabels ? 'with' : 'without'} labels`;
  return `KITTI object data set: ${rangeOf(frames.ids, 'frames')}, ${labels}${incompleteOf(frames)}`;
}

async function describeDrives(path: string): Promise<string> {
  const frames = await openFrames({ root: path }, ['image', 'points']);
  return [`${frames.kind}: ${rangeOf(frames.ids, 'frames')}${incompleteOf(frames)}`, ...frames.notes].join(
    '\n',
  );
}

function rangeOf(ids: readonly string[], unit: string): string {
  return ids.length === 1 ? ids[0] : `${ids.length} ${unit}, ${ids[0]} to ${ids[ids.length - 1]}`;
}

function incompleteOf({ incomplete }: Pick<Frames, 'incomplete'>): string {
  if (incomplete.length === 0) return '';
  const each = incomplete.map(({ id, missing }) => `\n  ${id} lacks ${missing}`);
  return `; ${incomplete.length} incomplete:${each.join('')}`;
}

async function describeOneFrame(root: string, id: string, { picture }: Options): Promise<string> {
  const frames = await KittiObject.open(root);
  const index = frames.ids.indexOf(id);
  if (index < 0) {
    const lacking = frames.incomplete.find((each) => each.id === id);
    const found = lacking === undefined ? 'no such frame' : `a frame without ${lacking.missing}`;
    const expected = `one of ${frames.length} frames, ${frames.ids[0]} to ${frames.ids[frames.length - 1]}`;
    throw new InputError({ file: root, place: `frame ${id}`, expected, found });
  }
  const frame = await frames.frame(index);
  const boxes = (frame.labels ?? []).flatMap(({ box3 }) => (box3 === undefined ? [] : [{ box: box3 }]));
  if (picture !== undefined) await write(picture, drawBirdsEye(frame.points, { boxes }));
  return describeFrame(frame);
}

async function describeFile(path: string, { picture, columns }: Options): Promise<string> {
  const bytes = await readFile(path);
  if (extname(path) === '.safetensors') {
    const { tensors } = decodeSafetensors(bytes, { file: path });
    return `${basename(path)}: ${tensors.size} tensors\n${describeState(treeOf(tensors))}`;
  }
  if (['.json', '.jsonl'].includes(extname(path)) && (await exists(join(dirname(path), 'config.json'))))
    return describeRun(dirname(path));
  const cloud = readCloud(bytes, { file: path, columns });
  const described = `${basename(path)}: ${describeCloud(cloud)}`;
  if (picture === undefined) return described;
  const { image, caption } = drawCloud(cloud);
  await write(picture, image);
  return `${described}\n${basename(picture)}: ${caption}`;
}

async function write(file: string, image: RgbImage): Promise<void> {
  await writeFileAtomically(file, await encodePng(image));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
