import { join } from 'node:path';
import { readFrameNames } from './frame-names.ts';
import { type IncompleteFrame, requireComplete } from './incomplete-frame.ts';
import { filesByStem, findKittiLayout, KITTI_IMAGE_ENDINGS } from './kitti-layout.ts';
import { objectCamera } from './kitti-object.ts';

/** The pictures of a KITTI object data set, whatever else of their frames is there. */
export interface KittiPictures {
  readonly ids: readonly string[];
  readonly files: readonly string[];
  /** Those that the image set lists and that are not there. */
  readonly incomplete: readonly IncompleteFrame[];
}

/**
 * Lists the pictures of a camera, by default the left colour one, of a split, or those of an image set; of the data set nothing else is needed.
 * Throws InputError for another layout, where there is no picture, and with `strict` for one that is listed and missing.
 */
export async function listKittiPictures(
  root: string,
  options: {
    readonly split?: 'training' | 'testing';
    readonly imageSet?: string;
    /** `image_2`, the left colour camera, by default, or `image_3`. */
    readonly camera?: string;
    readonly strict?: boolean;
  } = {},
): Promise<KittiPictures> {
  const { split = 'training', imageSet, strict } = options;
  const part = `image_${objectCamera(root, options.camera)}`;
  const layout = await findKittiLayout(root, split, [part]);
  const folder = join(layout.folder, part);
  const pictures = await filesByStem(folder, KITTI_IMAGE_ENDINGS);
  const wanted =
    imageSet === undefined
      ? [...pictures.keys()].sort()
      : await readFrameNames(join(layout.imageSets, `${imageSet}.txt`));
  const ids = wanted.filter((id) => pictures.has(id));
  const incomplete = wanted
    .filter((id) => !pictures.has(id))
    .map((id) => ({ id, missing: `${part}/${id}.png` }));
  requireComplete(layout.folder, { complete: ids.length, incomplete, strict });
  return { ids, files: ids.map((id) => join(folder, pictures.get(id)!)), incomplete };
}
