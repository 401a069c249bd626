import { InputError } from '../engine/input-error.ts';
import { boxFromKitti, type KittiBox, kittiFromBox } from '../geometry/kitti-box.ts';
import type { Matrix44 } from '../geometry/matrix.ts';
import type { ObjectLabel } from './frame.ts';
import { kittiClassOf } from './kitti-classes.ts';

/** The columns of a label line; result files have the score as well. */
const COLUMNS = [
  'type',
  'truncated',
  'occluded',
  'alpha',
  'left',
  'top',
  'right',
  'bottom',
  'height',
  'width',
  'length',
  'x',
  'y',
  'z',
  'rotation_y',
  'score',
] as const;

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** What height, width, length, x, y, z are where nothing was labelled in 3D, as KITTI's object labels have it. */
const NO_BOX = [-1, -1, -1, -1000, -1000, -1000];

/**
 * Whether a line says that its object has no box in 3D: all sizes -1 or (as tracking labels have it) -1000, all of the
 * location -1000, or sizes and location 0.
 */
export function saysNoBox({ sizeM, location }: Pick<KittiBox, 'sizeM' | 'location'>): boolean {
  const all = (values: readonly number[], none: number) => values.every((value) => value === none);
  return all(sizeM, -1) || all(sizeM, -1000) || all(location, -1000) || (all(sizeM, 0) && all(location, 0));
}

/**
 * The objects of a KITTI label or result file (15 or 16 columns a line), their boxes moved from the rectified camera
 * frame to the LiDAR frame. An empty text has no objects; blank lines are allowed. Truncation and occlusion of -1 mean
 * unknown, as in result files; objects without a box in 3D (`saysNoBox`) keep that in the image. Types are as `kittiClassOf`
 * gives them. Throws InputError with the line and the column for anything else.
 */
export function parseKittiLabels(
  text: string,
  options: { readonly file?: string; readonly rectFromLidar: Matrix44 },
): ObjectLabel[] {
  const { file = 'KITTI labels', rectFromLidar } = options;
  return labelLines(text, { file }).map((line) => parseObject(line, { rectFromLidar }));
}

/** A line of a label file, cut into its columns. */
export interface LabelLine {
  /** The columns of an object, from its type on. */
  readonly fields: readonly string[];
  /** The columns before them. */
  readonly before: readonly string[];
  /** `line 3`. */
  readonly place: string;
  /** Throws InputError for a column unless it is sound; those before the object's count from -1 down. */
  check(column: number, sound: boolean, expected: string): void;
}

/**
 * The lines of a label file that are not blank: 15 columns of an object, or 16 with a score, and before them those that
 * `before` names. Throws InputError with the line for another number of columns.
 */
export function labelLines(
  text: string,
  options: { readonly file: string; readonly before?: readonly string[] },
): LabelLine[] {
  const { file, before = [] } = options;
  const names = [...before, ...COLUMNS];
  return text.split(/\r\n|\r|\n/).flatMap((content, index) => {
    const fields = content.split(/\s+/).filter((field) => field !== '');
    if (fields.length === 0) return [];
    const line = `line ${index + 1}`;
    if (fields.length !== names.length && fields.length !== names.length - 1) {
      throw new InputError({
        file,
        place: line,
        expected: `${names.length - 1} columns, or ${names.length} with a score`,
        found: `${fields.length} columns (${quote(fields.slice(0, 3).join(' '))} …)`,
      });
    }
    const check = (column: number, sound: boolean, expected: string) => {
      if (sound) return;
      const at = column + before.length;
      const place = `${line}, column ${at + 1} (${names[at]})`;
      throw new InputError({ file, place, expected, found: quote(fields[at]) });
    };
    return [
      { fields: fields.slice(before.length), before: fields.slice(0, before.length), place: line, check },
    ];
  });
}

