import type { LabelLayer } from './labels.ts';
import type { Theme } from './themes.ts';

/** A PNG of what is on a canvas that was drawn in the same task, with labels over it. */
export async function pictureOf(
  canvas: HTMLCanvasElement,
  labels: LabelLayer,
  options: { readonly theme: Theme; readonly pixelRatio: number },
): Promise<Blob> {
  const copy = document.createElement('canvas');
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext('2d');
  if (context === null) throw new Error('This browser gave no canvas to draw a picture on.');
  context.drawImage(canvas, 0, 0);
  context.scale(options.pixelRatio, options.pixelRatio);
  labels.drawOn(context, options.theme);
  const blob = await new Promise<Blob | null>((resolve) => copy.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('This browser could not write the picture.');
  return blob;
}
