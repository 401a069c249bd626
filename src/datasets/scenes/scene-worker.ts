import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { InputError, type InputFault } from '../../engine/input-error.ts';
import { type RenderOptions, renderScene } from './render-scene.ts';
import { writeFrame } from './scene-files.ts';

/** One frame to make. */
export interface FrameTask {
  readonly out: string;
  readonly seed: number | string;
  readonly index: number;
  readonly options: RenderOptions;
}

/** What became of it; a fault crosses threads as plain data. */
export type FrameOutcome =
  | { readonly points: number; readonly labels: Readonly<Record<string, number>> }
  | { readonly fault: InputFault };

/** Renders a frame and writes its files. */
export async function makeFrame(task: FrameTask): Promise<FrameOutcome> {
  // Encoding one small picture gains nothing from more threads than its frame has.
  if (sharp.concurrency() > 1 && availableParallelism() > 1) sharp.concurrency(1);
  try {
    const scene = renderScene(task.seed, task.index, task.options);
    await writeFrame(task.out, task.index, scene);
    const labels: Record<string, number> = {};
    for (const { type } of scene.labels) labels[type] = (labels[type] ?? 0) + 1;
    return { points: scene.points.length / 4, labels };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}
