import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type HostTensor, int32 } from '../../engine/host-tensor.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { type Correspondences, neighbourCount, pictureCount } from '../../views/correspondences.ts';
import { decodeSafetensors, encodeSafetensors } from '../run/safetensors.ts';
import { sharedNumbers } from './flat-arrays.ts';

/** How boxes were found and matched. */
export const matchingSchema = z.strictObject({
  /** Neighbours of a picture. */
  neighbours: z.int().positive(),
  /** Of a picture's boxes this share, as a number of pairs with each neighbour; at least one. */
  keep: z.number().positive().max(1),
  leastSide: z.number().min(0).max(1),
  mostAspect: z.number().min(1),
  mostOverlap: z.number().min(0).max(1),
  most: z.int().positive(),
});

/** How boxes were found and matched. */
export type MatchingOptions = z.infer<typeof matchingSchema>;

/** As released, where a box's sides are 96 pixels at least: here a share of the picture. */
export const releasedMatching: MatchingOptions = {
  neighbours: 10,
  keep: 0.1,
  leastSide: 0.3,
  mostAspect: 3,
  mostOverlap: 0.5,
  most: 100,
};

const aboutSchema = z.strictObject({
  form: z.literal('correspondences 1'),
  /** Stands for the encoder's values, the names and the options. */
  key: z.string(),
  /** The run whose encoder compared the boxes, and the step of its state. */
  run: z.string(),
  step: z.int().min(0),
  /** The folder of the pictures. */
  data: z.string(),
  options: matchingSchema,
  /** What the pictures are called. */
  names: z.array(z.string()),
});

/** What a file of correspondences says of itself. */
export type AboutCorrespondences = Omit<z.infer<typeof aboutSchema>, 'form'>;

/** A file of correspondences: its bytes, their SHA-256, and what they say. */
export interface CorrespondenceFile {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly about: AboutCorrespondences;
  readonly correspondences: Correspondences;
}

/** The bytes of a file of correspondences (safetensors, all of it int32). */
export function encodeCorrespondences(
  correspondences: Correspondences,
  about: AboutCorrespondences,
): Uint8Array {
  const pictures = pictureCount(correspondences);
  const { sizes, boxes, boxesFrom, neighbours, pairs, pairsFrom } = correspondences;
  const tensors: Array<readonly [string, HostTensor]> = [
    ['sizes', int32(sizes, [pictures, 2])],
    ['boxes', int32(boxes, [boxes.length / 4, 4])],
    ['boxesFrom', int32(boxesFrom, [pictures + 1])],
    ['neighbours', int32(neighbours, [pictures, neighbourCount(correspondences)])],
    ['pairs', int32(pairs, [pairs.length / 2, 2])],
    ['pairsFrom', int32(pairsFrom, [neighbours.length + 1])],
  ];
  return encodeSafetensors(tensors, { about: JSON.stringify({ form: 'correspondences 1', ...about }) });
}

/** Reads a file of correspondences. Throws an InputError where it cannot be read, is another file, or is damaged. */
export async function readCorrespondences(file: string): Promise<CorrespondenceFile> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const expected = 'a file of boxes, as `pointpair correspond` writes it';
    throw new InputError({ file, expected, found: reasonOf(error) });
  });
  return decodeCorrespondences(new Uint8Array(bytes), file);
}

