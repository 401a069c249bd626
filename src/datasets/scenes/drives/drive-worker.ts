import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { InputError, type InputFault } from '../../../engine/input-error.ts';
import { driveName, finishDrive, writeDriveFrame } from './drive-files.ts';
import { type DriveRenderOptions, openDrive } from './render-drive.ts';

/** A frame to make, or a drive to finish whose frames are all there. */
export interface DriveTask {
  readonly out: string;
  readonly seed: number | string;
  readonly drive: number;
  readonly options: DriveRenderOptions;
  readonly work: { readonly frame: number } | { readonly finish: number };
}

/** What became of it; a fault crosses threads as plain data. */
export type DriveOutcome =
  | { readonly points: number; readonly labels: Readonly<Record<string, number>> }
  | { readonly fault: InputFault };

/** A thread works at one drive for long, and its world takes a while to build. */
let opened: { readonly key: string; readonly drive: ReturnType<typeof openDrive> } | undefined;

/** Does a task. */
export async function workAtDrive(task: DriveTask): Promise<DriveOutcome> {
  // Encoding one small picture gains nothing from more threads than its frame has.
  if (sharp.concurrency() > 1 && availableParallelism() > 1) sharp.concurrency(1);
  const { out, seed, drive: index, options, work } = task;
  const folder = join(out, driveName(index));
  try {
    const key = JSON.stringify([seed, index, options]);
    if (opened?.key !== key) opened = { key, drive: openDrive(seed, index, options) };
    const { drive, frame } = opened.drive;
    if ('finish' in work) {
      await finishDrive(folder, {
        seed,
        index,
        frames: work.finish,
        rolling: options.rolling ?? false,
        drive,
      });
      return { points: 0, labels: {} };
    }
    const made = frame(work.frame);
    await writeDriveFrame(folder, work.frame, made);
    const labels: Record<string, number> = {};
    for (const { type } of made.labels) labels[type] = (labels[type] ?? 0) + 1;
    return { points: made.points.length / 4, labels };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}
