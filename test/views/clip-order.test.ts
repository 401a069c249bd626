import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { collatePictureClips } from '../../src/views/collate-clips.ts';
import {
  drawClipOrder,
  drawnFrames,
  drawPictureClip,
  type PictureClipView,
} from '../../src/views/picture-clip.ts';

const view: PictureClipView = {
  kind: 'picture-clip',
  clip: { frames: 5, gapS: 0.5 },
  picture: { width: 4, height: 2 },
  colours: 'imagenet-rgb',
};

/** A picture of one grey. */
function grey(value: number): RgbImage {
  return { width: 8, height: 4, data: new Uint8Array(96).fill(value) };
}

/** What a grey of this value is in red once it is normalised (ImageNet's mean 0.485 and deviation 0.229). */
const normalised = (value: number) => (value / 255 - 0.485) / 0.229;

describe('the order of a clip', () => {
  it('is that of the times, or any permutation as often as another', () => {
    expect([...drawClipOrder(view, Random.fromSeed(0))]).toEqual([0, 1, 2, 3, 4]);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 1200; draw++) {
      const three = { ...view, clip: { frames: 3, gapS: 1 }, shuffled: true };
      const order = `${drawClipOrder(three, Random.fromSeed(draw))}`;
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 200 each, with a standard deviation of 13.
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
  });

  it('goes with the pictures that are drawn, and with their times', () => {
    const pictures = [40, 80, 120, 160, 200].map(grey);
    const timesS = [1, 1.5, 2, 2.5, 3];
    for (const shuffled of [false, true]) {
      const config = { ...view, shuffled };
      const clips = [0, 1].map((seed) =>
        drawPictureClip({ pictures, sequence: 3, timesS }, Random.fromSeed(seed), config),
      );
      const { pixels, order, timeS } = collatePictureClips(clips, config) as {
        readonly [leaf: string]: { readonly data: Float32Array; readonly shape: readonly number[] };
      };
      expect([pixels.shape, order.shape]).toEqual([[10, 2, 4, 3], [10]]);
      order.data.forEach((place, row) => {
        expect(pixels.data[24 * row]).toBeCloseTo(normalised(40 + 40 * place), 5);
        expect(timeS.data[row]).toBe(1 + 0.5 * place);
      });
    }
  });

  it('has no part in how a picture is drawn: crop and colours are those that it has in the order of time', () => {
    const noisy = Random.fromSeed('noise');
    const pictures = Array.from({ length: 5 }, () => ({
      ...grey(0),
      data: Uint8Array.from({ length: 96 }, () => noisy.integer(256)),
    }));
    const drawn = {
      ...view,
      picture: {
        ...view.picture,
        crop: { area: [0.3, 1] as const },
        jitter: { probability: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      },
    };
    const draw = (shuffled: boolean) =>
      drawPictureClip({ pictures, sequence: 0, timesS: [0, 1, 2, 3, 4] }, Random.fromSeed('clip'), {
        ...drawn,
        shuffled,
      });
    const [inTime, shuffled] = [draw(false), draw(true)];
    expect([...shuffled.order]).not.toEqual([...inTime.order]);
    shuffled.order.forEach((moment, place) => {
      expect(shuffled.steps[place]).toEqual(inTime.steps[moment]);
    });
    // And the crops of a clip differ.
    expect(new Set(inTime.steps.map((steps) => JSON.stringify(steps))).size).toBe(5);
  });
});

describe('tuples', () => {
  const tuples = { ...view, tuple: { outOfOrder: 0.75 } };
  const draws = Array.from({ length: 2000 }, (_, seed) => [...drawClipOrder(tuples, Random.fromSeed(seed))]);

  it('are (b, c, d), (b, a, d) and (b, e, d), either way round, in their shares', () => {
    const counts = new Map<string, number>();
    for (const draw of draws) counts.set(`${draw}`, (counts.get(`${draw}`) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual(['1,0,3', '1,2,3', '1,4,3', '3,0,1', '3,2,1', '3,4,1']);
    // In order a quarter, each of the two others three eighths, each half from behind: standard deviations of 15 to 18.
    for (const [tuple, count] of counts)
      expect(Math.abs(count - (tuple[2] === '2' ? 250 : 375)), tuple).toBeLessThan(70);
  });

  it('need no other picture than their three', () => {
    const order = drawClipOrder(tuples, Random.fromSeed(4));
    const pictures: Array<RgbImage | undefined> = [];
    for (const moment of order) pictures[moment] = grey(50 * moment);
    const clip = { pictures, sequence: 0, timesS: [0, 0.5, 1, 1.5, 2] };
    const { pixels, ...drawn } = drawPictureClip(clip, Random.fromSeed(4), tuples);
    expect(drawn.order).toEqual(order);
    expect([drawnFrames(tuples), drawnFrames(view)]).toEqual([3, 5]);
    order.forEach((moment, place) => {
      expect(pixels[24 * place]).toBeCloseTo(normalised(50 * moment), 5);
    });
  });

  it('are of five frames', () => {
    const four = { ...tuples, clip: { frames: 4, gapS: 1 } };
    expect(() => drawClipOrder(four, Random.fromSeed(0))).toThrow(InputError);
    expect(() => drawClipOrder(four, Random.fromSeed(0))).toThrow(
      'view: clip.frames: expected 5 for tuples, found 4',
    );
  });
});