/** What the bytes of a file of correspondences say. Throws an InputError for other bytes. */
export function decodeCorrespondences(bytes: Uint8Array, file: string): CorrespondenceFile {
  const { tensors, metadata } = decodeSafetensors(bytes, { file });
  const about = aboutOf(metadata.about, file);
  const pictures = about.names.length;
  const shaped = (name: keyof Correspondences, ...shape: ReadonlyArray<number | undefined>) => {
    const tensor = tensors.get(name);
    const fits =
      tensor?.dtype === 'int32' &&
      tensor.shape.length === shape.length &&
      shape.every((size, axis) => size === undefined || size === tensor.shape[axis]);
    if (fits) return sharedNumbers(tensor.data as Int32Array);
    throw new InputError({
      file,
      place: name,
      expected: `int32 [${shape.map((size) => size ?? 'any').join(', ')}]`,
      found: tensor === undefined ? 'nothing' : `${tensor.dtype} [${tensor.shape.join(', ')}]`,
    });
  };
  const neighbours = shaped('neighbours', pictures, undefined);
  const correspondences = {
    sizes: shaped('sizes', pictures, 2),
    boxes: shaped('boxes', undefined, 4),
    boxesFrom: shaped('boxesFrom', pictures + 1),
    neighbours,
    pairs: shaped('pairs', undefined, 2),
    pairsFrom: shaped('pairsFrom', neighbours.length + 1),
  };
  requireSound(correspondences, file);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, digest, about, correspondences };
}

function aboutOf(text: string | undefined, file: string): AboutCorrespondences {
  const expected = 'what `pointpair correspond` writes of its boxes';
  let value: unknown;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    throw new InputError({ file, place: 'metadata', expected, found: 'no JSON' });
  }
  const parsed = aboutSchema.safeParse(value);
  if (parsed.success) {
    const { form: _, ...about } = parsed.data;
    return about;
  }
  const [issue] = parsed.error.issues;
  const place = ['metadata', ...issue.path].join('.');
  throw new InputError({ file, place, expected, found: text === undefined ? 'none' : issue.message });
}

/** Throws an InputError where numbers point to what is not there, or a box does not lie in its picture. */
function requireSound(correspondences: Correspondences, file: string): void {
  const { sizes, boxes, boxesFrom, neighbours, pairs, pairsFrom } = correspondences;
  const fault = (place: string, expected: string, found: unknown) =>
    new InputError({ file, place, expected, found: `${found}` });
  const rising = (name: string, numbers: Int32Array, count: number) => {
    const wrong = numbers.findIndex((number, i) => number < (i === 0 ? 0 : numbers[i - 1]) || number > count);
    if (numbers[0] !== 0 || numbers[numbers.length - 1] !== count || wrong >= 0)
      throw fault(name, `rising numbers from 0 to ${count}`, numbers[Math.max(0, wrong)]);
  };
  rising('boxesFrom', boxesFrom, boxes.length / 4);
  rising('pairsFrom', pairsFrom, pairs.length / 2);
  const pictures = pictureCount(correspondences);
  for (let picture = 0; picture < pictures; picture++) {
    const [width, height] = sizes.subarray(2 * picture, 2 * picture + 2);
    for (let box = boxesFrom[picture]; box < boxesFrom[picture + 1]; box++) {
      const [left, top, right, bottom] = boxes.subarray(4 * box, 4 * box + 4);
      if (left >= 0 && top >= 0 && left < right && top < bottom && right <= width && bottom <= height)
        continue;
      throw fault(`boxes[${box}]`, `a box inside of ${width} x ${height}`, [left, top, right, bottom]);
    }
  }
  const most = neighbourCount(correspondences);
  const inside = (box: number, picture: number) => box >= boxesFrom[picture] && box < boxesFrom[picture + 1];
  neighbours.forEach((neighbour, at) => {
    if (neighbour < -1 || neighbour >= pictures)
      throw fault(`neighbours[${at}]`, `a picture's number below ${pictures}, or -1`, neighbour);
    const own = Math.floor(at / most);
    for (let pair = pairsFrom[at]; pair < pairsFrom[at + 1]; pair++) {
      const [a, b] = pairs.subarray(2 * pair, 2 * pair + 2);
      if (neighbour < 0 || !inside(a, own) || !inside(b, neighbour))
        throw fault(`pairs[${pair}]`, `boxes of pictures ${own} and ${neighbour}`, `${a} and ${b}`);
    }
  });
}
