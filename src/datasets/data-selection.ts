/** Which frames of a data set, and which of their cameras. */
export interface DataSelection {
  readonly root: string;
  /** Of a KITTI object data set (`training` by default) or of KITTI tracking (both by default). */
  readonly split?: 'training' | 'testing';
  /** A list under ImageSets, such as `train`; of an image folder the folder of that name in it. */
  readonly imageSet?: string;
  /** The names of the sequences to take, of those that lie there; all by default. */
  readonly sequences?: readonly string[];
  /** The camera that comes first, by the data set's own name, such as `image_03`; the data set's first by default. */
  readonly camera?: string;
  /** The cameras of a frame; the first one alone by default. A frame that lacks the picture of one of them is incomplete. */
  readonly cameras?: 'all' | readonly string[];
  /** A folder of label or result files, `<frame>.txt`, that are a detector's labels in place of the data's own. */
  readonly labels?: string;
  readonly strict?: boolean;
  /** The paths of an image folder as the thread that opened it first has listed them (`Frames.listing`). */
  readonly listing?: SharedArrayBuffer;
}
