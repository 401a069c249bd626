import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { float32, type HostTensor, int32 } from '../../engine/host-tensor.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { isTemporaryName, makeFolder, writeFileAtomically } from '../run/atomic-file.ts';
import { decodeSafetensors, encodeSafetensors } from '../run/safetensors.ts';
import type { MatchedPictures } from './match-boxes.ts';

/** Pictures of a piece: so much is lost at most where the work is killed. */
export const PIECE = 256;

/** What is known of the pictures of a piece after the first pass; those that are damaged are left out. */
export interface BoxPiece {
  /** [pictures]: their numbers. */
  readonly indices: Int32Array;
  /** [pictures·2]: width and height. */
  readonly sizes: Int32Array;
  /** [pictures]: how many boxes each has. */
  readonly counts: Int32Array;
  /** [boxes·4]. */
  readonly boxes: Int32Array;
  /** [pictures·D]: by what neighbours are sought. */
  readonly pictureRows: Float32Array;
  /** [boxes·C]: by what boxes are compared. */
  readonly boxRows: Float32Array;
}

/** The parts of an unfinished file of correspondences, in a folder beside it. */
export interface Pieces {
  /** Numbers of the pieces of a pass that are there. */
  readonly there: { readonly boxes: ReadonlySet<number>; readonly matches: ReadonlySet<number> };
  writeBoxes(number: number, piece: BoxPiece): Promise<void>;
  readBoxes(number: number): Promise<BoxPiece>;
  writeMatches(number: number, piece: MatchedPictures): Promise<void>;
  readMatches(number: number): Promise<MatchedPictures>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

const KEY = 'key.txt';

/** The folder of the parts of a file. */
export function piecesFolder(out: string): string {
  return `${out}.parts`;
}

/**
 * Opens the folder of parts, or makes it; `key` stands for all that they depend on. Throws an InputError where parts of other work
 * lie there, unless they may be removed.
 */
export async function openPieces(
  out: string,
  key: string,
  { overwrite = false }: { readonly overwrite?: boolean },
): Promise<Pieces> {
  const folder = piecesFolder(out);
  const found = await readFile(join(folder, KEY), 'utf8').catch(() => undefined);
  const names = (await readdir(folder).catch(() => [])).filter((name) => !isTemporaryName(name));
  if (found !== key && names.length > 0) {
    if (!overwrite) {
      const expected = 'parts of the same run, pictures and options, or --overwrite';
      throw new InputError({ file: folder, expected, found: 'parts of other work' });
    }
    await rm(folder, { recursive: true });
  }
  await makeFolder(folder);
  if (found !== key) await writeFileAtomically(join(folder, KEY), key);
  for (const name of await readdir(folder)) if (isTemporaryName(name)) await rm(join(folder, name));
  const there = (pass: string) =>
    new Set(found === key ? names.flatMap((name) => numberOf(name, pass) ?? []) : []);
  const file = (pass: string, number: number) => join(folder, `${pass}-${number}.safetensors`);
  const write = (path: string, tensors: { readonly [name: string]: HostTensor }) =>
    writeFileAtomically(path, encodeSafetensors(Object.entries(tensors)));
  return {
    there: { boxes: there('boxes'), matches: there('matches') },
    writeBoxes: (number, { indices, sizes, counts, boxes, pictureRows, boxRows }) =>
      write(file('boxes', number), {
        ...{ indices: vector(indices), sizes: vector(sizes), counts: vector(counts), boxes: vector(boxes) },
        pictureRows: float32(pictureRows, [pictureRows.length]),
        boxRows: float32(boxRows, [boxRows.length]),
      }),
    readBoxes: async (number) => {
      const of = await readPiece(file('boxes', number));
      const int = (name: string) => of(name) as Int32Array;
      return {
        ...{ indices: int('indices'), sizes: int('sizes'), counts: int('counts'), boxes: int('boxes') },
        pictureRows: of('pictureRows') as Float32Array,
        boxRows: of('boxRows') as Float32Array,
      };
    },
    writeMatches: (number, { neighbours, pairs, pairCounts }) =>
      write(file('matches', number), {
        neighbours: vector(neighbours),
        pairs: vector(pairs),
        pairCounts: vector(pairCounts),
      }),
    readMatches: async (number) => {
      const of = await readPiece(file('matches', number));
      const int = (name: string) => of(name) as Int32Array;
      return { neighbours: int('neighbours'), pairs: int('pairs'), pairCounts: int('pairCounts') };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function vector(numbers: Int32Array): HostTensor {
  return int32(numbers, [numbers.length]);
}

function numberOf(name: string, pass: string): number | undefined {
  const found = new RegExp(`^${pass}-(\\d+)\\.safetensors$`).exec(name);
  return found === null ? undefined : Number(found[1]);
}

async function readPiece(file: string): Promise<(name: string) => HostTensor['data']> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file, expected: 'a part of the work', found: reasonOf(error) });
  });
  const { tensors } = decodeSafetensors(new Uint8Array(bytes), { file });
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor.data;
    throw new InputError({ file, place: name, expected: 'a tensor of that name', found: 'none' });
  };
}
