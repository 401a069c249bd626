import { Random } from '../../../engine/random.ts';
import type { Box3 } from '../../../geometry/box.ts';
import { type Matrix44, transformPoint } from '../../../geometry/matrix.ts';
import { inverseRigid } from '../../../geometry/rigid-transform.ts';
import type { RgbImage } from '../../../image/rgb-image.ts';
import type { ObjectLabel } from '../../frame.ts';
import type { Scene, SceneObject } from '../compose-scene.ts';
import { labelObjects } from '../label-objects.ts';
import { hdl64, type ScannerOptions } from '../laser-scanner.ts';
import { createCamera, kittiImageSize, type SceneCamera } from '../scene-camera.ts';
import { takePicture } from '../take-picture.ts';
import { composeDrive, type Drive, place } from './compose-drive.ts';
import { boxAt } from './drive-object.ts';
import { scanTurn } from './scan-turn.ts';
import { timeOfFrame } from './timeline.ts';

export interface DriveRenderOptions {
  /** Pixels; KITTI's 1242 x 375 by default. */
  readonly imageSize?: { readonly width: number; readonly height: number };
  /** KITTI's scanner by default. */
  readonly scanner?: ScannerOptions;
  /** Whether each firing of the scanner has its own time; otherwise all are of one instant. */
  readonly rolling?: boolean;
}

/** One frame of a drive, in KITTI's conventions. */
export interface DriveFrame {
  /** Rows of x, y, z (metres, in the LiDAR frame at the point's own time) and reflectance 0..1. */
  readonly points: Float32Array;
  readonly image: RgbImage;
  /** Boxes where they are at the frame's time, in the LiDAR frame. */
  readonly labels: readonly ObjectLabel[];
  /** The drive's world from the LiDAR at the frame's time. */
  readonly worldFromLidar: Matrix44;
  readonly camera: SceneCamera;
}

/** Makes the frames of drive `drive` of a seed, in any order; a frame is the same for the same arguments. */
export function openDrive(
  seed: number | string,
  drive: number,
  options: DriveRenderOptions = {},
): { readonly drive: Drive; readonly camera: SceneCamera; frame(index: number): DriveFrame } {
  const random = Random.fromSeed(seed).fork('drive', drive);
  const world = composeDrive(seed, drive);
  const { width, height } = options.imageSize ?? kittiImageSize;
  const camera = createCamera(width, height);
  return {
    drive: world,
    camera,
    frame(index) {
      const timeS = timeOfFrame(index);
      const worldFromLidar = world.worldFromLidarAt(timeS);
      const { scene, clear } = sceneAt(world, timeS);
      const tint = random.fork('camera');
      const picture = takePicture(scene, camera, random.fork('picture', index), { worldFromLidar, tint });
      const lidarFromWorld = inverseRigid(worldFromLidar);
      const objects = scene.objects.map((object): SceneObject => {
        return { ...object, box: boxFrom(lidarFromWorld, object.box) };
      });
      const labels = labelObjects({ ...scene, objects }, camera, picture);
      clear();
      const points = scanTurn(world, timeS, {
        scanner: options.scanner ?? hdl64,
        rolling: options.rolling ?? false,
        device: random.fork('scanner'),
        noise: random.fork('sweep', index),
      });
      return { points, image: picture.image, labels, worldFromLidar, camera };
    },
  };
}

/** The world at a time, with all objects in place; `clear` takes those that move away again. */
function sceneAt(drive: Drive, timeS: number): { scene: Scene; clear: () => void } {
  const { mesh, still, triangles, materials, weather, noise, street } = drive;
  const objects = drive.objects.map((object, k): SceneObject => {
    const pose = object.poseAt(timeS);
    const [firstIndex, lastIndex] =
      pose === undefined ? [0, 0] : (triangles.get(k) ?? place(mesh, object, k, pose));
    const box = pose ? boxAt(object.body, pose) : nowhere;
    return { id: k + 1, trackId: k, type: object.body.type, box, firstIndex, lastIndex };
  });
  const clear = (): void => {
    mesh.vertexCount = still.vertexCount;
    mesh.indexCount = still.indexCount;
  };
  return { scene: { mesh, materials, objects, weather, noise, street }, clear };
}

/** Of what is not in the world: far away from it. */
const nowhere: Box3 = { center: [1e6, 1e6, -1e4], sizeM: [1, 1, 1], yaw: 0 };

/** An upright box in another frame that is nearly upright: its centre exactly, its heading laid on the ground. */
export function boxFrom(bFromA: Matrix44, { center, sizeM, yaw }: Box3): Box3 {
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  return {
    center: transformPoint(bFromA, center),
    sizeM,
    yaw: Math.atan2(bFromA[4] * cos + bFromA[5] * sin, bFromA[0] * cos + bFromA[1] * sin),
  };
}
