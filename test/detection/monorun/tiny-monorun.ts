import type { Frame, ObjectLabel } from '../../../src/datasets/frame.ts';
import { observationAngle } from '../../../src/detection/detection-label.ts';
import { type MonorunConfig, monorunSmall } from '../../../src/detection/monorun/monorun-config.ts';
import type { ResNetConfig } from '../../../src/encoders/kinds/resnet.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { projectBox } from '../../../src/geometry/box-projection.ts';
import { multiply34by44 } from '../../../src/geometry/matrix.ts';
import { syntheticFrame } from '../../objectives/tiny-simipu.ts';

/** `monorunSmall` made so small that tfjs's own backend can follow. */
export function tinyMonorun(changes: Partial<MonorunConfig> = {}): MonorunConfig {
  return {
    ...monorunSmall,
    image: { ...monorunSmall.image, width: 96, height: 32 },
    imageEncoder: { ...(monorunSmall.imageEncoder as ResNetConfig), width: 4 },
    channels: 8,
    maxObjects: 6,
    minHeightPx: 1,
    regions: 3,
    coordinateChannels: 6,
    globalWidth: 16,
    latent: 4,
    monteCarlo: 8,
    ...changes,
  };
}

/** A car on the road, in the LiDAR frame. */
export function carAt(x: number, y: number, yaw: number): Box3 {
  return { center: [x, y, -0.8], sizeM: [4.1, 1.7, 1.5], yaw };
}

/** A picture with labelled cars whose 2D boxes are their projections, and LiDAR points all through the cars and around them. */
export function frameWithCars(
  seed: number,
  cars: readonly Box3[] = [carAt(12, 1, 0.4), carAt(25, -5, -2.2)],
): Frame {
  const frame = syntheticFrame(seed, { width: 480, height: 160 });
  const camera = frame.cameras[0];
  const pixelFromLidar = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const labels = cars.map(
    (box3): ObjectLabel => ({
      type: 'Car',
      truncation: 0,
      occlusion: 0,
      alpha: observationAngle(box3, camera.cameraFromLidar),
      box2: projectBox(box3, pixelFromLidar, camera.image)!,
      box3,
    }),
  );
  const random = Random.fromSeed(`points ${seed}`);
  const rows = cars.flatMap((car) =>
    Array.from({ length: 300 }, () => {
      const [length, width, height] = car.sizeM.map((side) => random.uniform(-0.7, 0.7) * side);
      const [c, s] = [Math.cos(car.yaw), Math.sin(car.yaw)];
      const [x, y, z] = car.center;
      return [x + c * length - s * width, y + s * length + c * width, z + height, 0.5];
    }),
  );
  return { ...frame, points: Float32Array.from([...frame.points, ...rows.flat()]), labels };
}
