import { describe, expect, it } from 'vitest';
import { placeLabels } from '../../../../src/viewer/app/scene/label-placement.ts';

const AREA = { left: 0, right: 400, top: 0, bottom: 300 };

describe('placeLabels', () => {
  const label = (x: number, y: number, rank: number) => ({ x, y, width: 40, height: 16, rank });

  it('keeps the one of lower rank where two would cover one another', () => {
    expect(placeLabels([label(100, 100, 2), label(120, 108, 1), label(200, 100, 3)], AREA)).toEqual([1, 2]);
  });

  it('shows labels that stand side by side or above one another', () => {
    expect(placeLabels([label(100, 100, 0), label(143, 100, 0), label(100, 119, 0)], AREA)).toEqual([
      0, 1, 2,
    ]);
  });

  it('leaves out what is outside', () => {
    expect(placeLabels([label(-1, 100, 0), label(401, 100, 0), label(100, 301, 0)], AREA)).toEqual([]);
  });
});
