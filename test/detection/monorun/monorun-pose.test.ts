import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/datasets/frame.ts';
import { canvasPicture, onCanvas } from '../../../src/detection/image-sample.ts';
import { type PosedObject, solveRegion } from '../../../src/detection/monorun/monorun-pose.ts';
import { codeSize, plainCamera, REGION_CELLS } from '../../../src/detection/monorun/monorun-sample.ts';
import { calibrated, PLAIN_LOG_SCALES, plainScore } from '../../../src/detection/monorun/monorun-score.ts';
import {
  COORDINATE_MEAN,
  COORDINATE_STD,
  errorUnitPx,
} from '../../../src/detection/monorun/monorun-units.ts';
import { cellPixels } from '../../../src/detection/roi-tables.ts';
import { Random } from '../../../src/engine/random.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { iou3d } from '../../../src/geometry/box-overlap.ts';
import { distance } from '../../nn/tensors.ts';
import { carAt, frameWithCars, tinyMonorun } from './tiny-monorun.ts';

const CELLS = REGION_CELLS ** 2;
const classes = ['Pedestrian', 'Car'];

/** What a network that knows the label would say of it: each cell's ray ends somewhere in the car. */
function known(frame: Frame, { noise = 0, logStd = -3, sizeVariance = 0 } = {}) {
  const config = tinyMonorun({ image: { ...tinyMonorun().image, width: 448, height: 128 } });
  const picture = canvasPicture(frame, Random.fromSeed(1), { config, training: false });
  const label = frame.labels![0];
  const object = onCanvas({ ...label, box3: label.box3! }, picture);
  const { camera, shift } = plainCamera(picture.canvasFromCamera);
  const [tx, ty, tz] = object.location.map((value, k) => value + shift[k]);
  const [height, width, length] = object.sizeM;
  const pixels = cellPixels(object.box, REGION_CELLS);
  const unit = errorUnitPx(camera.fx, Math.hypot(tx, ty, tz));
  const random = Random.fromSeed('noise');
  const coded = new Float32Array(CELLS * 3);
  for (let i = 0; i < CELLS; i++) {
    const u = pixels[2 * i] + noise * unit * random.normal();
    const v = pixels[2 * i + 1] + noise * unit * random.normal();
    // Depths that differ from cell to cell: points in one plane would not fix a pose as well.
    const depth = tz - 0.6 + 0.5 * Math.sin(i) + 0.3 * Math.cos(i / 40);
    const [x, y, z] = [
      ((u - camera.cx) * depth) / camera.fx - tx,
      ((v - camera.cy) * depth) / camera.fy - ty,
      depth - tz,
    ];
    const [c, s] = [Math.cos(object.rotationY), Math.sin(object.rotationY)];
    const share = [(c * x - s * z) / length, y / height, (s * x + c * z) / width];
    coded.set(
      share.map((value, k) => (value - COORDINATE_MEAN[k]) / COORDINATE_STD[k]),
      3 * i,
    );
  }
  const region = { box: object.box, classIndex: 1, score: 0.8 };
  const said = {
    classes,
    coded,
    logStd: new Float32Array(CELLS * 2).fill(logStd),
    size: Float32Array.from(codeSize([length, height, width], 'Car')),
    sizeVariance: new Float32Array(3).fill(sizeVariance),
  };
  return { label, picture, region, said, unit };
}

const plainScoreOf = ({ label, evidence }: PosedObject) =>
  plainScore(label.score!, calibrated(evidence.covariance, PLAIN_LOG_SCALES));

function solved(frame: Frame, options?: Parameters<typeof known>[1]) {
  const { label, picture, region, said, unit } = known(frame, options);
  return { label, picture, unit, found: solveRegion(picture, region, said)! };
}

