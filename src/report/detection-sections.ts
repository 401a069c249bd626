import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseKittiLabels, saysNoBox } from '../datasets/kitti-labels.ts';
import { readFrameText } from '../datasets/read-frame-file.ts';
import { openObjectFrames } from '../detection/detection-frames.ts';
import { InputError } from '../engine/input-error.ts';
import { type Matchable, outcomesOf } from '../evaluation/kitti/detection-outcomes.ts';
import { areDrives, describeKittiPixels, readDriveResults } from '../evaluation/kitti/drive-results.ts';
import { evaluateKitti } from '../evaluation/kitti/kitti-evaluation.ts';
import { type KittiFolderPairs, readKittiFolders } from '../evaluation/kitti/kitti-result-files.ts';
import type { KittiFramePair, KittiObjectLine } from '../evaluation/kitti/kitti-result-lines.ts';
import { resultFilesIn } from '../evaluation/kitti/result-names.ts';
import { describeUnknownClass } from '../evaluation/kitti/unknown-classes.ts';
import { boxFromKitti } from '../geometry/kitti-box.ts';
import { readConfigJson } from '../training/config-file.ts';
import { MANIFEST } from '../training/detection/detect.ts';
import { chooseFrames } from './choose-frames.ts';
import { detectionSvg } from './draw-detections.ts';
import { outcomeColours } from './outcome-colours.ts';
import { precisionSection } from './precision-recall.ts';
import type { ReportFigure, ReportSection } from './run-report.ts';

/** Where results and labels are, if not where a detector's run has them. */
export interface DetectionSectionOptions {
  /** A folder of result files; `detections` in the run's folder, where there is one, by default. */
  readonly detections?: string;
  /** The data set with the labels; by default the one that the results name. */
  readonly data?: string;
}

/** A camera that looks along x from the LiDAR's place: overlaps seen from above need no more. */
const PLAIN = Float64Array.of(0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, 0, 1);

/**
 * What a detector's run found: average precision, curves, and frames with boxes. None for a pretraining run, and for one
 * without results. Throws an InputError for results that were asked for and cannot be read, or have no labels.
 */
export async function detectionSections(
  run: string,
  options: DetectionSectionOptions = {},
): Promise<ReportSection[]> {
  const config = await readConfigJson(join(run, 'config.json'), { file: run, expected: "a run's folder" });
  const { detector } = config;
  if (typeof detector !== 'string') {
    if (options.detections === undefined && options.data === undefined) return [];
    const given = options.detections === undefined ? '--data' : '--detections';
    const expected = `a detector's run, which ${given} goes with`;
    throw new InputError({ file: run, expected, found: 'a pretraining run' });
  }
  const folder = options.detections ?? join(run, 'detections');
  if (options.detections === undefined && !(await hasResults(folder))) return [];
  const classes = (config[detector] as { readonly classes?: readonly string[] } | undefined)?.classes;
  try {
    const manifest = await manifestOf(folder);
    const root = options.data ?? manifest?.data.root ?? dataRootOf(config.data, run);
    return await sectionsOf({ root, folder, classes });
  } catch (error) {
    // What was found by itself keeps nobody from the rest of the report.
    if (options.detections !== undefined || !(error instanceof InputError)) throw error;
    return [
      { title: 'Average precision', isResult: true, text: `It could not be measured: ${error.message}` },
    ];
  }
}

async function sectionsOf(place: {
  readonly root: string;
  readonly folder: string;
  readonly classes: readonly string[] | undefined;
}): Promise<ReportSection[]> {
  const { root, folder, classes } = place;
  const { frames, damaged, unknown, scaled } = await pairsOf(root, folder);
  const precision = await precisionSection(evaluateKitti(frames));
  const notes = [
    ...(scaled === undefined ? [] : [scaled]),
    ...unknown.map(describeUnknownClass),
    ...(damaged.length > 0 ? [`${damaged.length} frames left out as damaged, such as ${damaged[0]}`] : []),
  ];
  const text = [precision.text, ...notes.map((note) => `${note}.`)].join(' ');
  return [{ ...precision, text }, await drawnSection(frames, place, classes)];
}

/** The frames that have results, with their labels, and what is said of boxes that were scaled. */
async function pairsOf(
  root: string,
  folder: string,
): Promise<KittiFolderPairs & { readonly scaled?: string }> {
  const damaged = 'left out';
  if (await areDrives(root)) {
    const labels = { root };
    const pairs = await readDriveResults({ labels, detections: folder, foundOnly: true, damaged });
    return { ...pairs, scaled: describeKittiPixels(pairs) };
  }
  const ids = (await resultFilesIn(folder)).map((name) => name.slice(0, -4));
  return readKittiFolders({ labels: root, detections: folder, ids, damaged });
}

