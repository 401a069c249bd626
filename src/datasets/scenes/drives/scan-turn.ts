import type { Random } from '../../../engine/random.ts';
import { inverseRigid } from '../../../geometry/rigid-transform.ts';
import {
  beamElevation,
  maxRangeM,
  minRangeM,
  onOwnCar,
  returned,
  type ScannerOptions,
} from '../laser-scanner.ts';
import type { RayCaster } from '../ray-caster.ts';
import { shapeAfter } from './bodies.ts';
import type { Drive } from './compose-drive.ts';
import { turnS } from './timeline.ts';

/** How a drive's sweep is taken. */
export interface TurnOptions {
  readonly scanner: ScannerOptions;
  /** Whether each firing has its own time; otherwise all are of one instant. */
  readonly rolling: boolean;
  /** What the scanner's own errors are drawn with: the same for all sweeps of a drive. */
  readonly device: Random;
  /** What the noise of this sweep is drawn with. */
  readonly noise: Random;
}

/** When a firing takes place, seconds from the middle of the turn: it begins and ends looking back, and turns against the clock. */
export function firingTimeS(step: number, steps: number): number {
  const share = (step + 0.5) / steps;
  return (share < 0.5 ? share : share - 1) * turnS;
}

/**
 * The sweep whose turn has its middle at a time: rows of x, y, z (metres) and reflectance 0..1, beam after beam from the top, each
 * turning against the clock from straight ahead. Every point is in the frame of the LiDAR as it is when the point is measured.
 */
export function scanTurn(drive: Drive, timeS: number, options: TurnOptions): Float32Array {
  const { mesh, materials } = drive;
  const { device, noise, rolling } = options;
  const { beams, steps } = options.scanner;
  const still = drive.caster();
  const poses = Array.from({ length: rolling ? steps : 1 }, (_, step) =>
    drive.worldFromLidarAt(timeS + (rolling ? firingTimeS(step, steps) : 0)),
  );
  const passing = passingObjects(drive, timeS, steps, rolling);
  const points = new Float32Array(4 * beams * steps);
  const calibration = device.fork('beams');
  let count = 0;
  for (let k = 0; k < beams; k++) {
    const elevation = beamElevation(Math.floor((k * 64) / beams)) + calibration.normal(0, 0.0006);
    const delay = calibration.uniform(-0.3, 0.3);
    const gain = 1 + calibration.normal(0, 0.06);
    const rangeOffset = calibration.normal(0, 0.008);
    for (let step = 0; step < steps; step++) {
      const azimuth = (2 * Math.PI * (step + 0.5 + delay)) / steps;
      const slope = elevation + noise.uniform(-0.0004, 0.0004);
      const lost = noise.uniform();
      const grain = noise.uniform(-1, 1) + noise.uniform(-1, 1);
      if (onOwnCar(slope, azimuth)) continue;
      const flat = Math.cos(slope);
      const lx = flat * Math.cos(azimuth);
      const ly = flat * Math.sin(azimuth);
      const lz = Math.sin(slope);
      const m = poses[rolling ? step : 0];
      let dx = m[0] * lx + m[1] * ly + m[2] * lz;
      let dy = m[4] * lx + m[5] * ly + m[6] * lz;
      const dz = m[8] * lx + m[9] * ly + m[10] * lz;
      let hit = still.cast(m[3], m[7], m[11], dx, dy, dz, maxRangeM) ? still.hit : undefined;
      let by: Passer | undefined;
      let nearest = hit?.distance ?? maxRangeM;
      for (const passer of passing[step]) {
        const { x, y, z, cos, sin } = passer;
        const ox = m[3] - x;
        const oy = m[7] - y;
        const found = passer.caster.cast(
          cos * ox + sin * oy,
          cos * oy - sin * ox,
          m[11] - z,
          cos * dx + sin * dy,
          cos * dy - sin * dx,
          dz,
          nearest,
        );
        if (!found) continue;
        nearest = passer.caster.hit.distance;
        hit = passer.caster.hit;
        by = passer;
      }
      if (hit === undefined || nearest < minRangeM) continue;
      if (by !== undefined) {
        // The normals of an object are in its own frame, and so must the ray be.
        const turned = by.cos * dx + by.sin * dy;
        dy = by.cos * dy - by.sin * dx;
        dx = turned;
      }
      const back = returned(by?.mesh ?? mesh, materials, hit, dx, dy, dz, lost);
      if (back < 0) continue;
      const range = nearest + rangeOffset + grain * 0.024;
      const shine = back * gain * (1 + 0.27 * grain);
      points[4 * count] = range * lx;
      points[4 * count + 1] = range * ly;
      points[4 * count + 2] = range * lz;
      points[4 * count + 3] = Math.round(100 * Math.max(0, Math.min(0.99, shine))) / 100;
      count++;
    }
  }
  return points.slice(0, 4 * count);
}

interface Passer {
  readonly caster: RayCaster;
  readonly mesh: Drive['mesh'];
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly cos: number;
  readonly sin: number;
}

/** For each firing the moving objects that it may meet, where they are at its time. */
function passingObjects(drive: Drive, timeS: number, steps: number, rolling: boolean): Passer[][] {
  const passing = Array.from({ length: steps }, (): Passer[] => []);
  const lidarFromWorld = inverseRigid(drive.worldFromLidarAt(timeS));
  drive.objects.forEach((object, k) => {
    if (!object.moves) return;
    const middle = object.poseAt(timeS);
    if (middle === undefined) return;
    const m = lidarFromWorld;
    const x = m[0] * middle.x + m[1] * middle.y + m[2] * middle.z + m[3];
    const y = m[4] * middle.x + m[5] * middle.y + m[6] * middle.z + m[7];
    const distance = Math.hypot(x, y);
    const [length, width] = object.body.box.sizeM;
    // During half a turn both may move by 1.5 m, and the scanner turns a little.
    const radius = 0.3 + Math.hypot(length, width) / 2 + (rolling ? 3 + 0.05 * distance : 0);
    if (distance > maxRangeM + radius) return;
    const half = distance < radius + 0.2 ? Math.PI : Math.asin(radius / distance);
    const azimuth = Math.atan2(y, x);
    const shape = shapeAfter(object.body, middle.travelledM);
    const caster = drive.shapeCaster(k, shape);
    const mesh = object.body.shapes[shape];
    const from = Math.floor(((azimuth - half) / (2 * Math.PI)) * steps) - 1;
    const to = Math.min(from + steps - 1, Math.ceil(((azimuth + half) / (2 * Math.PI)) * steps) + 1);
    let passer: Passer | undefined;
    for (let at = from; at <= to; at++) {
      const step = ((at % steps) + steps) % steps;
      if (rolling || passer === undefined) {
        const pose = rolling ? object.poseAt(timeS + firingTimeS(step, steps)) : middle;
        if (pose === undefined) continue;
        const { x: px, y: py, z, yaw } = pose;
        passer = { caster, mesh, x: px, y: py, z, cos: Math.cos(yaw), sin: Math.sin(yaw) };
      }
      passing[step].push(passer);
    }
  });
  return passing;
}
