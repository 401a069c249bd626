import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { averageOverlapping, rotatedNonMaximumSuppression } from '../../../src/detection/nms.ts';
import { overlapWith } from '../../../src/detection/whole/overlap.ts';
import { seenBoxes } from '../../../src/detection/whole/seen-boxes.ts';
import { suppressed } from '../../../src/detection/whole/suppress.ts';
import { Random } from '../../../src/engine/random.ts';
import { wrapAngle } from '../../../src/geometry/angle.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { birdsEyeIou } from '../../../src/geometry/box-overlap.ts';
import { projectBox } from '../../../src/geometry/box-projection.ts';
import { floats, runGraph } from '../../engine/run-graph.ts';
import { distance, valuesOf } from '../../nn/tensors.ts';

const rowOf = ({ center, sizeM, yaw }: Box3) => [...center, ...sizeM, yaw];
const rows = (boxes: readonly Box3[]) => tf.tensor2d(boxes.map(rowOf));

/** Boxes around a few places, so that many overlap, as float32 holds them. */
function boxesNear(places: number, count: number, seed: string): Box3[] {
  const random = Random.fromSeed(seed);
  const middles = Array.from({ length: places }, () => [random.uniform(5, 60), random.uniform(-20, 20)]);
  const round = (value: number) => Math.fround(value);
  return Array.from({ length: count }, () => {
    const [x, y] = random.pick(middles);
    return {
      center: [round(x + random.normal()), round(y + random.normal()), round(random.normal(-1, 0.2))],
      sizeM: [round(random.uniform(0.5, 5)), round(random.uniform(0.4, 2)), round(random.uniform(1, 2))],
      yaw: round(random.uniform(-Math.PI, Math.PI)),
    };
  });
}

describe('the overlap of one box with many, in tensors', () => {
  const square: Box3 = { center: [10, 3, 0], sizeM: [2, 2, 1], yaw: 0 };
  const at = (x: number, y: number, yaw: number, sizeM = square.sizeM): Box3 => ({
    center: [x, y, 0],
    sizeM,
    yaw,
  });

  it('is that of itself, of its halves, and of what only touches it', () => {
    const others = [
      square,
      at(11, 3, 0),
      at(12, 3, 0),
      at(10, 3, Math.PI / 2),
      at(10, 3, 0, [1, 1, 1]),
      at(10, 3, 0, [4, 4, 1]),
      at(10, 3, Math.PI / 4),
      at(50, 3, 1),
    ];
    const eighth = 8 * (Math.SQRT2 - 1);
    const expected = [1, 1 / 3, 0, 1, 1 / 4, 1 / 4, eighth / (8 - eighth), 0];
    expect(distance(valuesOf(overlapWith(rows([square]), rows(others))), expected)).toBeLessThan(1e-6);
  });

  it('is as by cutting polygons', () => {
    const boxes = boxesNear(3, 200, 'overlaps');
    for (const box of boxes.slice(0, 10)) {
      const expected = boxes.map((other) => birdsEyeIou(box, other));
      expect(expected.filter((iou) => iou > 0).length).toBeGreaterThan(10);
      expect(distance(valuesOf(overlapWith(rows([box]), rows(boxes))), expected)).toBeLessThan(2e-6);
    }
  });
});

describe('boxes as the camera sees them, in tensors', () => {
  it('are those of the projection, cut before the camera, and known where none is seen', () => {
    const pixelFromLidar = Float64Array.of(100, -100, 0, 3, 50, 0, -100, -2, 1, 0, 0, 0.27);
    const image = { width: 200, height: 100 };
    const boxes = [
      ...boxesNear(20, 60, 'seen'),
      ...boxesNear(1, 30, 'seen').map((box): Box3 => ({ ...box, center: [box.sizeM[0] - 2, box.yaw, -1] })),
    ];
    const found = seenBoxes(
      rows(boxes),
      tf.tensor2d([...pixelFromLidar], [3, 4]),
      tf.tensor1d([image.width, image.height]),
    );
    const expected = boxes.map((box) => projectBox(box, pixelFromLidar, image));
    expect(new Set(expected.map((box) => box !== undefined)).size).toBe(2);
    expect(valuesOf(found.seen)).toEqual(expected.map((box) => (box === undefined ? 0 : 1)));
    const values = found.boxes.arraySync() as number[][];
    expected.forEach((box, i) => {
      if (box !== undefined) expect(distance(values[i], box)).toBeLessThan(2e-3);
    });
  });
});

describe('suppression in a graph', () => {
  const count = 120;
  const boxes = boxesNear(8, count, 'suppression');
  const random = Random.fromSeed('scores');
  const scores = boxes.map((_, i) => (i % 5 === 0 ? -1 : Math.fround(random.uniform(0.1, 1))));
  const found = scores.flatMap((score, i) => (score < 0 ? [] : [i]));

  async function run(config: { nmsIou: number; averageIou: number | null; maxDetections: number }) {
    const outputs = await runGraph(
      (tracer) => {
        const { graph, tensorOf, asValue } = tracer;
        const given = {
          boxes: tensorOf(graph.input('boxes', 'float32', [count, 7])),
          scores: tensorOf(graph.input('scores', 'float32', [count])),
        };
        const kept = suppressed(tracer, given, config);
        return { kept: asValue(kept.boxes), keptScores: asValue(kept.scores) };
      },
      {
        boxes: floats(Float32Array.from(boxes.flatMap(rowOf)), [count, 7]),
        scores: floats(Float32Array.from(scores), [count]),
      },
    ).then((all) => ({ boxes: all.kept.data as Float32Array, scores: all.keptScores.data as Float32Array }));
    const [own, ownScores] = [found.map((i) => boxes[i]), found.map((i) => scores[i])];
    const { nmsIou: maxIou, maxDetections: maxKept, averageIou: minIou } = config;
    const kept = rotatedNonMaximumSuppression(own, ownScores, { maxIou, maxKept });
    const final =
      minIou === null
        ? Array.from(kept, (k) => own[k])
        : averageOverlapping(own, ownScores, { kept, minIou });
    return { outputs, final, finalScores: Array.from(kept, (k) => ownScores[k]) };
  }

  it.each([
    { nmsIou: 0.1, averageIou: null, maxDetections: 50 },
    { nmsIou: 0.1, averageIou: 0.3, maxDetections: 50 },
    { nmsIou: 0.6, averageIou: 0.2, maxDetections: 12 },
  ])('keeps and joins the boxes that the plain one does: %o', async (config) => {
    const { outputs, final, finalScores } = await run(config);
    expect(final.length).toBeGreaterThan(10);
    const rest = new Array(config.maxDetections - final.length).fill(-1);
    expect([...outputs.scores]).toEqual([...finalScores, ...rest]);
    final.forEach((box, i) => {
      const row = outputs.boxes.subarray(7 * i, 7 * i + 7);
      expect(distance(row.subarray(0, 6), rowOf(box).slice(0, 6))).toBeLessThan(2e-5);
      expect(Math.abs(wrapAngle(row[6] - box.yaw))).toBeLessThan(2e-6);
    });
    if (config.averageIou !== null)
      expect(final.some((box) => !boxes.some(({ center }) => center[0] === box.center[0]))).toBe(true);
  });
});