describe('solveRegion', () => {
  const places: Array<[string, Box3]> = [
    ['ahead', carAt(12, 1, 0.4)],
    ['to the left', carAt(18, 7, 2.8)],
    ['far and to the right', carAt(34, -9, -1.3)],
  ];

  it.each(places)('gives back a label whose object\u2019s coordinates are known, %s', (_, car) => {
    const { label, found } = solved(frameWithCars(1, [car]));
    expect(iou3d(found.label.box3!, label.box3!)).toBeGreaterThan(0.995);
    expect(distance(found.label.box3!.center, car.center)).toBeLessThan(5e-3);
    expect(Math.abs(angleDifference(found.label.box3!.yaw, car.yaw))).toBeLessThan(2e-3);
    expect(Math.abs(angleDifference(found.label.alpha, label.alpha))).toBeLessThan(0.02);
    expect(distance(found.label.box2, label.box2)).toBeLessThan(1e-3);
    expect(found.label).toMatchObject({ type: 'Car', truncation: -1, occlusion: -1 });
    expect(Math.max(...found.maps.errorPx)).toBeLessThan(0.05);
    expect(found.label.score).toBe(0.8);
    expect(plainScoreOf(found)).toBeGreaterThan(0.5);
    expect(plainScoreOf(found)).toBeLessThan(0.8);
  });

  it('counts deviations in the unit of the distance: independent noise that is said is what the covariance says', () => {
    const car = carAt(20, -2, 0.9);
    const { label, picture, found } = solved(frameWithCars(1, [car]), { noise: 0.1, logStd: Math.log(0.1) });
    const deviation = Math.sqrt(found.evidence.covariance[15]);
    const depth = (box: Box3) => {
      const m = picture.cameraFromLidar;
      return m[8] * box.center[0] + m[9] * box.center[1] + m[10] * box.center[2] + m[11];
    };
    const error = Math.abs(depth(found.label.box3!) - depth(label.box3!));
    expect(error).toBeLessThan(4 * deviation);
    expect(deviation).toBeGreaterThan(0.005);
    expect(deviation).toBeLessThan(0.5);
    // Of the picture, whose pixels are larger in number than the canvas's.
    const { unit } = known(frameWithCars(1, [car]));
    expect(found.maps.logStd[0]).toBeCloseTo(Math.log(0.1 * unit * (480 / 384)), 1);
  });

  it('is less sure the farther an object is, the less its cells are, and the less its size is', () => {
    const near = frameWithCars(1, [carAt(12, 1, 0.4)]);
    const plain = solved(near).found;
    for (const other of [
      solved(frameWithCars(1, [carAt(30, 1, 0.4)])).found,
      solved(near, { logStd: -1.5 }).found,
      solved(near, { sizeVariance: 1 }).found,
    ]) {
      expect(other.evidence.covariance[15]).toBeGreaterThan(plain.evidence.covariance[15]);
      expect(plainScoreOf(other)).toBeLessThan(plainScoreOf(plain));
    }
    // A size's error moves points as a share of them: not those at the object's own origin.
    const [sure, unsure] = [plain.maps.logStd, solved(near, { sizeVariance: 1 }).found.maps.logStd];
    for (let i = 0; i < CELLS; i++) {
      const [x, y, z] = plain.maps.coordinates.subarray(3 * i, 3 * i + 3);
      const [across, down] = [Math.hypot(x, z) > 0.3, Math.abs(y) > 0.3];
      if (across) expect(unsure[2 * i]).toBeGreaterThan(sure[2 * i] + 1e-3);
      if (down) expect(unsure[2 * i + 1]).toBeGreaterThan(sure[2 * i + 1] + 1e-3);
    }
  });

  it('gives nothing where cells fix no pose', () => {
    const { picture, region, said } = known(frameWithCars(1));
    const one = Float32Array.from(said.coded, (_, i) => said.coded[i % 3]);
    expect(solveRegion(picture, region, { ...said, coded: one })).toBeUndefined();
    const none = new Float32Array(CELLS * 3).fill(Number.NaN);
    expect(solveRegion(picture, region, { ...said, coded: none })).toBeUndefined();
  });

  it('gives the same again for the same', () => {
    const frame = frameWithCars(1);
    expect(solved(frame, { noise: 0.3 }).found).toEqual(solved(frame, { noise: 0.3 }).found);
  });
});
