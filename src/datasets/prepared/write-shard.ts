import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Sequence } from '../sequence.ts';
import { fileNamesOf } from './member-names.ts';
import { encodeRecord } from './moment-record.ts';
import { NewFile } from './new-file.ts';
import type { PreparedMember, PreparedMoment, PreparedShard } from './prepared-index.ts';
import { partsOf, type ReadMoment, readMoment } from './read-moment.ts';
import { tarEnd, tarHead, tarPadding } from './ustar.ts';

/** Which moments of a sequence go into a shard, and where that is. */
export interface ShardOptions {
  readonly folder: string;
  /** The shard's file in it. */
  readonly file: string;
  readonly first: number;
  readonly count: number;
  readonly strict: boolean;
  /** Called after each moment; what it throws ends the shard, of which nothing is left then. */
  readonly onMoment?: () => void;
}

/**
 * Writes consecutive moments of a sequence as a tar, each as `<id>.points.pcd`, `<id>.<camera>.<jpg or png>` and `<id>.json`,
 * and gives what the index says of it. The same moments give the same bytes. Throws InputError where it cannot be written, and
 * with `strict` for a part that is missing or damaged.
 */
export async function writeShard(sequence: Sequence, options: ShardOptions): Promise<PreparedShard> {
  const { folder, file, first, count, strict, onMoment } = options;
  const momentNames = fileNamesOf(
    sequence.moments.map(({ id }) => id),
    'moment',
  );
  const cameraNames = fileNamesOf(sequence.cameras, 'camera');
  const parts = partsOf(sequence);
  const read = (index: number) => readMoment(sequence, index, { parts, strict });
  const tar = await NewFile.create(join(folder, file));
  try {
    const moments: PreparedMoment[] = [];
    // The next moment is read while this one is written.
    let next = read(first);
    for (let index = first; index < first + count; index++) {
      const moment = await next;
      if (index + 1 < first + count) {
        next = read(index + 1);
        // If the writing fails, nobody waits for it any more.
        next.catch(() => {});
      }
      const nameOf = (camera: string) => cameraNames[sequence.cameras.indexOf(camera)];
      const { pieces, entry } = membersOf(moment, { name: momentNames[index], nameOf, offset: tar.size });
      await tar.append(pieces);
      moments.push(entry);
      onMoment?.();
    }
    await tar.append([tarEnd]);
    await tar.commit();
    return { file, bytes: tar.size, moments };
  } catch (error) {
    await tar.discard();
    throw error;
  }
}

/** The bytes of a moment's members in a tar, from that offset on, and what the index says of them. */
function membersOf(
  { head, sweep, pictures, cameras, labels, leftOut }: ReadMoment,
  place: { readonly name: string; readonly nameOf: (camera: string) => string; readonly offset: number },
): { readonly pieces: readonly Uint8Array[]; readonly entry: PreparedMoment } {
  const pieces: Uint8Array[] = [];
  let at = place.offset;
  const add = (ending: string, data: Uint8Array): PreparedMember => {
    const name = `${place.name}.${ending}`;
    const blocks = [tarHead({ name, bytes: data.length }), data, tarPadding(data.length)];
    const offset = at + blocks[0].length;
    pieces.push(...blocks);
    at += blocks.reduce((sum, { length }) => sum + length, 0);
    return { name, offset, bytes: data.length, crc32: crc32(data).toString(16).padStart(8, '0') };
  };
  const sweepMember = sweep && add('points.pcd', sweep.pcd);
  const pictureMembers = pictures.map(({ camera, ending, bytes }) => [
    camera,
    add(`${place.nameOf(camera)}.${ending}`, bytes),
  ]);
  const record = encodeRecord({ moment: head, cameras, labels, sweep: sweep?.rest });
  const entry: PreparedMoment = {
    head: { ...head, notes: [...head.notes], sets: head.sets && [...head.sets] },
    ...(sweepMember && { sweep: sweepMember }),
    pictures: Object.fromEntries(pictureMembers),
    record: add('json', record),
    calibration: Object.keys(cameras),
    labels: labels !== undefined,
    leftOut: [...leftOut],
  };
  return { pieces, entry };
}