/** The type of a line's object, as `kittiClassOf` gives it. Throws InputError for what is no name. */
export function typeOf({ fields: [type], check }: Pick<LabelLine, 'fields' | 'check'>): string {
  check(0, /^[\p{L}_][\p{L}\p{M}\p{N}_.:/+&()-]*$/u.test(type) && !NUMBER.test(type), 'the name of a class');
  return kittiClassOf(type);
}

/**
 * The object of a line, its box moved to the LiDAR frame; with `truncationLevels` its truncation is 0, 1 or 2, as in the
 * tracking benchmark, instead of a fraction. Throws InputError with the line and the column for what cannot be right.
 */
export function parseObject(
  { fields, check }: LabelLine,
  options: { readonly rectFromLidar: Matrix44; readonly truncationLevels?: boolean },
): ObjectLabel {
  const { rectFromLidar, truncationLevels = false } = options;
  const type = typeOf({ fields, check });
  const values = fields.map((field, column) => {
    if (column === 0) return Number.NaN;
    const value = Number(field);
    check(column, NUMBER.test(field) && Math.abs(value) < 1e9, 'a number');
    return value;
  });
  const [, truncation, occlusion, alpha, left, top, right, bottom] = values;
  if (truncationLevels) check(1, [-1, 0, 1, 2].includes(truncation), '0, 1 or 2, or -1');
  else check(1, truncation === -1 || (truncation >= 0 && truncation <= 1), '0 to 1, or -1');
  check(2, [-1, 0, 1, 2, 3].includes(occlusion), '0, 1, 2 or 3, or -1');
  check(3, Math.abs(alpha) <= 10, 'an angle in radians, or -10');
  check(6, right >= left, `at least the left edge ${left}`);
  check(7, bottom >= top, `at least the top edge ${top}`);
  const [height, width, length, x, y, z, rotationY] = values.slice(8);
  const box: KittiBox = { sizeM: [height, width, length], location: [x, y, z], rotationY };
  const unlabelled = saysNoBox(box);
  if (!unlabelled) {
    for (const column of [8, 9, 10]) check(column, values[column] > 0, 'a size above 0 m');
    check(14, Math.abs(rotationY) <= 10, 'an angle in radians');
  }
  return {
    type,
    truncation,
    occlusion,
    alpha,
    box2: [left, top, right, bottom],
    box3: unlabelled ? undefined : boxFromKitti(box, rectFromLidar),
    ...(fields.length === 16 ? { score: values[15] } : {}),
  };
}

/**
 * The text of a KITTI label file, or with `withScore` of a result file; undoes `parseKittiLabels` to `decimals` places
 * (2 as in KITTI's labels, 4 in results by default). Throws RangeError for a label without a score where one is asked for.
 */
export function formatKittiLabels(
  labels: readonly ObjectLabel[],
  options: {
    readonly rectFromLidar: Matrix44;
    readonly withScore?: boolean;
    readonly decimals?: number;
  },
): string {
  const { rectFromLidar, withScore = false, decimals = withScore ? 4 : 2 } = options;
  return labels
    .map((label) => {
      const fixed = (value: number) => (value + 0).toFixed(decimals);
      const orUnknown = (value: number, unknown: number) =>
        value === unknown ? String(unknown) : fixed(value);
      const fields = [
        label.type,
        orUnknown(label.truncation, -1),
        String(label.occlusion),
        orUnknown(label.alpha, -10),
        ...label.box2.map(fixed),
      ];
      if (label.box3 === undefined) fields.push(...NO_BOX.map(String), '-10');
      else {
        const { sizeM, location, rotationY } = kittiFromBox(label.box3, rectFromLidar);
        fields.push(...[...sizeM, ...location, rotationY].map(fixed));
      }
      if (withScore) {
        if (label.score === undefined) throw new RangeError(`a ${label.type} without a score`);
        fields.push(label.score.toPrecision(9));
      }
      return `${fields.join(' ')}\n`;
    })
    .join('');
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
