/** Which frames of a data set. */
export interface DataSelection {
  readonly root: string;
  readonly split?: 'training' | 'testing';
  /** A list under ImageSets, such as `train`. */
  readonly imageSet?: string;
  readonly strict?: boolean;
}
