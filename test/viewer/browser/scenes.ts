import { generateScenes } from '../../../src/datasets/scenes/generate-scenes.ts';

/** The size of the pictures of these scenes. */
export const scenePicture = { width: 310, height: 94 } as const;

/** Writes small synthetic driving scenes with labels; all but the last are listed as `train`. */
export async function writeScenes(out: string, count: number): Promise<void> {
  await generateScenes({
    out,
    count,
    heldOut: 1,
    seed: 3,
    workers: 0,
    imageSize: scenePicture,
    scanner: { beams: 32, steps: 600 },
  });
}
