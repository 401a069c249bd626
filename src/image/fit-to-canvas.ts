import type { Random } from '../engine/random.ts';
import { crop, flip, type ImageSize, type ImageView, imageView, resize } from './image-view.ts';

/**
 * A picture scaled into a canvas: by a factor drawn from `scale` times what makes it fit, cut at a random place where it is
 * larger, and mirrored where that is wanted. What is smaller leaves the canvas's right and bottom empty.
 */
export function fitToCanvas(
  picture: ImageSize,
  random: Random,
  options: {
    readonly canvas: ImageSize;
    readonly scale: readonly [low: number, high: number];
    readonly mirrored: boolean;
  },
): ImageView {
  const { canvas, scale, mirrored } = options;
  const { width, height } = picture;
  const fit = Math.min(canvas.width / width, canvas.height / height);
  const factor = fit * random.uniform(...scale);
  const size = {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
  };
  let view = resize(imageView(picture), size);
  const cut = { width: Math.min(size.width, canvas.width), height: Math.min(size.height, canvas.height) };
  const left = random.integer(size.width - cut.width + 1);
  const top = random.integer(size.height - cut.height + 1);
  if (cut.width < size.width || cut.height < size.height) view = crop(view, { left, top, ...cut });
  return mirrored ? flip(view) : view;
}
