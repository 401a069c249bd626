import { expect, it } from 'vitest';
import { frameBeside } from '../../../../src/viewer/app/tabs/beside-layer.ts';

const frame = (id: string) => ({ id, parts: ['sweep' as const] });

it('goes with the frame of the same name, or else with the one in the same place', () => {
  const frames = [frame('000'), frame('002'), frame('003'), { id: '004', parts: [] }];
  expect(frameBeside(frames, frame('002'), 2)).toBe(1);
  expect(frameBeside(frames, frame('another'), 2)).toBe(2);
  expect(frameBeside(frames, frame('another'), 9)).toBeUndefined();
  expect(frameBeside(frames, frame('004'), 0)).toBeUndefined();
});
