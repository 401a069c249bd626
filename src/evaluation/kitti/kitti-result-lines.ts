import { isKittiClass, kittiClasses } from '../../datasets/kitti-classes.ts';
import { type LabelLine, labelLines, typeOf } from '../../datasets/kitti-labels.ts';
import { readFrameText } from '../../datasets/read-frame-file.ts';
import { InputError } from '../../engine/input-error.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import type { KittiBox } from '../../geometry/kitti-box.ts';

/** An object of a label or result file as it stands there, in the rectified camera frame. */
export interface KittiObjectLine extends KittiBox {
  readonly type: string;
  readonly truncation: number;
  readonly occlusion: number;
  /** Observation angle, radians; -10 where it is not known. */
  readonly alpha: number;
  readonly box2: ImageBox;
  /** NaN in label files. */
  readonly score: number;
}

/** A frame's labels and detections. */
export interface KittiFramePair {
  readonly id: string;
  readonly labels: readonly KittiObjectLine[];
  readonly detections: readonly KittiObjectLine[];
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** How the lines of a file are read. */
interface ObjectLineOptions {
  readonly file: string;
  readonly kind: 'labels' | 'results';
  /** Whether a class that KITTI does not know is an error. */
  readonly strict?: boolean;
}

/** The objects of a label or a result file. Throws an InputError with the line and the column for what cannot be right. */
export async function readObjects(options: ObjectLineOptions): Promise<KittiObjectLine[]> {
  return labelLines(await readFrameText(options.file), options).map((line) => objectOf(line, options));
}

function objectOf(line: LabelLine, { file, kind, strict = false }: ObjectLineOptions): KittiObjectLine {
  const { fields, place, check } = line;
  const wanted = kind === 'labels' ? 15 : 16;
  if (fields.length !== wanted) {
    const [expected, found] =
      kind === 'labels'
        ? ['labels, with 15 columns', '16 columns: a result file, with scores']
        : ['results, with 16 columns of which the last is the score', '15 columns: a label file?'];
    throw new InputError({ file, place, expected, found });
  }
  const type = typeOf(line);
  check(0, !strict || isKittiClass(type), `one of ${kittiClasses.join(', ')}`);
  const values = fields.map((field, column) => {
    if (column === 0) return Number.NaN;
    const value = Number(field);
    check(column, NUMBER.test(field) && Number.isFinite(value), 'a finite number');
    return value;
  });
  const [, truncation, occlusion, alpha, left, top, right, bottom, height, width, length, x, y, z] = values;
  return {
    type,
    truncation,
    occlusion,
    alpha,
    box2: [left, top, right, bottom],
    sizeM: [height, width, length],
    location: [x, y, z],
    rotationY: values[14],
    score: kind === 'results' ? values[15] : Number.NaN,
  };
}
