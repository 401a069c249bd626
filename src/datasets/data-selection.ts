/** Which frames of a data set. */
export interface DataSelection {
  readonly root: string;
  readonly split?: 'training' | 'testing';
  /** A list under ImageSets, such as `train`; of an image folder the folder of that name in it. */
  readonly imageSet?: string;
  readonly strict?: boolean;
}
