import type {
  CameraCalibration,
  LaserCalibration,
  WaymoBox,
} from '../../../src/datasets/waymo/waymo-source.ts';
import { Random } from '../../../src/engine/random.ts';
import { compose, type Matrix44 } from '../../../src/geometry/matrix.ts';
import { rigidTransform, rotationZ, translation } from '../../../src/geometry/rigid-transform.ts';
import { matrixOfPose, type Pose } from './make-range-images.ts';

const degree = Math.PI / 180;

/** A turn about y by the angle: the nose goes down. */
function tilt(angle: number): Matrix44 {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return rigidTransform([c, 0, s, 0, 1, 0, -s, 0, c]);
}

/** 64 inclinations as a top laser has them: ascending, and closer to each other at the top. */
const topInclinations = Array.from({ length: 64 }, (_, k) => 0.041 - 0.348 * (1 - k / 63) ** 1.6);

/** Five lasers in the order in which Waymo's files have them; the top one is turned by -148 degrees. */
export const madeUpLasers: readonly LaserCalibration[] = (
  [
    ['FRONT', compose(translation(4.07, 0, 0.691), tilt(0.03))],
    ['REAR', compose(translation(-1.15, 0, 0.466), rotationZ(Math.PI))],
    ['SIDE_LEFT', compose(translation(3.245, 1.025, 0.981), rotationZ(89 * degree), tilt(-0.02))],
    ['SIDE_RIGHT', compose(translation(3.245, -1.025, 0.981), rotationZ(-91 * degree))],
    ['TOP', compose(translation(1.43, 0, 2.184), rotationZ(-148 * degree), tilt(0.004))],
  ] as const
).map(([laser, vehicleFromLaser]) => ({
  laser,
  inclinations: laser === 'TOP' ? topInclinations : [],
  inclinationMin: laser === 'TOP' ? -0.313 : -Math.PI / 2,
  inclinationMax: laser === 'TOP' ? 0.042 : Math.PI / 6,
  vehicleFromLaser,
}));

/** Two cameras with the distortion of a wide lens. */
export const madeUpCameras: readonly CameraCalibration[] = (
  [
    ['FRONT', compose(translation(1.54, -0.02, 2.11), tilt(0.01))],
    ['SIDE_LEFT', compose(translation(1.43, 0.11, 2.11), rotationZ(90 * degree))],
  ] as const
).map(([camera, vehicleFromCamera]) => ({
  ...{ camera, width: 192, height: 128, fu: 207, fv: 208, cu: 95.8, cv: 64.3 },
  ...{ k1: 0.045, k2: -0.336, p1: 0.0014, p2: -0.0007, k3: 0.01 },
  vehicleFromCamera,
}));

export const madeUpBoxes: readonly WaymoBox[] = [
  { type: 'vehicle', id: 'a_car', center: [20, 2, 0.9], size: [4.5, 1.9, 1.6], heading: 0.3, points: 311 },
  { type: 'pedestrian', id: 'someone', center: [-12, 3, 0.8], size: [0.7, 0.6, 1.7], heading: -2, points: 4 },
  { type: 'sign', id: 'a_sign', center: [30, -4, 3], size: [0.1, 0.8, 0.8], heading: 3 },
  { type: 'cyclist', id: 'a_bike', center: [9, -2, 0.8], size: [1.8, 0.7, 1.7], heading: 1.5, points: 88 },
];

/** Where the vehicle is at a time: it drives a bend at some 12 m/s, far from the world's origin. */
export function madeUpPose(timeS: number): Pose {
  return [
    0.01 + 0.02 * timeS,
    -0.02 + 0.05 * timeS,
    1.1 + 0.4 * timeS,
    2759.8 + 5 * timeS,
    3673.5 + 11 * timeS,
    21.9 + 0.3 * timeS,
  ];
}

/** The pose of the vehicle at a time as a matrix. */
export function madeUpWorldFromVehicle(timeS: number): Matrix44 {
  return matrixOfPose(madeUpPose(timeS));
}

/** Rows of x, y, z, intensity, elongation: ground, walls, and what stands close to the vehicle. */
export function madeUpPoints(count: number, seed = 1): Float32Array {
  const random = Random.fromSeed(seed);
  const points = new Float32Array(count * 5);
  for (let n = 0; n < count; n++) {
    const heading = (random.uniform() * 2 - 1) * Math.PI;
    const near = n % 8 === 0;
    const distance = near ? 2.5 + random.uniform() * 2 : 5 + random.uniform() * 65;
    const z = near ? random.uniform() * 0.6 - 0.2 : random.uniform() * 2.5;
    points.set(
      [
        1.5 + distance * Math.cos(heading),
        distance * Math.sin(heading),
        z,
        random.uniform() * 3,
        random.uniform(),
      ],
      n * 5,
    );
  }
  return points;
}
