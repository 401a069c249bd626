import type { Scene } from './compose-scene.ts';
import { createVisibilityBuffer, drawPerspective } from './rasteriser.ts';
import { type Picture, samplesPerSide } from './take-picture.ts';

/**
 * Metres along the camera's axis to what the middle of each pixel shows, row by row; 0 for the sky. Drawn anew with one
 * sample a pixel: the samples of the picture lie beside the middles, and across an edge their mean is the depth of nothing.
 */
export function takeDepth(scene: Scene, { image, homogeneous }: Picture): Float32Array {
  const middles = homogeneous.map((value, i) => (i % 3 === 2 ? value : value / samplesPerSide));
  const seen = createVisibilityBuffer(image.width, image.height);
  drawPerspective(seen, scene.mesh, middles, scene.materials);
  return seen.nearness.map((nearness) => (nearness > 0 ? 1 / nearness : 0));
}
