import type { DataSelection } from '../datasets/data-selection.ts';
import type { Frame, ObjectLabel, PointFrame } from '../datasets/frame.ts';
import { neighbourClasses } from '../datasets/neighbour-classes.ts';
import { type Frames, type Need, openFrames, type PointFrames } from '../datasets/open-frames.ts';
import type { Stopwatch } from '../datasets/stopwatch.ts';
import { InputError } from '../engine/input-error.ts';
import type { DetectionData } from './detector.ts';
import { readGivenLabels, withGivenLabels } from './given-labels.ts';

/** The frames that a detector is trained on or looks at. */
export interface DetectionFrames {
  readonly length: number;
  readonly ids: readonly string[];
  /** A frame by its place in the selection. */
  frame(index: number, stopwatch?: Stopwatch): Promise<Frame>;
  /** A frame by its place in the selection, without its picture's pixels. */
  pointFrame(index: number, stopwatch?: Stopwatch): Promise<PointFrame>;
}

/**
 * Opens the frames of a selection; for training, and `withLabels`, they need labels. Throws an InputError where the data set has none, and
 * where an index is not one of its frames. `withDepth` reads the depth of pixels too, where it is there; without `withPictures` there are
 * `pointFrame`s alone, and no picture is needed.
 */
export async function openDetectionFrames(
  data: DetectionData,
  {
    withDepth = false,
    withPictures = true,
  }: { readonly withDepth?: boolean; readonly withPictures?: boolean } = {},
): Promise<DetectionFrames> {
  const { training = true, withLabels = training, frames: chosen, ...selection } = data;
  const frames = await openObjectFrames(selection, { withLabels, withDepth, withPictures });
  const indices = chosen ?? frames.ids.map((_, i) => i);
  const outside = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= frames.length);
  if (outside !== undefined) throw new RangeError(`frame ${outside} of ${frames.length}`);
  return {
    length: indices.length,
    ids: indices.map((i) => frames.ids[i]),
    frame: (index, stopwatch) => frames.frame(indices[index], stopwatch),
    pointFrame: (index, stopwatch) => frames.pointFrame(indices[index], stopwatch),
  };
}

/** Frames as detectors need them: with camera and points, and, where labels are needed, those. */
export type ObjectFrames = PointFrames &
  Required<Pick<Frames, 'camera' | 'pointFrame'>> &
  Pick<Frames, 'labels' | 'withoutPicture'>;

/**
 * Opens the frames of a data set or of drives for a detector, with labels by default. Without `withPictures` those of a KITTI
 * object data set may lack their pictures, and have `pointFrame` alone. Labels of a folder of their own (`data.labels`) take the place of
 * the data's, which needs none then. Throws an InputError as `openFrames` does.
 */
export async function openObjectFrames(
  data: DataSelection,
  {
    withLabels = true,
    withDepth = false,
    withPictures = true,
  }: {
    readonly withLabels?: boolean;
    readonly withDepth?: boolean;
    readonly withPictures?: boolean;
  } = {},
): Promise<ObjectFrames> {
  const given = withLabels ? data.labels : undefined;
  const ownLabels = withLabels && given === undefined ? (['labels'] as const) : [];
  const needs: readonly Need[] = ['image', 'points', ...ownLabels];
  const frames = (await openFrames(data, needs, { withDepth, withPictures })) as PointFrames & ObjectFrames;
  const all = { ...frames, pointFrame: frames.pointFrame ?? frames.frame };
  if (given === undefined) return all;
  return {
    ...all,
    frame: async (index, stopwatch) => withGivenLabels(await all.frame(index, stopwatch), given),
    pointFrame: async (index, stopwatch) => withGivenLabels(await all.pointFrame(index, stopwatch), given),
    labels: async (index) =>
      readGivenLabels(given, all.ids[index], (await all.camera(index)).cameraFromLidar),
  };
}

/** The labels of a frame by what a detector is to make of them. */
export interface SortedLabels {
  /** Objects of the wanted classes with a box in 3D, and the class of each as its place among them. */
  readonly objects: ReadonlyArray<{
    readonly label: ObjectLabel;
    readonly box3: NonNullable<ObjectLabel['box3']>;
    readonly classIndex: number;
  }>;
  /** Neighbour classes, DontCare, and wanted classes without a box in 3D: neither right nor wrong there. */
  readonly ignored: readonly ObjectLabel[];
}

/** Sorts the labels of a frame as KITTI's evaluation does: wanted classes, what is ignored, and (left out) the rest. */
export function sortLabels(labels: readonly ObjectLabel[], classes: readonly string[]): SortedLabels {
  const ignoredTypes = new Set(['DontCare', ...classes.flatMap((name) => neighbourClasses[name] ?? [])]);
  const objects = labels.flatMap((label) => {
    const classIndex = classes.indexOf(label.type);
    const { box3 } = label;
    return classIndex < 0 || box3 === undefined ? [] : [{ label, box3, classIndex }];
  });
  const isIgnored = ({ type, box3 }: ObjectLabel) =>
    ignoredTypes.has(type) || (box3 === undefined && classes.includes(type));
  return { objects, ignored: labels.filter(isIgnored) };
}

/** The labels of a frame that a detector is trained on. Throws an InputError where there are none. */
export function requireLabels({ id, labels }: Pick<Frame, 'id' | 'labels'>): readonly ObjectLabel[] {
  if (labels !== undefined) return labels;
  throw new InputError({ file: `frame ${id}`, expected: 'labels, to train a detector', found: 'none' });
}
