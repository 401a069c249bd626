import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DataSelection } from '../../datasets/data-selection.ts';
import type { ObjectLabel } from '../../datasets/frame.ts';
import { formatKittiLabels } from '../../datasets/kitti-labels.ts';
import { allDamaged, createLoader } from '../../datasets/loader.ts';
import { type ObjectFrames, openObjectFrames } from '../../detection/detection-frames.ts';
import type { GivenBox, Predictor } from '../../detection/detector.ts';
import type { Device } from '../../engine/device.ts';
import { InputError } from '../../engine/input-error.ts';
import { requireDevice } from '../../engine/require-device.ts';
import { filesIn, resultFilesIn } from '../../evaluation/kitti/result-names.ts';
import { isTemporaryName, makeFolder, writeFileAtomically, writeJsonAtomically } from '../run/atomic-file.ts';
import { damageTeller, describeIncomplete, describeWithoutPicture } from '../run/damaged-frames.ts';
import { ProgressLine, type ProgressStream } from '../run/progress.ts';
import { classesOf, createDetector, takesPictures } from './detection-config.ts';
import { type DetectionRun, withThreshold } from './detection-run.ts';
import { type ObjectMaps, writeObjectMaps } from './object-maps.ts';

/** What to look at, with what, and where the results go. */
export interface DetectOptions {
  readonly run: DetectionRun;
  readonly data: DataSelection;
  /** The folder of the result files, `<frame>.txt` (of several drives `<drive>/<frame>.txt`), and of `detections.json`, which says whose they are. */
  readonly out: string;
  readonly device?: Device;
  readonly threads?: number;
  /** Removes the results that are in `out`, whosever they are, and begins anew. */
  readonly overwrite?: boolean;
  /** Looks into the boxes of the labels instead of finding its own, where the detector can (monorun). */
  readonly givenBoxes?: boolean;
  /** The lowest score that is written, above 0 and up to 1; that of the run's configuration by default. */
  readonly scoreThreshold?: number;
  readonly signal?: AbortSignal;
  /** Where the progress line goes, and what is said of damaged frames; stderr. */
  readonly stream?: ProgressStream;
}

/** What became of the frames. */
export interface DetectResult {
  /** Frames with a result file now. */
  readonly frames: number;
  /** Of them, those that had one before. */
  readonly before: number;
  readonly detections: number;
  readonly damaged: number;
  readonly interrupted: boolean;
}

/** The file beside results that says which detector found them, in which frames. */
export const MANIFEST = 'detections.json';

/** The folder beside results of a detector that predicts objects' coordinates: `<frame>.safetensors`, as `writeObjectMaps` writes them. */
export const OBJECTS = 'objects';

/**
 * Looks at frames of a data set or of drives and writes a result file for each, in the format of KITTI's benchmark; those of
 * several drives in a folder a drive. Rerun it and it resumes. Throws an InputError where the folder holds other files, or another detector's results, and
 * where every frame is damaged.
 *
 * @example
 * const run = await loadDetectionRun('runs/point3d');
 * const { frames } = await detect({ run, data: { root: 'data/kitti' }, out: 'runs/point3d/detections' });
 * frames; // 6
 */
export async function detect(options: DetectOptions): Promise<DetectResult> {
  const { data, out } = options;
  if (options.device !== undefined) await requireDevice(options.device);
  const run = withThreshold(options.run, options.scoreThreshold);
  const { root } = data;
  const frames = await openObjectFrames(data, {
    withLabels: options.givenBoxes === true,
    withPictures: takesPictures(run.config),
  });
  const done = await prepareFolder(options);
  const indices = frames.ids.flatMap((id, i) => (done.has(`${id}.txt`) ? [] : [i]));
  const before = frames.length - indices.length;
  const progress = new ProgressLine({
    total: frames.length,
    done: before,
    stream: options.stream,
    unit: 'frame',
  });
  const tally = { written: 0, detections: 0 };
  if (indices.length === 0) return { frames: before, before, detections: 0, damaged: 0, interrupted: false };
  const detector = createDetector(run.config);
  const loader = createLoader<unknown>({
    length: indices.length,
    batchSize: run.config.batchSize,
    seed: run.config.seed,
    source: detector.source({ ...data, frames: indices, training: false, withLabels: options.givenBoxes }),
    workers: run.config.loader.workers,
    shuffle: false,
    drawnBy: 'name',
    strict: data.strict,
  });
  const say = (line: string) => progress.print(line);
  const tellDamaged = damageTeller(root, say);
  const incomplete = describeIncomplete(root, frames.incomplete);
  if (incomplete !== undefined) say(incomplete);
  const pictureless = describeWithoutPicture(root, frames.withoutPicture ?? 0);
  if (pictureless !== undefined) say(pictureless);
  let predictor: Predictor<unknown> | undefined;
  try {
    for await (const { batch, indices: places } of loader.pass()) {
      tellDamaged(loader.failures);
      if (options.signal?.aborted) break;
      const begin = performance.now();
      predictor ??= await detector.predictor(run.model, options);
      const which = places.map((place) => indices[place]);
      const found = await lookAt(predictor, batch, { ...options, frames, indices: which });
      for (const [i, { labels, maps }] of found.entries()) {
        const index = which[i];
        const place = dirname(frames.ids[index]);
        await makeFolder(join(out, place));
        if (maps !== undefined) {
          await makeFolder(join(out, OBJECTS, place));
          await writeObjectMaps(join(out, OBJECTS, `${frames.ids[index]}.safetensors`), maps);
        }
        const { cameraFromLidar } = await frames.camera(index);
        const text = formatKittiLabels(labels, { rectFromLidar: cameraFromLidar, withScore: true });
        await writeFileAtomically(join(out, `${frames.ids[index]}.txt`), text);
        tally.written++;
        tally.detections += labels.length;
      }
      const samplesPerSecond = (1000 * batch.length) / (performance.now() - begin);
      progress.update({ step: before + tally.written, samplesPerSecond });
    }
    tellDamaged(loader.failures);
  } finally {
    progress.end();
    await loader.close();
    await predictor?.dispose();
  }
  const damaged = loader.failures.size;
  const all = before + tally.written;
  if (damaged === frames.length) throw allDamaged(damaged, [...loader.failures.values()].pop()!.message);
  const interrupted = all + damaged < frames.length;
  return { frames: all, before, detections: tally.detections, damaged, interrupted };
}

