import type { Random } from '../../engine/random.ts';
import type { Vec3 } from './mesh.ts';
import type { Noise } from './noise.ts';

/** The light of a scene; colours are linear. */
export interface Weather {
  /** The unit vector to the sun. */
  readonly sun: Vec3;
  readonly sunColor: Vec3;
  /** Light from the whole sky on a level surface. */
  readonly skyColor: Vec3;
  readonly zenith: Vec3;
  readonly horizon: Vec3;
  /** Share of the sky under clouds, 0..1. */
  readonly clouds: number;
  /** Distance at which haze hides about two thirds, metres. */
  readonly hazeM: number;
  readonly exposure: number;
  /** Height of far hills as an angle, radians. */
  readonly hills: number;
}

/** Draws the sun's place, the clouds and the haze. */
export function drawWeather(random: Random): Weather {
  const azimuth = random.uniform(0, 2 * Math.PI);
  const elevation = random.uniform(0.38, 1.0);
  const overcast = random.chance(0.22);
  const clouds = overcast ? random.uniform(0.75, 1) : random.uniform(0.1, 0.65);
  const strength = overcast ? random.uniform(0.15, 0.5) : random.uniform(2.5, 3.3);
  const warmth = 1 - elevation;
  return {
    sun: [
      Math.cos(elevation) * Math.cos(azimuth),
      Math.cos(elevation) * Math.sin(azimuth),
      Math.sin(elevation),
    ],
    sunColor: [strength, strength * (0.95 - 0.12 * warmth), strength * (0.86 - 0.28 * warmth)],
    skyColor: overcast ? [1.25, 1.3, 1.36] : [0.46, 0.58, 0.76],
    zenith: overcast ? [1.0, 1.06, 1.12] : [0.28, 0.62, 1.15],
    horizon: overcast ? [1.35, 1.38, 1.4] : [1.5, 1.65, 1.75],
    clouds,
    hazeM: random.uniform(260, 900),
    exposure: overcast ? random.uniform(0.8, 1.0) : random.uniform(0.62, 0.82),
    hills: random.uniform(0.005, 0.035),
  };
}

/** The sky's light from a direction (a unit vector), linear; written to `out`. */
export function sky(
  weather: Weather,
  noise: Noise,
  x: number,
  y: number,
  z: number,
  out: Float64Array,
): void {
  const { sun, zenith, horizon } = weather;
  const up = Math.max(0, z);
  const blend = 1 - (1 - up) ** 5;
  const towards = Math.max(0, x * sun[0] + y * sun[1] + z * sun[2]);
  const glow = towards ** 6 * 0.7 + towards ** 60 * 2;
  const scale = 1 / (up + 0.12);
  const thickness = noise.fractal(x * scale * 1.1 + 31, y * scale * 1.1 + 77);
  const cover = smooth((thickness - 0.72 + weather.clouds * 0.55) * 3.2);
  for (let c = 0; c < 3; c++) {
    const clear = horizon[c] + (zenith[c] - horizon[c]) * blend;
    const cloud = 1.25 + 0.55 * thickness + (c - 1) * 0.02;
    out[c] =
      clear +
      (cloud - clear) * cover * (0.35 + 0.65 * Math.min(1, up * 6)) +
      glow * weather.sunColor[c] * 0.33;
  }
  const azimuth = Math.atan2(y, x);
  const ridge =
    weather.hills * (0.35 + 1.3 * noise.fractal(azimuth * 4 + 9, 3.5)) + 0.004 * noise.at(azimuth * 90, 7);
  if (z < ridge) {
    out[0] = horizon[0] * 0.42;
    out[1] = horizon[1] * 0.47;
    out[2] = horizon[2] * 0.5;
  }
}

function smooth(t: number): number {
  const c = t < 0 ? 0 : t > 1 ? 1 : t;
  return c * c * (3 - 2 * c);
}
