import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { applyImageView } from '../../src/image/augment.ts';
import { canvasInGraph } from '../../src/image/canvas-in-graph.ts';
import { fitToCanvas } from '../../src/image/fit-to-canvas.ts';
import { affineOf } from '../../src/image/image-view.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';
import { floats, runGraph } from '../engine/run-graph.ts';

const canvas = { width: 96, height: 32 };

describe('a picture on a canvas, in a graph', () => {
  it.each([
    { width: 310, height: 94, normalization: IMAGENET_RGB, what: 'shrunk, with room below' },
    { width: 124, height: 375, normalization: IMAGENET_BGR, what: 'shrunk, with room beside it' },
    { width: 96, height: 32, normalization: IMAGENET_RGB, what: 'as it is' },
    { width: 41, height: 13, normalization: IMAGENET_BGR, what: 'enlarged' },
    { width: 1242, height: 375, normalization: IMAGENET_RGB, what: 'of KITTI' },
  ])('$width x $height, $what: to the last bit', async ({ width, height, normalization }) => {
    const random = Random.fromSeed(`${width}`);
    const data = Uint8Array.from({ length: width * height * 3 }, () => random.integer(256));
    const picture = { width, height, data };
    const view = fitToCanvas(picture, random, { canvas, scale: [1, 1], mirrored: false });
    const expected = normalizeImage(applyImageView(picture, view), { ...normalization, padTo: canvas });
    const found = await runGraph(
      ({ graph }) => {
        const given = graph.input('image', 'float32', [173, 179, 3]);
        const { width: w, height: h, ...placed } = canvasInGraph(graph, given, { canvas, normalization });
        return placed as { [name: string]: typeof w };
      },
      { image: floats(Float32Array.from(data), [height, width, 3]) },
      { axes: { image: ['height', 'width', 3] } },
    );
    expect([...found.canvas.dims]).toEqual([1, 32, 96, 3]);
    const differing = (found.canvas.data as Float32Array).filter((value, i) => value !== expected[i]);
    expect(differing.length).toBe(0);
    const { scaleX, offsetX, scaleY, offsetY } = found;
    expect([scaleX, offsetX, scaleY, offsetY].map(({ data: [value] }) => value)).toEqual(
      Object.values(affineOf(view)),
    );
  });
});
