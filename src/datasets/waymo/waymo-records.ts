import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { readFrameHeads } from './frame-head.ts';
import { decodeFrame, type FrameMessage } from './frame-message.ts';
import { boxesOf, cameraCalibrationsOf, laserCalibrationsOf, laserSweepsOf } from './frame-parts.ts';
import { waymoCameras } from './sensor-names.ts';
import { indexTfRecords, isTfRecordName, placeOfRecord, readTfRecord, type TfRecord } from './tfrecord.ts';
import type { WaymoMoment, WaymoSource } from './waymo-source.ts';

/** How records are opened. */
export interface WaymoRecordsOptions {
  /** Whether all data is read at once, to tell damaged records before they are asked for; false by default. */
  readonly verify?: boolean;
}

/**
 * Opens a TFRecord file of Waymo `Frame` messages (a segment), or a folder of them, in the order of their names. What is large
 * is passed over: times, poses and what there is of each record are read, in a second for a gigabyte. Damage that other records
 * do not suffer from is told in the notes of its moment; what is wrong with other files of a folder, in those of the first moment.
 * Throws InputError where there is no `Frame`, and says what there is.
 *
 * @example
 * const [segment] = await openWaymoRecords('segment-1005081002024129653_with_camera_labels.tfrecord');
 * const sequence = waymoSequence(segment);
 */
export async function openWaymoRecords(
  path: string,
  options: WaymoRecordsOptions = {},
): Promise<readonly WaymoSource[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error: Error) => {
      throw new InputError({ file: path, expected: 'a file or a folder', found: reasonOf(error) });
    },
  );
  if (!isFolder) return [await openFile(path, options)];
  const names = (await readdir(path)).filter(isTfRecordName).sort();
  if (names.length === 0) {
    throw new InputError({ file: path, expected: 'TFRecord files (.tfrecord)', found: 'none' });
  }
  const sources: WaymoSource[] = [];
  const faults: InputError[] = [];
  for (const name of names) {
    try {
      sources.push(await openFile(join(path, name), options));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.push(error);
    }
  }
  const [first, ...others] = sources;
  if (first === undefined) throw faults[0];
  const notes = faults.map(({ message }) => `${message}: the file is left out`);
  const [moment, ...later] = first.moments;
  return [{ ...first, moments: [{ ...moment, notes: [...moment.notes, ...notes] }, ...later] }, ...others];
}

async function openFile(file: string, { verify = false }: WaymoRecordsOptions): Promise<WaymoSource> {
  const index = await indexTfRecords(file);
  const opened = await readFrameHeads(index, { verify });
  const { records, fault } = index;
  const segment = opened.find(({ head }) => head?.segment !== undefined)?.head?.segment ?? basename(file);
  // A frame without objects is labelled too, in a segment that has labels.
  const isLabelled = opened.some(({ head }) => head?.hasBoxes);
  const frames = recentFrames(file, records);

  const moments = opened.map(({ head, fault: damage }, k): WaymoMoment => {
    const notes = [damage, ...(head?.faults ?? [])].flatMap((each) => each?.message ?? []);
    if (head?.segment !== undefined && head.segment !== segment) {
      notes.push(`the frame is of segment ${head.segment}, the first of ${segment}`);
    }
    if (fault !== undefined && k === opened.length - 1)
      notes.push(`${fault.message}: no frame after it can be read`);
    if (head?.faults.length === 0 && head.timestampMicros === undefined) notes.push('the frame has no time');
    if (head?.faults.length === 0 && head.worldFromVehicle === undefined) notes.push('the frame has no pose');
    return {
      timestampMicros: head?.timestampMicros,
      worldFromVehicle: head?.worldFromVehicle,
      hasLasers: head?.hasLasers ?? false,
      hasBoxes: head !== undefined && isLabelled,
      hasCalibrations: head !== undefined,
      cameras: head?.cameras ?? [],
      notes,
    };
  });
  const placeOf = (k: number) => ({ file, place: placeOfRecord(records[k]) });

  return {
    kind: 'Waymo records',
    root: file,
    segment,
    moments,
    files: () => [file],
    laserCalibrations: async (k) => laserCalibrationsOf(await frames(k), placeOf(k)),
    cameraCalibrations: async (k) => cameraCalibrationsOf(await frames(k), placeOf(k)),
    lasers: async (k) => laserSweepsOf(await frames(k), placeOf(k)),
    boxes: async (k) => boxesOf(await frames(k), placeOf(k)),
    picture: async (k, camera) => {
      const { images } = await frames(k);
      const number = waymoCameras.indexOf(camera) + 1;
      const found = images.find(({ name, image }) => name === number && image.length > 0);
      const { place } = placeOf(k);
      if (found !== undefined) return { bytes: found.image, file: `${file}: ${place}, camera ${camera}` };
      throw new InputError({ file, place, expected: `a picture of ${camera}`, found: 'none' });
    },
  };
}

/** The frames of a file; the last one that was read is kept, for its parts are asked for one after the other. */
function recentFrames(file: string, records: readonly TfRecord[]): (index: number) => Promise<FrameMessage> {
  let last: { readonly index: number; readonly frame: Promise<FrameMessage> } | undefined;
  const read = async (index: number) => {
    const record = records[index];
    if (record === undefined) throw new RangeError(`frame ${index} of ${records.length}`);
    const data = await readTfRecord(file, record);
    try {
      return decodeFrame(data);
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      throw new InputError(
        { file, place: placeOfRecord(record), expected: 'a Frame of the Waymo Open Dataset', found },
        { cause: error },
      );
    }
  };
  return (index) => {
    // What failed may have been mended when it is asked for again.
    if (last?.index !== index) {
      const frame = read(index);
      last = { index, frame };
      frame.catch(() => {
        if (last?.frame === frame) last = undefined;
      });
    }
    return last!.frame;
  };
}
