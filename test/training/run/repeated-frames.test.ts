import { expect, it } from 'vitest';
import { describeRepeats } from '../../../src/training/run/repeated-frames.ts';

it('a batch that is larger than the data is told, with the size that is not', () => {
  expect(describeRepeats(8, 3)).toBe(
    'a batch of 8 is larger than the data: its 3 frames are in it several times (--set batchSize=3 has each once)',
  );
  expect(describeRepeats(2, 1)).toContain('the only frame is in it several times');
  expect(describeRepeats(3, 3)).toBeUndefined();
});
