import { float32, type HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import type { ImageEncoderConfig } from './encoder-config.ts';
import { type Library, type LibraryForm, libraries, type PictureSize } from './image-kind.ts';
import { imageKindOf } from './image-kinds.ts';

interface EncoderValues {
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
}

type Encoder = ImageEncoderConfig & { readonly input?: PictureSize };

/** An encoder's tensors under a library's names, and Python that makes the `model` which takes them. */
export interface LibraryWeights {
  readonly tensors: ReadonlyArray<readonly [name: string, tensor: HostTensor]>;
  readonly python: readonly string[];
}

/** What was made of a file of weights: names of the file, and paths below the encoder. */
export interface TakenWeights {
  readonly library: Library;
  readonly taken: readonly string[];
  /** The file's tensors that were left, and why. */
  readonly left: ReadonlyArray<{ readonly name: string; readonly why: string }>;
  /** The encoder's tensors that the file does not have; they stay as they were. */
  readonly missing: readonly string[];
}

/** An encoder as a library has it. Throws an InputError where it has no such network. */
export function toLibrary(encoder: Encoder, model: EncoderValues, library: Library): LibraryWeights {
  const form = formOf(encoder, library);
  const named = [...leavesOf(model.params), ...leavesOf(model.stats)].map(
    ([path, leaf]) => [form.name(path), turned(leaf)] as const,
  );
  return { python: form.python(encoder), tensors: [...named, ...Object.entries(form.beside(encoder))] };
}

/**
 * An encoder with the tensors of a file, under the names of whichever library most of them have. Throws an InputError where no
 * name is known, and where a shape is another one.
 */
export function fromLibrary(
  encoder: Encoder,
  model: EncoderValues,
  tensors: ReadonlyMap<string, HostTensor>,
  { file }: { readonly file: string },
): { readonly model: EncoderValues; readonly weights: TakenWeights } {
  const own = [...leavesOf(model.params), ...leavesOf(model.stats)];
  const kind = imageKindOf(encoder);
  const candidates = libraries.flatMap((library) => {
    const form = kind.elsewhere[library];
    if (form === undefined) return [];
    const names = new Map(own.map(([path]) => [path, form.name(path)]));
    const known = [...names.values()].filter((name) => tensors.has(name)).length;
    return [{ library, form, names, known }];
  });
  const best = candidates.sort((a, b) => b.known - a.known)[0];
  if (best === undefined || best.known === 0) {
    throw new InputError({
      file,
      expected: `weights of a ${kind.title(encoder)} under the names of ${libraries.join(' or ')}, such as '${candidates[0]?.names.values().next().value}'`,
      found: `${tensors.size} tensors, such as '${tensors.keys().next().value ?? 'none'}'`,
    });
  }
  const { library, form, names } = best;
  const taken: string[] = [];
  const missing: string[] = [];
  const replaced = (tree: Tree<HostTensor>) =>
    mapTree(tree, (leaf, path) => {
      const name = names.get(path)!;
      const found = tensors.get(name);
      if (found === undefined) {
        missing.push(path);
        return leaf;
      }
      const tensor = turned(found);
      if (`${tensor.shape}` !== `${leaf.shape}` || tensor.dtype !== leaf.dtype) {
        throw new InputError({
          file,
          place: `tensor ${name}`,
          expected: `${leaf.dtype} [${turned(leaf).shape}], as ${path} of a ${kind.title(encoder)} here`,
          found: `${found.dtype} [${found.shape}]`,
        });
      }
      taken.push(name);
      return tensor;
    });
  const next = { params: replaced(model.params), stats: replaced(model.stats) };
  const used = new Set(taken);
  const beside = form.beside(encoder);
  const left = [...tensors.keys()]
    .filter((name) => !used.has(name))
    .map((name) => ({ name, why: reasonFor(name, beside, kind.title(encoder)) }));
  return { model: next, weights: { library, taken, left, missing } };
}

/** What was taken of a file, what was left and why, and what is drawn at random; a line each. */
export function describeTaken(
  { library, taken, left, missing }: TakenWeights,
  { file }: { readonly file: string },
): string {
  const byReason = new Map<string, string[]>();
  for (const { name, why } of left) byReason.set(why, [...(byReason.get(why) ?? []), name]);
  return [
    `begins with ${file}, by ${library}'s names:`,
    `  imageEncoder: ${taken.length} tensors taken`,
    ...[...byReason].map(([why, names]) => `  ${some(names)} left: ${why}`),
    ...(missing.length === 0 ? [] : [`  ${some(missing)} not in the file: drawn at random`]),
  ].join('\n');
}

function reasonFor(name: string, beside: Readonly<Record<string, unknown>>, title: string): string {
  if (name.endsWith('num_batches_tracked')) return 'a count of batches, which batch norms here do not need';
  if (/^(fc|head|heads|head_dist|classifier)\./.test(name))
    return 'a classifier, which encoders here have none of';
  if (name in beside) return 'fixed here, by the configuration';
  return `a ${title} has no such tensor here`;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

function formOf(encoder: Encoder, library: Library): LibraryForm<Encoder> {
  const kind = imageKindOf(encoder);
  const form = kind.elsewhere[library];
  if (form !== undefined) return form as LibraryForm<Encoder>;
  const expected = `a library that has a ${kind.title(encoder)}: ${Object.keys(kind.elsewhere).join(', ') || 'none'}`;
  throw new InputError({ file: 'options', place: '--names', expected, found: library });
}

/** A matrix with rows and columns changed over; anything else as it is. */
function turned(tensor: HostTensor): HostTensor {
  const { shape, data } = tensor;
  if (shape.length !== 2) return tensor;
  const [rows, columns] = shape;
  const other = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      other[column * rows + row] = data[row * columns + column];
  return float32(other, [columns, rows]);
}
