import type { Scene } from './compose-scene.ts';
import { ContactShade, type Viewpoint } from './contact-shade.ts';
import { cutoutAt } from './cutouts.ts';
import { Cutout, materialStride, Surface } from './materials.ts';
import type { SunShadows } from './sun-shadows.ts';
import { surfaceTexture } from './surface-texture.ts';
import { sky } from './weather.ts';

/** Writes the light (linear RGB) that comes from triangle `triangle` along a ray of unit direction d from the eye. */
export type Shader = (triangle: number, dx: number, dy: number, dz: number, out: Float64Array) => void;

/** The light of a scene at an eye; `pixelAngle` is the angle of a pixel, radians, and the viewpoint, where it is not the origin, says where contact shade is worked out. */
export function createShader(
  scene: Scene,
  shadows: SunShadows,
  eye: ArrayLike<number>,
  pixelAngle: number,
  viewpoint?: Viewpoint,
): Shader {
  const { mesh, materials, weather, noise } = scene;
  const { sun, sunColor, skyColor, horizon, zenith, hazeM } = weather;
  const { positions, normals, uvs, exposures, indices } = mesh;
  const texture = surfaceTexture(materials, noise);
  const contact = new ContactShade(
    scene.objects.map((o) => o.box),
    viewpoint,
  );
  const albedo = new Float64Array(3);
  const mirror = new Float64Array(3);
  const bounce = [0.22, 0.2, 0.17].map((c, i) => c * (sunColor[i] * sun[2] * 0.6 + skyColor[i]));
  const hazeColor = horizon.map((c, i) => c * (0.62 + 0.02 * i));

  return (triangle, dx, dy, dz, out) => {
    const a = indices[3 * triangle];
    const b = indices[3 * triangle + 1];
    const c = indices[3 * triangle + 2];
    const ax = positions[3 * a];
    const ay = positions[3 * a + 1];
    const az = positions[3 * a + 2];
    const ex = positions[3 * b] - ax;
    const ey = positions[3 * b + 1] - ay;
    const ez = positions[3 * b + 2] - az;
    const fx = positions[3 * c] - ax;
    const fy = positions[3 * c + 1] - ay;
    const fz = positions[3 * c + 2] - az;
    const px = dy * fz - dz * fy;
    const py = dz * fx - dx * fz;
    const pz = dx * fy - dy * fx;
    const det = ex * px + ey * py + ez * pz;
    const inverse = Math.abs(det) < 1e-12 ? 0 : 1 / det;
    const sx = eye[0] - ax;
    const sy = eye[1] - ay;
    const sz = eye[2] - az;
    const qx = sy * ez - sz * ey;
    const qy = sz * ex - sx * ez;
    const qz = sx * ey - sy * ex;
    let wb = clamp((sx * px + sy * py + sz * pz) * inverse);
    let wc = clamp((dx * qx + dy * qy + dz * qz) * inverse);
    if (wb + wc > 1) {
      const over = 1 / (wb + wc);
      wb *= over;
      wc *= over;
    }
    const wa = 1 - wb - wc;
    const x = ax + ex * wb + fx * wc;
    const y = ay + ey * wb + fy * wc;
    const z = az + ez * wb + fz * wc;
    const distance = Math.sqrt((x - eye[0]) ** 2 + (y - eye[1]) ** 2 + (z - eye[2]) ** 2);
    let nx = normals[3 * a] * wa + normals[3 * b] * wb + normals[3 * c] * wc;
    let ny = normals[3 * a + 1] * wa + normals[3 * b + 1] * wb + normals[3 * c + 1] * wc;
    let nz = normals[3 * a + 2] * wa + normals[3 * b + 2] * wb + normals[3 * c + 2] * wc;
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    nx /= length;
    ny /= length;
    nz /= length;
    const material = mesh.materials[a];
    const m = material * materialStride;
    const kind = materials[m];
    const cutout = materials[m + 10];
    const leafy = kind === Surface.leaf;
    let facing = -(nx * dx + ny * dy + nz * dz);
    if (!leafy && facing < 0) {
      nx = -nx;
      ny = -ny;
      nz = -nz;
      facing = -facing;
    }
    const u = uvs[2 * a] * wa + uvs[2 * b] * wb + uvs[2 * c] * wc;
    const v = uvs[2 * a + 1] * wa + uvs[2 * b + 1] * wb + uvs[2 * c + 1] * wc;
    let open = exposures[a] * wa + exposures[b] * wb + exposures[c] * wc;
    const footprint = (distance * pixelAngle) / Math.sqrt(Math.max(0.04, facing));
    texture(material, u, v, kind === Surface.road ? distance * pixelAngle : footprint, albedo);
    const ndl = nx * sun[0] + ny * sun[1] + nz * sun[2];
    let sunlight = leafy ? 0.3 + 0.55 * Math.max(0, ndl) : Math.max(0, ndl);
    if (leafy) {
      const cell = cutoutAt(cutout, u, v) || 150;
      const light = cell / 190;
      const turn = noise.cell(triangle * 0.5, 3);
      for (let k = 0; k < 3; k++)
        albedo[k] = (albedo[k] + (materials[m + 4 + k] - albedo[k]) * turn * 0.6) * light;
      const through = Math.max(0, dx * sun[0] + dy * sun[1] + dz * sun[2]) ** 2 * 0.5 * open;
      sunlight += through;
      sunlight *= 0.35 + 0.65 * open;
      if (cutout === Cutout.grass) sunlight = 0.35 + 0.5 * sun[2] + through * 0.5;
    } else if (mesh.objects[a] === 0 && nz > 0.7) open *= contact.at(x, y);
    const lit =
      sunlight > 0.001
        ? shadows.lit(x, y, z, leafy ? 0 : nx, leafy ? 0 : ny, leafy ? 0 : nz, leafy ? 0.22 : 0.02)
        : 0;
    const up = 0.5 + 0.5 * nz;
    const direct = sunlight * lit;
    for (let k = 0; k < 3; k++) {
      const ambient = (skyColor[k] * up + bounce[k] * (1 - up)) * open;
      out[k] = albedo[k] * (sunColor[k] * direct + ambient);
    }
    const gloss = materials[m + 7];
    if (gloss > 0) {
      const clear = kind === Surface.carGlass || kind === Surface.glass;
      const fresnel = gloss * ((clear ? 0.07 : 0.045) + 0.75 * (1 - Math.min(1, facing)) ** 5);
      const rx = dx + 2 * facing * nx;
      const ry = dy + 2 * facing * ny;
      const rz = dz + 2 * facing * nz;
      if (rz > 0.08) sky(weather, noise, rx, ry, rz, mirror);
      else
        for (let k = 0; k < 3; k++)
          mirror[k] = rz > -0.04 ? 0.35 * zenith[k] * (0.4 + 0.2 * k) : bounce[k] * 1.3;
      const aligned = rx * sun[0] + ry * sun[1] + rz * sun[2];
      const flash = aligned > 0.9 ? lit * gloss * (aligned ** 500 * 9 + aligned ** 60 * 0.35) : 0;
      for (let k = 0; k < 3; k++)
        out[k] += (mirror[k] - out[k]) * fresnel * (0.4 + 0.6 * open) + flash * sunColor[k];
    }
    if (kind === Surface.light && materials[m + 11] > 0)
      for (let k = 0; k < 3; k++) out[k] += albedo[k] * materials[m + 11];
    const haze = 1 - Math.exp(-distance / hazeM);
    for (let k = 0; k < 3; k++) out[k] += (hazeColor[k] - out[k]) * haze;
  };
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
