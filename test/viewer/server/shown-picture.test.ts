import { afterEach, describe, expect, it } from 'vitest';
import type { Sequence } from '../../../src/datasets/sequence.ts';
import { identity44 } from '../../../src/geometry/matrix.ts';
import { decodeImage, encodeJpeg, encodePng } from '../../../src/image/decode-image.ts';
import { undistortImage } from '../../../src/image/undistort.ts';
import { FolderGuard } from '../../../src/viewer/server/folder-guard.ts';
import type { SessionParts } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { shownPicture } from '../../../src/viewer/server/shown-picture.ts';
import { removeFolders, temporaryFolder, write } from './tiny-data.ts';

afterEach(removeFolders);

const [width, height] = [96, 64];
/** A slope of grey, which JPEG keeps. */
const image = {
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, k) => 40 + 2 * (Math.floor(k / 3) % width)),
};
const camera = {
  pixelFromCamera: Float64Array.of(100, 0, 48, 0, 0, 100, 32, 0, 0, 0, 1, 0),
  lens: { k1: -0.9, k2: 0, p1: 0, p2: 0, k3: 0 },
};

describe('a picture that is shown', () => {
  it('is without its lens where the camera has one', async () => {
    for (const bytes of [await encodePng(image), await encodeJpeg(image, { quality: 98 })]) {
      const shown = await shownPicture({ bytes, file: 'a picture' }, camera);
      expect(shown).toMatchObject({ type: 'image/jpeg', width, height });
      const { data } = await decodeImage(shown.bytes);
      const bent = undistortImage(image, camera).data;
      const far = (other: Uint8Array) =>
        data.reduce((sum, value, k) => sum + Math.abs(value - other[k]), 0) / data.length;
      expect(far(bent)).toBeLessThan(1.5);
      expect(far(image.data)).toBeGreaterThan(3);
    }
  });

  it('is as it was stored where it is a JPEG of a pinhole, and WebP otherwise', async () => {
    const bytes = await encodeJpeg(image);
    expect((await shownPicture({ bytes, file: 'a picture' })).bytes).toBe(bytes);
    expect(await shownPicture({ bytes: await encodePng(image), file: 'a picture' })).toMatchObject({
      type: 'image/webp',
      width,
      height,
    });
  });

  it('is refused where it is damaged', async () => {
    const bytes = (await encodeJpeg(image)).subarray(0, 400);
    await expect(shownPicture({ bytes, file: 'f.jpg' }, camera)).rejects.toThrow('f.jpg: expected a whole');
  });
});

/** A session of one frame, whose picture and calibration are in one file; data with a lens is opened by no path here. */
const sessionOf = Session as unknown as new (title: string, parts: SessionParts) => Session;

describe('a session of pictures with a lens', () => {
  it.each([
    ['takes it away', true],
    ['shows them as they are where the calibration cannot be read', false],
  ])('%s', async (_, isReadable) => {
    const file = `${temporaryFolder()}/frame.png`;
    const bytes = await encodePng(image);
    write(file, bytes);
    const parts = { picture: [file], calibration: [isReadable ? file : `${file}.missing`] };
    const sequence: Pick<Sequence, 'moments' | 'root' | 'picture' | 'camera'> = {
      root: file,
      moments: [{ id: '000', files: parts, pictures: { FRONT: [file] }, notes: [] }],
      picture: async () => ({ bytes, file }),
      camera: async () => ({ name: 'FRONT', cameraFromLidar: identity44(), ...camera }),
    };
    const session = new sessionOf('a drive', {
      sequence: sequence as Sequence,
      reference: undefined,
      first: 0,
      guard: await FolderGuard.over([file]),
      ...{
        problem: undefined,
        only: undefined,
        notes: [],
        run: undefined,
        detections: undefined,
        learned: undefined,
      },
    });
    const shown = await session.picture(0);
    expect(shown.bytes).toEqual((await shownPicture({ bytes, file }, isReadable ? camera : undefined)).bytes);
    expect(shown.type).toBe(isReadable ? 'image/jpeg' : 'image/webp');
  });
});
