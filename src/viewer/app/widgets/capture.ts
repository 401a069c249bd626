import type { PicturePane } from '../picture/picture-pane.ts';
import type { Stage } from '../scene/stage.ts';

/** Saves what is on the stage, the picture below it and the lines between them as one PNG. */
export async function savePicture(
  stage: Stage,
  picture: PicturePane | undefined,
  { links, name }: { readonly links: HTMLCanvasElement; readonly name: string },
): Promise<void> {
  const space = await createImageBitmap(await stage.picture());
  const below = picture?.image;
  // The lines reach over both panes and the bar between them.
  const height = Math.max(links.height, space.height + (below?.height ?? 0));
  const canvas = new OffscreenCanvas(space.width, below === undefined ? space.height : height);
  const context = canvas.getContext('2d')!;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--panel');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(space, 0, 0);
  if (below !== undefined) context.drawImage(below, 0, height - below.height);
  if (Number(links.dataset.lines) > 0) context.drawImage(links, 0, 0);
  saveFile(await canvas.convertToBlob({ type: 'image/png' }), `${name}.png`);
}

/** Has the browser save a file. */
export function saveFile(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(address);
}
