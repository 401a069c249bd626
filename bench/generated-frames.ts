import type { Frame } from '../src/datasets/frame.ts';
import { composeScene } from '../src/datasets/scenes/compose-scene.ts';
import { scan } from '../src/datasets/scenes/laser-scanner.ts';
import { createCamera, kittiImageSize } from '../src/datasets/scenes/scene-camera.ts';
import type { Random } from '../src/engine/random.ts';
import { rectFromLidar } from '../src/geometry/kitti-calibration.ts';

/** A sweep of a generated driving scene, 64 beams, with a camera that has a black picture: where only points matter. */
export function generatedFrame(random: Random): Frame {
  const { width, height } = kittiImageSize;
  const { calibration } = createCamera(width, height);
  return {
    id: 'generated',
    points: scan(composeScene(random.fork('scene')), random.fork('scanner')),
    cameras: [
      {
        name: 'image_2',
        image: { width, height, data: new Uint8Array(width * height * 3) },
        pixelFromCamera: calibration.p2,
        cameraFromLidar: rectFromLidar(calibration),
      },
    ],
    labels: undefined,
  };
}
