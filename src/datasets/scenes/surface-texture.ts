import { materialStride, Surface } from './materials.ts';
import type { Noise } from './noise.ts';

/** Draws the colour of a surface at texture coordinates (u, v), its pixel covering `footprintM`, into `out` (linear RGB). */
export type SurfaceTexture = (
  material: number,
  u: number,
  v: number,
  footprintM: number,
  out: Float64Array,
) => void;

/** The textures of a scene's materials, all made of the scene's own noise. */
export function surfaceTexture(materials: Float32Array, noise: Noise): SurfaceTexture {
  const fine = (footprintM: number, sizeM: number): number => 1 / (1 + (footprintM / sizeM) ** 2);
  /** Coverage of a band about 0 of a half width, softened by the pixel. */
  const band = (distance: number, half: number, footprint: number): number =>
    clamp((half - Math.abs(distance)) / footprint + 0.5);
  const mix = (out: Float64Array, at: number, share: number): void => {
    for (let c = 0; c < 3; c++) out[c] += (materials[at + c] - out[c]) * share;
  };
  const scale = (out: Float64Array, factor: number): void => {
    out[0] *= factor;
    out[1] *= factor;
    out[2] *= factor;
  };

  const asphalt = (u: number, v: number, foot: number, out: Float64Array): void => {
    const grain = noise.cell(u * 55, v * 55) - 0.5 + (noise.at(u * 21, v * 21) - 0.5) * 0.8;
    const stains =
      noise.fractal(u * 0.22, v * 0.7) - 0.5 + (noise.at(u * 1.7, v * 2.3) - 0.5) * 0.35 * fine(foot, 0.4);
    scale(out, 1 + 0.5 * grain * fine(foot, 0.02) + 0.5 * stains);
    const patch = noise.cell(u / 9 + 100, v / 2.6 + 40);
    if (patch < 0.1) scale(out, 0.72 + patch * 1.5);
    const crack =
      Math.abs(noise.at(u * 0.45 + 9, v * 0.45) - 0.5) + 0.2 * Math.abs(noise.at(u * 3, v * 3) - 0.5);
    if (crack < 0.016) scale(out, 1 - 0.5 * fine(foot, 0.05));
  };

  const road = (m: number, s: number, t: number, foot: number, out: Float64Array): void => {
    asphalt(s, t, foot, out);
    const p = m + 11;
    const lane = materials[p];
    const half = lane * materials[p + 1];
    const side = Math.abs(t);
    if (side < half) {
      const across = ((side % lane) / lane - 0.5) * lane;
      const track = Math.abs(Math.abs(across) - 0.78);
      scale(out, 1 - 0.11 * clamp(1 - track / 0.42) - 0.06 * clamp(1 - Math.abs(across) / 0.3));
    }
    let line = 0;
    const dash = (s + 400) % 9 < 3 ? 1 : 0;
    line = band(t, 0.065, foot) * dash;
    for (let k = 1; k < materials[p + 1]; k++)
      line = Math.max(line, band(side - k * lane, 0.06, foot) * dash);
    if (materials[p + 2] > 0) line = Math.max(line, band(side - half + 0.1, 0.065, foot));
    const crossS = materials[p + 3];
    const away = s - crossS;
    const cut = materials[p + 4];
    if (Math.abs(away) < cut + 0.8 && materials[p + 2] === 0) line *= Math.abs(away) < cut ? 0 : 1;
    const along = foot * 5;
    if (cut > 0 && Math.abs(away) < cut + 8 && side < half) {
      const before = t < 0 ? -away - cut : away - cut;
      line = Math.max(line, band(before - 5.6, 0.24, along));
      if (Math.floor(crossS) % 2 === 0)
        line = Math.max(
          line,
          band(Math.abs(away) - cut - 3.1, 1.5, along) * band(((side + 0.5) % 1) - 0.5, 0.26, foot),
        );
    }
    if (line > 0) {
      const worn =
        0.55 + 0.9 * noise.fractal(s * 2.1, t * 3.7) - 0.25 * noise.cell(s * 40, t * 40) * fine(foot, 0.03);
      mix(out, m + 4, line * clamp(worn));
    }
    if (side > half + 0.3) scale(out, 0.9);
  };

  const paving = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const w = materials[m + 11];
    const h = materials[m + 12];
    const row = Math.floor(v / h);
    const x = u / w + (row & 1) * 0.5;
    const column = Math.floor(x);
    scale(
      out,
      0.9 +
        (noise.cell(column, row) - 0.5) * 0.28 * fine(foot, w) +
        (noise.fractal(u * 0.4, v * 0.6) - 0.4) * 0.5,
    );
    const gap = Math.min((x - column) * w, (1 - x + column) * w, v - row * h, (row + 1) * h - v);
    scale(out, 1 - 0.4 * clamp((0.012 - gap) / Math.max(0.006, foot) + 0.5) * fine(foot, 0.03));
  };

  const grass = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    mix(out, m + 4, clamp(noise.fractal(u * 0.35, v * 0.35) * 2.2 - 0.75) * 0.75);
    const blades = noise.at(u * 26, v * 26) * 0.6 + noise.cell(u * 60, v * 60) * 0.4;
    const clumps = noise.at(u * 4.5, v * 4.5);
    scale(
      out,
      0.62 +
        0.55 * blades * fine(foot, 0.06) +
        0.25 * (1 - fine(foot, 0.06)) +
        0.32 * clumps * fine(foot, 0.4),
    );
  };

  const field = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const angle = materials[m + 11];
    const x = u * Math.cos(angle) + v * Math.sin(angle);
    const y = v * Math.cos(angle) - u * Math.sin(angle);
    mix(out, m + 4, noise.cell(x / 55 + 7, y / 90 + 3) > 0.5 ? 0.85 : 0.1);
    scale(
      out,
      0.75 +
        0.35 * noise.fractal(u * 0.12, v * 0.12) +
        0.35 * (noise.at(u * 7, v * 7) - 0.4) * fine(foot, 0.15),
    );
    scale(out, 1 + 0.12 * Math.sin(x * 3.6) * fine(foot, 0.5));
  };

  const plaster = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const shift = materials[m + 11];
    scale(
      out,
      0.9 +
        0.2 * noise.fractal(u * 0.35 + shift, v * 0.35) +
        0.07 * (noise.at(u * 30, v * 30) - 0.5) * fine(foot, 0.03),
    );
    scale(out, 1 - 0.18 * clamp(noise.at(u * 2.2 + shift, v * 0.16) * 1.6 - 0.9) - 0.16 * clamp(1 - v / 0.9));
  };

  const bond = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const row = Math.floor(v / 0.075);
    const x = u / 0.24 + (row & 1) * 0.5;
    const column = Math.floor(x);
    const seen = fine(foot, 0.05);
    scale(
      out,
      0.92 + 0.4 * (noise.cell(column, row) - 0.45) * seen + 0.3 * (noise.fractal(u * 0.3, v * 0.3) - 0.5),
    );
    const joint = (x - column) * 0.24 < 0.012 || v - row * 0.075 < 0.012;
    mix(out, m + 4, joint ? 0.7 * seen : 0.18 * (1 - seen));
  };

  const tiles = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const size = materials[m + 11];
    const row = Math.floor(v / size);
    const x = u / (size * 0.75);
    const column = Math.floor(x);
    const seen = fine(foot, size * 0.6);
    const inRow = v / size - row;
    scale(
      out,
      0.85 +
        0.35 * (noise.cell(column, row) - 0.4) * seen +
        0.35 * (noise.fractal(u * 0.25, v * 0.25) - 0.45),
    );
    scale(out, 1 - (inRow < 0.16 ? 0.42 : 0) * seen + 0.14 * Math.sin((x - column) * Math.PI) * seen);
  };

  const glass = (m: number, u: number, v: number, out: Float64Array): void => {
    const shift = materials[m + 11];
    const window = noise.cell(Math.floor(u / 1.3) + shift, Math.floor(v / 2.9) + 13);
    const fx = (u / 1.3 - Math.floor(u / 1.3)) * 2 - 1;
    if (window < 0.45) mix(out, m + 4, Math.abs(fx) > 0.25 + window ? 0.55 + 0.15 * Math.sin(u * 40) : 0.04);
    else if (window > 0.8 && v / 2.9 - Math.floor(v / 2.9) > 1.9 - window) mix(out, m + 4, 0.7);
  };

  const paint = (m: number, u: number, v: number, foot: number, out: Float64Array): void => {
    const p = m + 11;
    const length = materials[p + 4];
    if (v < 0.64 && v > 0.19) {
      let seam = 0;
      for (let k = 1; k < 4; k++) seam = Math.max(seam, band((u - materials[p + k]) * length, 0.006, foot));
      scale(out, 1 - 0.75 * seam);
      for (let k = 1; k < 3; k++) {
        const handle = (u - materials[p + k]) * length - 0.14;
        if (Math.abs(handle) < 0.08 && Math.abs(v - 0.575) < 0.009) scale(out, 0.45);
      }
    }
    if (v < 0.3) {
      const dirt = 0.3 * clamp((0.3 - v) * 5) * noise.fractal(u * 9, v * 9);
      for (let c = 0; c < 3; c++) out[c] += (0.13 - out[c]) * dirt;
    }
  };

  const sign = (m: number, u: number, v: number, out: Float64Array): void => {
    const shape = materials[m + 11];
    const seed = materials[m + 12];
    const r = Math.hypot(u, v);
    const set = (red: number, green: number, blue: number): void => {
      out[0] = red;
      out[1] = green;
      out[2] = blue;
    };
    if (shape === 0) {
      if (r > 0.76) set(0.55, 0.02, 0.025);
      else if (noise.cell(u * 5 + seed, v * 4 + 9) > 0.62 && r < 0.5) set(0.02, 0.02, 0.02);
    } else if (shape === 1) {
      if (v < -0.36 || Math.abs(u) * 1.7 + v > 0.62) set(0.55, 0.02, 0.025);
      else if (Math.abs(u) < 0.08 && v < 0.35) set(0.02, 0.02, 0.02);
    } else if (shape === 2) {
      set(0.55, 0.02, 0.025);
      if (Math.abs(v) < 0.2 && Math.abs(u) < 0.7 && Math.abs(u * 6) % 1.2 > 0.35) set(0.8, 0.8, 0.8);
    } else if (shape === 3) {
      if (Math.abs(u) + Math.abs(v) < 0.62) set(0.85, 0.55, 0.02);
    } else if (shape === 4) {
      set(0.02, 0.1, 0.42);
      if (Math.abs(u) < 0.08 || (v > 0.2 && v < 0.35 && Math.abs(u) < 0.4)) set(0.8, 0.8, 0.8);
    } else {
      const letter = noise.cell(u * 6.5 + seed, 3);
      if (u > 0.3 && letter > 0.35 && Math.abs(v - 0.23) < 0.09 + 0.05 * letter) set(0.75, 0.73, 0.66);
    }
  };

  return (material, u, v, foot, out) => {
    const m = material * materialStride;
    out[0] = materials[m + 1];
    out[1] = materials[m + 2];
    out[2] = materials[m + 3];
    switch (materials[m]) {
      case Surface.asphalt:
        return asphalt(u, v, foot, out);
      case Surface.road:
        return road(m, u, v, foot, out);
      case Surface.paving:
        return paving(m, u, v, foot, out);
      case Surface.grass:
        return grass(m, u, v, foot, out);
      case Surface.field:
        return field(m, u, v, foot, out);
      case Surface.plaster:
        return plaster(m, u, v, foot, out);
      case Surface.brick:
        return bond(m, u, v, foot, out);
      case Surface.tiles:
        return tiles(m, u, v, foot, out);
      case Surface.glass:
        return glass(m, u, v, out);
      case Surface.paint:
        return paint(m, u, v, foot, out);
      case Surface.sign:
        return sign(m, u, v, out);
      case Surface.bark:
        return scale(out, 0.65 + 0.7 * noise.at(u * 14, v * 2.2));
      case Surface.concrete:
        scale(
          out,
          0.85 +
            0.3 * noise.fractal(u * 0.9, v * 0.9) +
            0.12 * (noise.at(u * 20, v * 20) - 0.5) * fine(foot, 0.05),
        );
        return scale(out, materials[m + 11] > 0 && u - Math.floor(u) < 0.02 + foot * 0.3 ? 0.75 : 1);
      case Surface.cloth:
        if (materials[m + 11] === 1 && (v * 14) % 1 < 0.4) scale(out, 0.55);
        return scale(out, 0.8 + 0.4 * noise.at(u * 9, v * 12));
      case Surface.rim: {
        const r = Math.hypot(u, v);
        const spoke = Math.cos(Math.atan2(v, u) * materials[m + 11]);
        return scale(out, r > 0.9 || r < 0.2 ? 1 : spoke > -0.1 ? 0.9 : 0.12);
      }
      case Surface.plate: {
        const letter = noise.cell(Math.floor(u * 17) + materials[m + 11], 5);
        const ink = v > 0.025 && v < 0.085 && u > 0.06 && u < 0.48 && letter > 0.3 && (u * 17) % 1 < 0.72;
        if (ink) scale(out, 0.06);
        else if (u < 0.045) {
          out[0] = 0.02;
          out[1] = 0.08;
          out[2] = 0.45;
        }
        return;
      }
      case Surface.panels: {
        const step = materials[m + 11];
        const joint = (u / step - Math.floor(u / step)) * step;
        mix(out, m + 4, step < 0.08 ? ((v * 40) % 1 < 0.3 ? 0.6 : 0) : 0);
        return scale(out, joint < Math.max(0.012, foot * 0.8) ? 1 - 0.35 * fine(foot, step * 0.4) : 1);
      }
      case Surface.door:
        return scale(
          out,
          (u * 2.2) % 1 < 0.08 || (v * 1.3) % 1 < 0.06 ? 0.6 : 0.9 + 0.2 * noise.at(u * 3, v * 20),
        );
    }
  };
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
