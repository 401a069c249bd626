import type { Random } from '../../engine/random.ts';
import { type Matrix44, multiply34by44, multiply44 } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import type { Scene } from './compose-scene.ts';
import {
  createVisibilityBuffer,
  drawPerspective,
  projectPerspective,
  type VisibilityBuffer,
} from './rasteriser.ts';
import type { SceneCamera } from './scene-camera.ts';
import { createShader } from './shader.ts';
import { SunShadows } from './sun-shadows.ts';
import { sky } from './weather.ts';

/** Samples of a pixel along each side. */
export const samplesPerSide = 2;

export interface Picture {
  readonly image: RgbImage;
  /** Which triangle each sample sees. */
  readonly visibility: VisibilityBuffer;
  /** Homogeneous samples of the mesh's vertices. */
  readonly homogeneous: Float32Array;
}

/** A camera that does not stand at the scene's origin. */
export interface MovingCamera {
  /** The scene's frame from that of the LiDAR. */
  readonly worldFromLidar: Matrix44;
  /** What the camera's colours are drawn with: the same for all pictures of a drive. */
  readonly tint: Random;
}

/** Takes the scene's picture: 2 x 2 samples of visibility a pixel, light worked out once for each surface in it. */
export function takePicture(
  scene: Scene,
  camera: SceneCamera,
  random: Random,
  moving?: MovingCamera,
): Picture {
  const { width, height } = camera;
  const pose = moving?.worldFromLidar;
  const p = pose ? multiply34by44(camera.pixelFromLidar, inverseRigid(pose)) : camera.pixelFromLidar;
  const matrix = Float64Array.from(p, (value, i) =>
    i < 8 ? samplesPerSide * (value + 0.5 * p[8 + (i % 4)]) : value,
  );
  const homogeneous = projectPerspective(scene.mesh, matrix);
  const visibility = createVisibilityBuffer(width * samplesPerSide, height * samplesPerSide);
  drawPerspective(visibility, scene.mesh, homogeneous, scene.materials);
  const viewpoint = pose && {
    x: pose[3],
    y: pose[7],
    z: pose[11],
    yaw: Math.atan2(pose[4], pose[0]),
  };
  const shadows = new SunShadows(
    scene.mesh,
    scene.materials,
    scene.weather.sun,
    width > 600 ? 1216 : 608,
    viewpoint,
  );
  const back = pose ? multiply44(pose, camera.lidarFromPixel) : camera.lidarFromPixel;
  const eye = [back[3], back[7], back[11]];
  const shade = createShader(scene, shadows, eye, 1 / camera.calibration.p2[0], viewpoint);
  const film = createFilm(random, width, height, scene.weather.exposure, moving?.tint);
  const data = new Uint8Array(3 * width * height);
  const light = new Float64Array(3);
  const sum = new Float64Array(3);
  const ids = new Int32Array(4);
  const shares = new Int32Array(4);
  const { triangle } = visibility;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const at = samplesPerSide * (row * visibility.width + column);
      const first = triangle[at];
      let kinds = 1;
      ids[0] = first;
      shares[0] = 4;
      if (
        triangle[at + 1] !== first ||
        triangle[at + visibility.width] !== first ||
        triangle[at + visibility.width + 1] !== first
      ) {
        kinds = 0;
        for (let k = 0; k < 4; k++) {
          const id = triangle[at + (k & 1) + (k >> 1) * visibility.width];
          let known = 0;
          while (known < kinds && ids[known] !== id) known++;
          if (known === kinds) {
            ids[kinds] = id;
            shares[kinds++] = 0;
          }
          shares[known]++;
        }
      }
      let x = back[0] * column + back[1] * row + back[2];
      let y = back[4] * column + back[5] * row + back[6];
      let z = back[8] * column + back[9] * row + back[10];
      const length = Math.sqrt(x * x + y * y + z * z);
      x /= length;
      y /= length;
      z /= length;
      sum[0] = sum[1] = sum[2] = 0;
      for (let k = 0; k < kinds; k++) {
        if (ids[k] < 0) sky(scene.weather, scene.noise, x, y, z, light);
        else shade(ids[k], x, y, z, light);
        const share = shares[k] / 4;
        for (let c = 0; c < 3; c++) sum[c] += share * Math.min(light[c], 4);
      }
      film(sum, row, column, data);
    }
  return { image: { width, height, data }, visibility, homogeneous };
}

/** What the sensor makes of light: falling off to the corners, a film-like curve, the screen's gamma, a little noise. */
function createFilm(
  random: Random,
  width: number,
  height: number,
  exposure: number,
  tintRandom: Random = random,
): (light: Float64Array, row: number, column: number, out: Uint8Array) => void {
  const steps = 2048;
  const top = 6;
  const curve = Float32Array.from({ length: steps + 1 }, (_, i) => {
    const x = (i / steps) * top * exposure;
    const bent = 1 - Math.exp(-0.95 * x - 0.75 * x * x);
    const screen = bent ** (1 / 2.2);
    return 255 * (screen + 0.35 * (screen * screen * (3 - 2 * screen) - screen));
  });
  const seed = random.uint32();
  const tint = [tintRandom.uniform(0.97, 1.03), 1, tintRandom.uniform(0.97, 1.05)];
  return (light, row, column, out) => {
    const fx = (column / width - 0.5) * 1.15;
    const fy = (row / height - 0.5) * 0.7;
    const vignette = 1 - 0.5 * (fx * fx + fy * fy);
    const at = 3 * (row * width + column);
    for (let c = 0; c < 3; c++) {
      const index = Math.min(steps, ((light[c] * tint[c] * vignette) / top) * steps);
      const i = index | 0;
      const value = curve[i] + (curve[Math.min(steps, i + 1)] - curve[i]) * (index - i);
      let h = Math.imul(at + c, 0x9e3779b1) ^ seed;
      h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
      h ^= h >>> 13;
      const grain = ((h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255)) / 382.5 - 1;
      out[at + c] = Math.max(0, Math.min(255, value + 0.5 + grain * (2 + 0.016 * value)));
    }
  };
}
