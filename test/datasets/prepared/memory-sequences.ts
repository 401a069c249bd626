import { threadId } from 'node:worker_threads';
import type { CameraModel, ObjectLabel } from '../../../src/datasets/frame.ts';
import type { SourceReference } from '../../../src/datasets/loader-source.ts';
import type { Moment, Sequence } from '../../../src/datasets/sequence.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import { cloudFromRows, type PointCloud } from '../../../src/pointcloud/point-cloud.ts';

/** A moment that is held in memory; a part that is a text is damaged, and the text is what is found. */
export interface MemoryMoment {
  readonly head: Omit<Moment, 'files' | 'pictures'>;
  readonly cloud?: PointCloud | string;
  readonly pictures: { readonly [camera: string]: Uint8Array | string };
  readonly cameras?: { readonly [camera: string]: CameraModel };
  readonly labels?: readonly ObjectLabel[];
}

/** What a sequence is made of. */
export interface MemorySequence {
  readonly name: string;
  readonly cameras: readonly string[];
  readonly moments: readonly MemoryMoment[];
}

/** A sequence of moments that are held in memory; each part takes so long to be read. */
export function memorySequence({ name, cameras, moments }: MemorySequence, delayMs = 0): Sequence {
  const given = async <T>(value: T | string | undefined, what: string): Promise<T> => {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const fault = { file: `memory/${what}`, expected: `a whole ${what}` };
    if (value === undefined) throw new InputError({ ...fault, found: 'none' });
    if (typeof value === 'string') throw new InputError({ ...fault, found: value });
    return value;
  };
  return {
    kind: 'memory',
    name,
    root: 'memory',
    cameras,
    moments: moments.map(({ head, cloud, pictures, cameras: models, labels }) => ({
      ...head,
      files: {
        ...(cloud !== undefined && { sweep: ['memory'] }),
        ...(pictures[cameras[0]] !== undefined && { picture: ['memory'] }),
        ...(models !== undefined && { calibration: ['memory'] }),
        ...(labels !== undefined && { labels: ['memory'] }),
      },
      pictures: Object.fromEntries(Object.keys(pictures).map((camera) => [camera, ['memory']])),
    })),
    cloud: (index) => given(moments[index].cloud, 'sweep'),
    picture: async (index, camera = cameras[0]) => ({
      bytes: await given(moments[index].pictures[camera], 'picture'),
      file: 'memory/picture',
    }),
    camera: (index, camera = cameras[0]) => given(moments[index].cameras?.[camera], 'calibration'),
    labels: (index) => given(moments[index].labels, 'labels'),
  };
}

/** Sequences by key; held by the thread, for the module may be there twice. */
function registry(): Map<string, readonly Sequence[]> {
  const held = globalThis as { memorySequences?: Map<string, readonly Sequence[]> };
  held.memorySequences ??= new Map();
  return held.memorySequences;
}

/** A reference to sequences that this thread opens. */
export function referenceTo(sequences: readonly Sequence[]): SourceReference {
  const key = `${registry().size}`;
  registry().set(key, sequences);
  return { module: import.meta.url, export: registeredSequences.name, options: { key } };
}

/** The factory of `referenceTo`. */
export async function registeredSequences({ key }: { readonly key: string }) {
  return registry().get(key)!;
}

/** What sequences are made from: how many moments each has, and how long a part takes to be read. */
export interface MadeOptions {
  readonly seed: number;
  readonly lengths: readonly number[];
  readonly delayMs?: number;
}

/** A reference to sequences that any thread makes for itself. */
export function referenceToMade(options: MadeOptions): SourceReference {
  return { module: import.meta.url, export: madeSequences.name, options };
}

/** Sequences `drive/0`, `drive/1`, ... of random moments with two cameras, the same for the same seed. */
export async function madeSequences({ seed, lengths, delayMs }: MadeOptions): Promise<Sequence[]> {
  return lengths.map((length, place) => {
    const random = Random.fromSeed(seed).fork('sequence', place);
    const cameras = ['left', 'right'];
    const moments = Array.from({ length }, (_, index): MemoryMoment => {
      const own = random.fork(index);
      const numbers = (count: number) => Float64Array.from({ length: count }, () => own.uniform() - 0.5);
      const rows = Float32Array.from({ length: 4 * (20 + 10 * index) }, () => own.uniform());
      const model = (name: string): CameraModel => ({
        name,
        pixelFromCamera: numbers(12),
        cameraFromLidar: numbers(16),
      });
      return {
        head: {
          id: String(index).padStart(6, '0'),
          timeS: 0.1 * index,
          worldFromLidar: numbers(16),
          notes: index === 0 ? ['the first'] : [],
        },
        cloud: cloudFromRows(rows, ['x', 'y', 'z', 'intensity']),
        pictures: { left: pngLike(numbers(40)), right: pngLike(numbers(60)) },
        cameras: { left: model('left'), right: model('right') },
        labels: [labelOf(own)],
      };
    });
    return memorySequence({ name: `drive/${place}`, cameras, moments }, delayMs);
  });
}

/** A reference to sequences that are one moment longer in any other thread than this. */
export function referenceToGrowing(options: MadeOptions): SourceReference {
  return {
    module: import.meta.url,
    export: growingSequences.name,
    options: { ...options, thread: threadId },
  };
}

/** The factory of `referenceToGrowing`. */
export async function growingSequences({ thread, ...options }: MadeOptions & { readonly thread: number }) {
  const more = threadId === thread ? 0 : 1;
  return madeSequences({ ...options, lengths: options.lengths.map((length) => length + more) });
}

function labelOf(random: Random): ObjectLabel {
  const number = () => random.uniform();
  return {
    type: 'Car',
    truncation: number(),
    occlusion: 1,
    alpha: -number(),
    box2: [number(), number(), number(), number()],
    box3: {
      center: [number(), number(), number()],
      sizeM: [number(), number(), number()],
      yaw: number(),
    },
    trackId: 7,
  };
}

/** Bytes that begin as a PNG does. */
export function pngLike(rest: ArrayBufferView): Uint8Array {
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([signature, new Uint8Array(rest.buffer, rest.byteOffset, rest.byteLength)]);
}
