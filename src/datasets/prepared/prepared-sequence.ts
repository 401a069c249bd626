import { join } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { readPcd } from '../../pointcloud/pcd.ts';
import type { PointCloud } from '../../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from '../frame.ts';
import { type EncodedPicture, fileOf, type Moment, momentAt, type Sequence } from '../sequence.ts';
import { indexName } from './index-name.ts';
import { decodeRecord } from './moment-record.ts';
import { type PreparedIndex, type PreparedMember, type PreparedMoment, readIndex } from './prepared-index.ts';
import { ShardFiles } from './shard-files.ts';

/** A sequence in prepared shards: every part is what its source gave, read at its place and checked against its CRC-32. */
export class PreparedSequence implements Sequence {
  readonly kind = 'prepared shards';
  readonly root: string;
  readonly name: string;
  /** The kind of the sequence that it was made from. */
  readonly sourceKind: string;
  readonly cameras: readonly string[];
  readonly unboundedIntensity: boolean | undefined;
  readonly moments: readonly Moment[];
  private readonly entries: ReadonlyArray<PreparedMoment & { readonly shard: string }>;
  private readonly files: ShardFiles;

  /** The sequence of that place in an index. */
  constructor(index: PreparedIndex, place: number, files: ShardFiles) {
    const { name, kind, cameras, unboundedIntensity } = index.sequences[place];
    this.root = files.folder;
    this.name = name;
    this.sourceKind = kind;
    this.cameras = cameras;
    this.unboundedIntensity = unboundedIntensity;
    this.files = files;
    this.entries = index.shards[place].flatMap(({ file, moments }) =>
      moments.map((entry) => ({ ...entry, shard: file })),
    );
    this.moments = this.entries.map((entry) => momentOf(entry, join(files.folder, entry.shard), cameras));
  }

  async cloud(index: number): Promise<PointCloud> {
    fileOf(this, index, 'sweep');
    const { shard, sweep } = this.entries[index];
    const { file, place } = this.files.placeOf(shard, sweep!);
    const [bytes, record] = await Promise.all([this.files.read(shard, sweep!), this.record(index)]);
    const { viewpoint, notes, ...cloud } = readPcd(bytes, { file: `${file}: ${place}` });
    // What PCD has no place for stands in the record.
    return { ...cloud, ...record.sweep };
  }

  async picture(index: number, camera?: string): Promise<EncodedPicture> {
    const { shard, pictures } = this.entryOf(index);
    const member = pictures[this.cameraNamed(index, camera)];
    if (member === undefined) throw this.lacks(index, `a picture of ${camera ?? 'its camera'}`);
    const { file, place } = this.files.placeOf(shard, member);
    return { bytes: await this.files.read(shard, member), file: `${file}: ${place}` };
  }

  async camera(index: number, camera?: string): Promise<CameraModel> {
    const name = this.cameraNamed(index, camera);
    if (!this.entryOf(index).calibration.includes(name)) throw this.lacks(index, `a calibration of ${name}`);
    return (await this.record(index)).cameras[name];
  }

  async labels(index: number): Promise<readonly ObjectLabel[]> {
    fileOf(this, index, 'labels');
    return (await this.record(index)).labels!;
  }

  private async record(index: number) {
    const { shard, record } = this.entryOf(index);
    return decodeRecord(await this.files.read(shard, record), this.files.placeOf(shard, record));
  }

  private entryOf(index: number) {
    momentAt(this, index);
    return this.entries[index];
  }

  /** The camera of that name, or the first. Throws InputError where there is none of it. */
  private cameraNamed(index: number, camera = this.cameras[0]): string {
    if (camera !== undefined && this.cameras.includes(camera)) return camera;
    const place = `frame ${momentAt(this, index).id}`;
    const expected = this.cameras.length === 0 ? 'a camera' : `a camera of ${this.cameras.join(', ')}`;
    throw new InputError({ file: this.root, place, expected, found: camera ?? 'none' });
  }

  private lacks(index: number, expected: string): InputError {
    const { id, notes } = momentAt(this, index);
    const found = notes.length === 0 ? 'none' : `none (${notes.join('; ')})`;
    return new InputError({ file: this.root, place: `frame ${id}`, expected, found });
  }
}

function momentOf(entry: PreparedMoment, shard: string, cameras: readonly string[]): Moment {
  const { head, sweep, pictures, calibration, labels } = entry;
  const there = (member: PreparedMember | boolean | undefined) => (member ? [shard] : undefined);
  const parts = {
    sweep: there(sweep),
    picture: there(pictures[cameras[0]]),
    calibration: there(calibration.length > 0),
    labels: there(labels),
  };
  return {
    ...head,
    files: Object.fromEntries(Object.entries(parts).filter(([, files]) => files !== undefined)),
    pictures: Object.fromEntries(Object.keys(pictures).map((camera) => [camera, [shard]])),
  };
}

/**
 * Opens what `pointpair prepare` wrote: its sequences in their order, each part read at its place in its shard. Throws InputError
 * for a folder that is none or whose preparing was not finished.
 *
 * @example
 * const [sequence] = await openPrepared('data/prepared');
 * const { fields } = await sequence.cloud(0);
 * fields.map(({ name }) => name); // ["x", "y", "z", "reflectance"]
 */
export async function openPrepared(path: string): Promise<readonly PreparedSequence[]> {
  const index = await readIndex(path);
  if (!index.complete) {
    const found = 'one whose preparing was interrupted (the same command goes on)';
    throw new InputError({ file: join(path, indexName), expected: 'a whole folder', found });
  }
  const files = new ShardFiles(path);
  return index.sequences.map((_, place) => new PreparedSequence(index, place, files));
}
