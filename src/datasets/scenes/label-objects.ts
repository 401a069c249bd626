import { wrapAngle } from '../../geometry/angle.ts';
import type { Box3 } from '../../geometry/box.ts';
import { kittiFromBox } from '../../geometry/kitti-box.ts';
import type { ObjectLabel } from '../frame.ts';
import type { Scene, SceneObject } from './compose-scene.ts';
import { createVisibilityBuffer, drawPerspective, type VisibilityBuffer } from './rasteriser.ts';
import type { SceneCamera } from './scene-camera.ts';
import { type Picture, samplesPerSide } from './take-picture.ts';

/** Boxes lower than this, in pixels of a full-sized picture, and objects seen less than `minVisible` are DontCare. */
const minHeightPx = 13;
const minVisible = 0.1;

/**
 * The labels of a picture, nearest first, as KITTI has them: the share of an object's own samples that are seen in the
 * picture gives its occlusion (0 from 85 % on, 1 from 50 %, else 2), the share of its box outside gives the truncation.
 * What is too small or hardly visible is DontCare; what is not seen at all has no label.
 */
export function labelObjects(scene: Scene, camera: SceneCamera, picture: Picture): ObjectLabel[] {
  const { visibility, homogeneous } = picture;
  const seen = new Int32Array(scene.objects.length + 1);
  for (const triangle of visibility.triangle)
    if (triangle >= 0) seen[scene.mesh.objects[scene.mesh.indices[3 * triangle]]]++;
  const alone = createVisibilityBuffer(visibility.width, visibility.height);
  const scale = camera.height / 375;
  const labels: Array<{ distance: number; label: ObjectLabel }> = [];
  for (const object of scene.objects) {
    if (seen[object.id] === 0) continue;
    const extent = extentOf(scene, object, homogeneous);
    const width = camera.width - 1;
    const height = camera.height - 1;
    const clipped = [
      Math.max(0, extent[0]),
      Math.max(0, extent[1]),
      Math.min(width, extent[2]),
      Math.min(height, extent[3]),
    ] as const;
    if (clipped[2] <= clipped[0] || clipped[3] <= clipped[1]) continue;
    drawPerspective(alone, scene.mesh, homogeneous, scene.materials, object.firstIndex, object.lastIndex);
    const visible = seen[object.id] / Math.max(1, countAndClear(alone, clipped));
    const distance = Math.hypot(object.box.center[0], object.box.center[1]);
    const cared =
      visible >= minVisible &&
      clipped[3] - clipped[1] >= minHeightPx * scale &&
      seen[object.id] >= 40 * scale * scale;
    labels.push({ distance, label: cared ? labelOf(object, camera, clipped, visible) : dontCare(clipped) });
  }
  labels.sort((a, b) => a.distance - b.distance);
  const order = (label: ObjectLabel): number => (label.type === 'DontCare' ? 1 : 0);
  return labels.map(({ label }) => label).sort((a, b) => order(a) - order(b));
}

function labelOf(
  object: SceneObject,
  camera: SceneCamera,
  box2: ObjectLabel['box2'],
  visible: number,
): ObjectLabel {
  const { location, rotationY } = kittiFromBox(object.box, camera.rectFromLidar);
  return {
    type: object.type,
    truncation: outside(object.box, camera),
    occlusion: visible >= 0.85 ? 0 : visible >= 0.5 ? 1 : 2,
    alpha: wrapAngle(rotationY - Math.atan2(location[0], location[2])),
    box2,
    box3: object.box,
    ...(object.trackId === undefined ? {} : { trackId: object.trackId }),
  };
}

function dontCare(box2: ObjectLabel['box2']): ObjectLabel {
  return { type: 'DontCare', truncation: -1, occlusion: -1, alpha: -10, box2, box3: undefined };
}

/** How many samples are set in and next to a rectangle of pixels; they are unset again. */
function countAndClear(buffer: VisibilityBuffer, box: ObjectLabel['box2']): number {
  const sample = (pixel: number, limit: number): number =>
    Math.max(0, Math.min(limit, Math.round((pixel + 0.5) * samplesPerSide)));
  const left = sample(box[0] - 1, buffer.width);
  const right = sample(box[2] + 1, buffer.width);
  let count = 0;
  for (let row = sample(box[1] - 1, buffer.height); row < sample(box[3] + 1, buffer.height); row++)
    for (let at = row * buffer.width + left; at < row * buffer.width + right; at++) {
      if (buffer.nearness[at] > 0) count++;
      buffer.nearness[at] = 0;
    }
  return count;
}

/** The rectangle about an object's own shape, whether in the picture or not, in pixels; cut 0.3 m before the camera. */
function extentOf(
  scene: Scene,
  object: SceneObject,
  homogeneous: Float32Array,
): [number, number, number, number] {
  const extent: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  const near = 0.3;
  const include = (u: number, v: number, w: number): void => {
    const x = u / w / samplesPerSide - 0.5;
    const y = v / w / samplesPerSide - 0.5;
    extent[0] = Math.min(extent[0], x);
    extent[1] = Math.min(extent[1], y);
    extent[2] = Math.max(extent[2], x);
    extent[3] = Math.max(extent[3], y);
  };
  const { indices } = scene.mesh;
  for (let i = object.firstIndex; i < object.lastIndex; i++) {
    const a = 3 * indices[i];
    const wa = homogeneous[a + 2];
    if (wa > near) include(homogeneous[a], homogeneous[a + 1], wa);
    const b = 3 * indices[i % 3 === 2 ? i - 2 : i + 1];
    const wb = homogeneous[b + 2];
    if (wa > near === wb > near) continue;
    const t = (near - wa) / (wb - wa);
    include(
      homogeneous[a] + t * (homogeneous[b] - homogeneous[a]),
      homogeneous[a + 1] + t * (homogeneous[b + 1] - homogeneous[a + 1]),
      near,
    );
  }
  return extent;
}

/** The share of a box's volume that the picture does not show. */
function outside(box: Box3, camera: SceneCamera): number {
  const steps = 12;
  const p = camera.pixelFromLidar;
  const cos = Math.cos(box.yaw);
  const sin = Math.sin(box.yaw);
  let missed = 0;
  for (let i = 0; i < steps ** 3; i++) {
    const along = (((i % steps) + 0.5) / steps - 0.5) * box.sizeM[0];
    const across = (((Math.floor(i / steps) % steps) + 0.5) / steps - 0.5) * box.sizeM[1];
    const z = box.center[2] + ((Math.floor(i / steps ** 2) + 0.5) / steps - 0.5) * box.sizeM[2];
    const x = box.center[0] + cos * along - sin * across;
    const y = box.center[1] + sin * along + cos * across;
    const w = p[8] * x + p[9] * y + p[10] * z + p[11];
    const u = (p[0] * x + p[1] * y + p[2] * z + p[3]) / w;
    const v = (p[4] * x + p[5] * y + p[6] * z + p[7]) / w;
    if (w <= 0 || u < -0.5 || v < -0.5 || u > camera.width - 0.5 || v > camera.height - 0.5) missed++;
  }
  return missed / steps ** 3;
}
