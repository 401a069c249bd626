import { Random } from '../../../src/engine/random.ts';
import type { KittiFramePair, KittiObjectLine } from '../../../src/evaluation/kitti/kitti-result-lines.ts';

const types = ['Car', 'Car', 'Van', 'Pedestrian', 'Person_sitting', 'Cyclist', 'Truck', 'DontCare'];

/** An object at one of a few places, so that several meet; its height in the image is about the limits. */
function drawObject(random: Random, type: string): KittiObjectLine {
  const place = random.integer(4);
  const left = 200 * place + random.uniform(0, 12);
  const height = random.pick([24.5, 25, 25.2, 30, 40, 40.3, 60, 60, 90]);
  const nowhere = type === 'DontCare';
  return {
    type,
    truncation: random.pick([0, 0, 0, 0.15, 0.2, 0.4, 0.6]),
    occlusion: random.pick([0, 0, 0, 1, 2, 3]),
    alpha: random.uniform(-3, 3),
    box2: [left, 100, left + 80, 100 + height],
    sizeM: nowhere
      ? [-1, -1, -1]
      : [random.uniform(1.3, 1.6), random.uniform(1.5, 1.8), random.uniform(3.5, 4)],
    location: nowhere
      ? [-1000, -1000, -1000]
      : [8 * place + random.uniform(0, 0.5), random.uniform(1.5, 1.8), random.uniform(20, 20.4)],
    rotationY: random.uniform(-0.1, 0.1) + random.pick([0, 0, Math.PI, Math.PI / 2]),
    score: Number.NaN,
  };
}

/** A detection: an object of the frame a little off and perhaps of another class, or anything. */
function drawDetection(random: Random, labels: readonly KittiObjectLine[]): KittiObjectLine {
  const found = labels.filter(({ type }) => type !== 'DontCare');
  const base =
    found.length > 0 && random.chance(0.7)
      ? random.pick(found)
      : drawObject(random, random.pick(types.slice(0, -1)));
  const [left, top, right, bottom] = base.box2;
  const [x, y, z] = base.location;
  const [moved, taller] = [random.uniform(-10, 10), random.uniform(-2, 2)];
  return {
    ...base,
    type: random.chance(0.85) ? base.type : random.pick(types.slice(0, -1)),
    truncation: -1,
    occlusion: -1,
    alpha: base.alpha + random.normal(0, 0.4),
    box2: [left + moved, top, right + moved, bottom + taller],
    location: [x + random.normal(0, 0.1), y + random.normal(0, 0.05), z + random.normal(0, 0.1)],
    rotationY: base.rotationY + random.normal(0, 0.05),
    score: Math.round(random.uniform() * 50) / 50,
  };
}

/** Frames of objects that meet, with detections that find some of them. */
export function drawFrames(seed: number, count: number): KittiFramePair[] {
  const random = Random.fromSeed(seed);
  return Array.from({ length: count }, (_, i) => {
    const labels = Array.from({ length: random.integer(9) }, () => drawObject(random, random.pick(types)));
    const detections = Array.from({ length: random.integer(12) }, () => drawDetection(random, labels));
    return { id: String(i), labels, detections };
  });
}
