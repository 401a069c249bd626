import { describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../src/datasets/frame.ts';
import { sortLabels } from '../../src/detection/detection-frames.ts';
import { jitteredBoxes } from '../../src/detection/monorun/score-examples.ts';
import { Random } from '../../src/engine/random.ts';

const box3 = { center: [10, 0, -1], sizeM: [4, 2, 1.5], yaw: 0 } as const;
const label = (type: string, box: ObjectLabel['box3']): ObjectLabel => {
  return { type, truncation: 0, occlusion: 0, alpha: 0, box2: [10, 20, 30, 40], box3: box };
};
const labels = [
  label('Car', box3),
  label('Car', undefined),
  label('Van', box3),
  label('Tram', undefined),
  label('DontCare', undefined),
];

describe('labels of a frame', () => {
  it('are wanted where they have a box in 3D; a wanted class without one is neither right nor wrong', () => {
    const { objects, ignored } = sortLabels(labels, ['Car', 'Pedestrian']);
    expect(objects.map((object) => object.label)).toEqual([labels[0]]);
    expect(ignored).toEqual([labels[1], labels[2], labels[4]]);
  });

  it('give boxes to learn scores from where it is known what is there', () => {
    const options = { classes: ['Pedestrian', 'Car'], jitter: 0 };
    expect(jitteredBoxes(labels, Random.fromSeed(1), options)).toEqual([
      { box: [10, 20, 30, 40], classIndex: 1 },
    ]);
  });
});
