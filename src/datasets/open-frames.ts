import type { RgbImage } from '../image/rgb-image.ts';
import type { DataSelection } from './data-selection.ts';
import type { Frame } from './frame.ts';
import { type IncompleteFrame, KittiObject } from './kitti-object.ts';
import type { Stopwatch } from './stopwatch.ts';

/** What has to be there of a frame: its picture, or its sweep as well, with the calibration between them. */
export type Need = 'image' | 'points';

/** The frames of a data set to learn from, whatever it is: everything that learns without labels comes in here. */
export interface Frames {
  /** What it is, such as `KITTI object data set`. */
  readonly kind: string;
  readonly length: number;
  /** What the frames are called; each name once. */
  readonly ids: readonly string[];
  /** The frames that lack a file that is needed, and were left out. */
  readonly incomplete: readonly IncompleteFrame[];
  /** Where pictures are sorted by class: the names of the classes, and the class of each frame. */
  readonly classes?: { readonly names: readonly string[]; readonly of: Int32Array };
  /** A frame's picture alone. Throws InputError for a damaged file. */
  picture(index: number, stopwatch?: Stopwatch): Promise<RgbImage>;
  /** All of a frame but its labels. Throws InputError for a damaged file. There only where points are needed. */
  frame?(index: number, stopwatch?: Stopwatch): Promise<Frame>;
}

/** Frames with their sweeps. */
export type PointFrames = Frames & Required<Pick<Frames, 'frame'>>;

/** Opens the frames of a selection; reads none yet. Throws an InputError where it lacks what is needed. */
export async function openFrames(data: DataSelection, needs: readonly Need[]): Promise<Frames> {
  const { root, ...selection } = data;
  void needs;
  const frames = await KittiObject.open(root, { ...selection, ignoreLabels: true });
  return {
    kind: 'KITTI object data set',
    length: frames.length,
    ids: frames.ids,
    incomplete: frames.incomplete,
    picture: async (index, stopwatch) => (await frames.frame(index, stopwatch)).cameras[0].image,
    frame: (index, stopwatch) => frames.frame(index, stopwatch),
  };
}