/** What is found in a batch, with the maps behind it where the detector has them. */
async function lookAt(
  predictor: Predictor<unknown>,
  batch: readonly unknown[],
  options: DetectOptions & { readonly frames: ObjectFrames; readonly indices: readonly number[] },
): Promise<Array<{ readonly labels: readonly ObjectLabel[]; readonly maps?: readonly ObjectMaps[] }>> {
  const { run, frames, indices, givenBoxes } = options;
  // What a detector's own threshold lets through may lose more of its score afterwards.
  const isWanted = ({ score }: ObjectLabel) => Number(score!.toPrecision(9)) >= (options.scoreThreshold ?? 0);
  if (predictor.explain === undefined) {
    if (givenBoxes) {
      const found = `a ${run.config.detector}, which finds its own`;
      throw new InputError({
        file: run.checkpoint,
        expected: 'a detector that can look into given boxes',
        found,
      });
    }
    return (await predictor.detect(batch)).map((labels) => ({ labels: labels.filter(isWanted) }));
  }
  const classes = classesOf(run.config);
  const given = givenBoxes
    ? await Promise.all(indices.map((i) => labelledBoxes(frames, i, classes)))
    : undefined;
  return (await predictor.explain(batch, given)).map((all) => {
    const objects = all.filter(({ label }) => isWanted(label));
    return {
      labels: objects.map(({ label }) => label),
      maps: objects.map(({ label, maps, covariance }) => ({
        ...maps,
        covariance,
        pose: label.box3!,
        score: label.score!,
      })),
    };
  });
}

async function labelledBoxes(
  frames: ObjectFrames,
  index: number,
  classes: readonly string[],
): Promise<GivenBox[]> {
  const labels = await frames.labels!(index);
  return labels.flatMap(({ type, box2 }) => {
    const classIndex = classes.indexOf(type);
    return classIndex < 0 ? [] : [{ box: box2, classIndex }];
  });
}

/** Makes the folder, or takes up the one that an interrupted run of the same left; gives the results that are there. */
async function prepareFolder({
  run,
  data,
  out,
  overwrite,
  givenBoxes,
  scoreThreshold,
}: DetectOptions): Promise<ReadonlySet<string>> {
  await makeFolder(out);
  const names = (await readdir(out)).filter((name) => !isTemporaryName(name));
  const results = await resultFilesIn(out);
  const foreign = (await filesIn(out)).filter(
    (name) => name !== MANIFEST && !name.startsWith(`${OBJECTS}/`) && !results.includes(name),
  );
  if (foreign.length > 0) {
    const expected = 'a new or empty folder, or one with results alone';
    throw new InputError({ file: out, expected, found: foreign.slice(0, 3).join(', ') });
  }
  const manifest: Manifest = {
    checkpoint: run.checkpoint,
    step: run.step,
    detector: run.config.detector,
    boxes: givenBoxes ? 'labels' : 'own',
    data: {
      ...{ root: data.root, split: data.split ?? 'training', imageSet: data.imageSet ?? null },
      ...(data.sequences && { sequences: data.sequences }),
    },
    ...(scoreThreshold === undefined ? {} : { scoreThreshold }),
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  if (names.length > 0) {
    const there = names.includes(MANIFEST) ? await readFile(join(out, MANIFEST), 'utf8') : undefined;
    if (!overwrite) {
      if (there === text) return new Set(results);
      const found = there === undefined ? `${names.length} files of another origin` : originOf(there, run);
      throw new InputError({
        file: out,
        expected: `results of ${run.checkpoint} on ${data.root}, or none`,
        found: `${found}: --overwrite removes them, another --out leaves them`,
      });
    }
    for (const name of names) await rm(join(out, name), { recursive: true });
  }
  await writeJsonAtomically(join(out, MANIFEST), manifest);
  return new Set();
}

/** Whose results a manifest names, in words. */
function originOf(text: string, { checkpoint, step }: DetectionRun): string {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(text);
  } catch {
    return `results with a damaged ${MANIFEST}`;
  }
  const isSameRun =
    manifest?.checkpoint !== undefined && dirname(manifest.checkpoint) === dirname(checkpoint);
  if (isSameRun && manifest?.step !== step)
    return `those of step ${manifest?.step}, and the run is at step ${step} now`;
  const { data, boxes, scoreThreshold } = manifest ?? {};
  const { split, imageSet, sequences } = data ?? {};
  const which = [split, imageSet, sequences?.join(', '), boxes === 'labels' ? 'boxes of labels' : undefined];
  const all = [...which, scoreThreshold === undefined ? undefined : `scores from ${scoreThreshold} on`];
  return `those of ${manifest?.checkpoint} on ${data?.root} (${all.filter((each) => each != null).join(', ')})`;
}

/** What `detections.json` says. */
interface Manifest {
  readonly checkpoint: string;
  readonly step: number;
  readonly detector: string;
  readonly boxes: string;
  readonly data: {
    readonly root: string;
    readonly split: string;
    readonly imageSet: string | null;
    readonly sequences?: readonly string[];
  };
  readonly scoreThreshold?: number;
}
