import type { Random } from '../../engine/random.ts';
import type { Scene } from './compose-scene.ts';
import { materialStride } from './materials.ts';
import type { Mesh } from './mesh.ts';
import { type Hit, RayCaster } from './ray-caster.ts';

/** A rotating laser scanner. */
export interface ScannerOptions {
  /** How many of the 64 beams fire: every second for 32, and so on. */
  readonly beams: number;
  /** Firings a turn. */
  readonly steps: number;
}

/** As KITTI's scanner at 10 turns a second: 64 beams, about 0.167 degrees from firing to firing. */
export const hdl64: ScannerOptions = { beams: 64, steps: 2158 };

/** KITTI's object sweeps end here. */
export const maxRangeM = 80;
export const minRangeM = 1.5;

/** Elevation of beam 0 (the highest) to 63, radians: two blocks of 32, a third and half a degree apart. */
export function beamElevation(beam: number): number {
  const degrees = beam < 32 ? 2.2 - 0.325 * beam : -8.45 - 0.492 * (beam - 32);
  return (degrees * Math.PI) / 180;
}

/**
 * A sweep as rows of x, y, z (metres, LiDAR frame) and reflectance 0..1, beam after beam from the top, each turning
 * against the clock from straight ahead. Range noise of about 2 cm; pulses are lost with range, slanting and dark
 * surfaces, on glass, and on the own car's roof.
 */
export function scan(scene: Scene, random: Random, options: ScannerOptions = hdl64): Float32Array {
  const { mesh, materials } = scene;
  const caster = new RayCaster(mesh, materials, { reachM: maxRangeM, maxSlope: 0.045 });
  const { hit } = caster;
  const points = new Float32Array(4 * options.beams * options.steps);
  let count = 0;
  for (let k = 0; k < options.beams; k++) {
    const beam = Math.floor((k * 64) / options.beams);
    const elevation = beamElevation(beam) + random.normal(0, 0.0006);
    const delay = random.uniform(-0.3, 0.3);
    const gain = 1 + random.normal(0, 0.06);
    const rangeOffset = random.normal(0, 0.008);
    for (let step = 0; step < options.steps; step++) {
      const azimuth = (2 * Math.PI * (step + 0.5 + delay)) / options.steps;
      const slope = elevation + random.uniform(-0.0004, 0.0004);
      const lost = random.uniform();
      const grain = random.uniform(-1, 1) + random.uniform(-1, 1);
      if (onOwnCar(slope, azimuth)) continue;
      const flat = Math.cos(slope);
      const dx = flat * Math.cos(azimuth);
      const dy = flat * Math.sin(azimuth);
      const dz = Math.sin(slope);
      if (!caster.cast(0, 0, 0, dx, dy, dz, maxRangeM)) continue;
      if (hit.distance < minRangeM) continue;
      const back = returned(mesh, materials, hit, dx, dy, dz, lost);
      if (back < 0) continue;
      const range = hit.distance + rangeOffset + grain * 0.024;
      const shine = back * gain * (1 + 0.27 * grain);
      points[4 * count] = range * dx;
      points[4 * count + 1] = range * dy;
      points[4 * count + 2] = range * dz;
      points[4 * count + 3] = Math.round(100 * Math.max(0, Math.min(0.99, shine))) / 100;
      count++;
    }
  }
  return points.slice(0, 4 * count);
}

/**
 * The share of a pulse's light that comes back from what a ray of unit direction d has hit, or -1 where the pulse is lost;
 * `lost` is a random number in [0, 1).
 */
export function returned(
  mesh: Mesh,
  materials: Float32Array,
  hit: Hit,
  dx: number,
  dy: number,
  dz: number,
  lost: number,
): number {
  const { a, b, c, weightB, weightC } = hit;
  const n = mesh.normals;
  const weightA = 1 - weightB - weightC;
  const nx = n[3 * a] * weightA + n[3 * b] * weightB + n[3 * c] * weightC;
  const ny = n[3 * a + 1] * weightA + n[3 * b + 1] * weightB + n[3 * c + 1] * weightC;
  const nz = n[3 * a + 2] * weightA + n[3 * b + 2] * weightB + n[3 * c + 2] * weightC;
  const facing = Math.abs(nx * dx + ny * dy + nz * dz) / (Math.sqrt(nx * nx + ny * ny + nz * nz) || 1);
  const m = mesh.materials[a] * materialStride;
  const albedo = materials[m + 8];
  const back = albedo * (0.5 + 0.5 * Math.sqrt(facing));
  const strength = (back * 110 * 110) / (hit.distance * hit.distance);
  const gone = lost < 0.012 + materials[m + 9] || lost < 1.15 * Math.exp(-strength * 2.2);
  return gone ? -1 : back;
}

/** Whether the scanner's own car is in the way: its roof ahead, its rack and boot behind. */
export function onOwnCar(elevation: number, azimuth: number): boolean {
  const behind = Math.abs(azimuth - Math.PI);
  const ahead = Math.min(azimuth, 2 * Math.PI - azimuth);
  const degrees = (elevation * 180) / Math.PI;
  if (degrees < -17.6 && behind > 0.06 && behind < 0.42 + (-degrees - 17.6) * 0.035) return true;
  if (degrees < -20.3 && ahead < 0.16 + (-degrees - 20.3) * 0.07) return true;
  return degrees < -21 && Math.abs(Math.abs(azimuth - Math.PI) - 0.85) < 0.1;
}