async function drawnSection(
  pairs: readonly KittiFramePair[],
  { root, folder }: { readonly root: string; readonly folder: string },
  classes: readonly string[] | undefined,
): Promise<ReportSection> {
  const choosable = pairs.map(({ id, labels, detections }) => ({
    id,
    labels: labels.map(matchable),
    detections: detections.map(matchable),
  }));
  const { threshold, looked, frames } = chooseFrames(choosable, { classes });
  const title = 'Labels and detections';
  if (frames.length === 0) return { title, text: 'No frame has both labels of its classes and detections.' };
  const data = await openObjectFrames({ root }).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    return error;
  });
  // Precision is known all the same, as of frames without pictures.
  if (data instanceof InputError) return { title, text: `No frame can be drawn: ${data.message}.` };
  const drawings: ReportFigure[] = [];
  const damaged = data.incomplete
    .filter(({ id }) => frames.some((chosen) => chosen.id === id))
    .map(({ id, missing: files }) => `${id} lacks ${files}`);
  for (const { id, why, counts } of frames) {
    const index = data.ids.indexOf(id);
    if (index < 0) continue;
    const frame = await data.frame(index).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      damaged.push(error.message);
    });
    if (frame === undefined) continue;
    const { points, cameras, labels = [] } = frame;
    const [camera] = cameras;
    const file = join(folder, `${id}.txt`);
    const found = parseKittiLabels(await readFrameText(file), {
      file,
      rectFromLidar: camera.cameraFromLidar,
    });
    const detections = found.filter(({ score = 1 }) => score >= threshold);
    const outcomes = outcomesOf(labels, detections, { classes });
    const svg = await detectionSvg({ points, camera, labels, detections, outcomes });
    const { found: right, missed, falseAlarms } = counts;
    const note = `${why === 'drawn' ? 'drawn by chance' : `among the ${why}`}: ${right} found, ${missed} missed, ${falseAlarms} false`;
    drawings.push({ title: id, note, svg });
  }
  const legend = (kind: keyof typeof outcomeColours, dashed: boolean, words: string) => {
    return { colour: outcomeColours[kind], dashed, words };
  };
  const among = looked < pairs.length ? `${looked} frames drawn from ${pairs.length}` : `${looked} frames`;
  return {
    title,
    text: `Of ${among}, those with the highest and the lowest F1 and some drawn by chance; detections from the score ${threshold.toFixed(2)} on, at which F1 over all of them is highest. A label is found by a detection of its class that shares more than 0.7 of the union with a car seen from above, 0.5 with anything else. Below each picture the same from above, ahead to the right.${damaged.length > 0 ? ` ${damaged.length} of them could not be drawn: ${damaged.join('; ')}.` : ''}`,
    legend: [
      legend('found', false, 'label, found'),
      legend('right', true, 'detection that found it'),
      legend('missed', false, 'label, missed'),
      legend('false', true, 'false alarm'),
      legend('ignored', false, 'ignored'),
    ],
    drawings,
  };
}

function matchable(line: KittiObjectLine): Matchable {
  const { type, box2, score, sizeM } = line;
  const isBox = type !== 'DontCare' && !saysNoBox(line) && sizeM.every((side) => side > 0);
  return { type, box2, score, box3: isBox ? boxFromKitti(line, PLAIN) : undefined };
}

const manifestSchema = z.looseObject({ data: z.looseObject({ root: z.string() }) });

async function manifestOf(folder: string): Promise<z.infer<typeof manifestSchema> | undefined> {
  const file = join(folder, MANIFEST);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, expected: 'JSON', found: (error as Error).message });
  }
  const { data } = manifestSchema.safeParse(value);
  if (data !== undefined) return data;
  throw new InputError({ file, place: 'data.root', expected: 'where the frames are from', found: 'none' });
}

function dataRootOf(data: unknown, run: string): string {
  const root = (data as { readonly root?: unknown } | undefined)?.root;
  if (typeof root === 'string') return root;
  throw new InputError({
    file: join(run, 'config.json'),
    place: 'data.root',
    expected: 'the folder of the data',
    found: String(root),
  });
}

async function hasResults(folder: string): Promise<boolean> {
  return (await resultFilesIn(folder).catch(() => [])).length > 0;
}
