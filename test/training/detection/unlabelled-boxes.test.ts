import { afterAll, beforeAll, expect, it } from 'vitest';
import { openObjectFrames } from '../../../src/detection/detection-frames.ts';
import { unlabelledBoxes } from '../../../src/training/detection/unlabelled-boxes.ts';
import { removeFolders, temporaryFolder, writeTracking } from '../../datasets/tiny-sequences.ts';

let root: string;
beforeAll(async () => {
  root = temporaryFolder();
  await writeTracking(root, '0000', [0, 1, 2]);
});
afterAll(removeFolders);

it.each([true, false])(
  'tells a frame whose points are no numbers, and goes on with the others (single: %s)',
  async (single) => {
    const frames = await openObjectFrames({ root }, { withLabels: false });
    const pointFrame: typeof frames.pointFrame = async (index) => {
      const frame = await frames.pointFrame(index);
      if (index === 1) frame.points[5] = Number.NaN;
      return frame;
    };
    const found: string[] = [];
    for await (const each of unlabelledBoxes({ ...frames, pointFrame }, { wanted: () => true, single }))
      found.push('error' in each ? each.error.message : each.frame.id);
    const { ids } = frames;
    expect(found).toEqual([ids[0], expect.stringMatching(`^frame ${ids[1]}: .*expected finite`), ids[2]]);
  },
);
