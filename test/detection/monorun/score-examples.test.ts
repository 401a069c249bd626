import { describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../../src/datasets/frame.ts';
import type { CellMaps } from '../../../src/detection/detector.ts';
import { jitteredBoxes, scoreExamples } from '../../../src/detection/monorun/score-examples.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { kittiFromBox } from '../../../src/geometry/kitti-box.ts';
import { carAt, frameWithCars } from './tiny-monorun.ts';

const frame = frameWithCars(1);
const labels = frame.labels!;
const { cameraFromLidar } = frame.cameras[0];
const covariance = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 0.25 : 0));

/** What PnP would have made of a region, had it found this box. */
function solved(box3: Box3, type = 'Car') {
  const { location, rotationY, sizeM } = kittiFromBox(box3, cameraFromLidar);
  const label: ObjectLabel = { ...labels[0], type, box3, score: 1 };
  const evidence = {
    yaw: rotationY,
    translation: location,
    covariance,
    sizeM: [sizeM[2], sizeM[0], sizeM[1]] as const,
  };
  return { object: { label, evidence, maps: {} as CellMaps }, features: new Float32Array(2) };
}

const example = (box3: Box3, type?: string) =>
  scoreExamples([solved(box3, type)], labels, cameraFromLidar)[0];
const car = labels[0].box3!;

describe('scoreExamples', () => {
  it('wants the full score of a box that is its label\u2019s, which has no error', () => {
    const { target, error, precision } = example(car);
    expect(target).toBe(1);
    for (const value of error!) expect(value).toBeCloseTo(0, 6);
    expect(precision![0]).toBeCloseTo(4, 6);
  });

  it('wants less of one that is off, and tells by how much in the camera\u2019s frame', () => {
    const [x, y, z] = car.center;
    const { target, error } = example({ ...car, center: [x + 0.6, y, z], yaw: car.yaw + 0.1 });
    expect(target).toBeGreaterThan(0);
    expect(target).toBeLessThan(1);
    // The camera looks along the LiDAR's x, and turns the other way round.
    expect(error![3]).toBeCloseTo(0.6, 1);
    expect(error![0]).toBeCloseTo(-0.1, 2);
  });

  it('takes a box that faces the wrong way for a mistake, and no error', () => {
    const { target, error } = example({ ...car, yaw: car.yaw + Math.PI });
    expect(target).toBe(1);
    expect(error).toBeUndefined();
  });

  it('wants nothing of a box where there is no such object', () => {
    for (const nothing of [example(carAt(40, 20, 0)), example(car, 'Pedestrian')]) {
      expect(nothing.target).toBe(0);
      expect(nothing.error).toBeUndefined();
    }
  });
});

describe('jitteredBoxes', () => {
  it('are boxes of wanted labels, each side moved by no more than its share', () => {
    const options = { classes: ['Pedestrian', 'Car'], jitter: 0.1 };
    const boxes = jitteredBoxes([...labels, { ...labels[0], type: 'Van' }], Random.fromSeed(1), options);
    expect(boxes).toHaveLength(labels.length);
    boxes.forEach(({ box, classIndex }, i) => {
      const { box2 } = labels[i];
      expect(classIndex).toBe(1);
      for (const k of [0, 1, 2, 3]) {
        const side = box2[(k % 2) + 2] - box2[k % 2];
        expect(Math.abs(box[k] - box2[k])).toBeLessThanOrEqual(0.1 * side);
        expect(box[k]).not.toBe(box2[k]);
      }
    });
  });
});
