import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  affineOf,
  cover,
  crop,
  flip,
  type ImageView,
  imageView,
  mapPixel,
  mapPixels,
  pad,
  recolour,
  resize,
  unmapPixels,
} from '../../src/image/image-view.ts';

const length = fc.integer({ min: 1, max: 400 });
type Change = (view: ImageView) => ImageView;

/** Any sequence of steps on any image. */
const views = fc
  .tuple(
    length,
    length,
    fc.array(
      fc.oneof(
        fc.tuple(length, length).map(
          ([width, height]): Change =>
            (view) =>
              resize(view, { width, height }),
        ),
        fc.constant<Change>(flip),
        fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(9)).map(
          ([left, top, right, bottom]): Change =>
            (view) =>
              pad(view, { left, top, right, bottom }),
        ),
        fc.tuple(fc.nat(399), fc.nat(399), fc.nat(399), fc.nat(399)).map(
          ([a, b, c, d]): Change =>
            (view) => {
              const left = a % view.width;
              const top = b % view.height;
              const width = 1 + (c % (view.width - left));
              return crop(view, { left, top, width, height: 1 + (d % (view.height - top)) });
            },
        ),
        fc.constant<Change>((view) => recolour(view, { kind: 'hue', turns: 0.1 })),
      ),
      { maxLength: 8 },
    ),
  )
  .map(([width, height, changes]) =>
    changes.reduce((view, change) => change(view), imageView({ width, height })),
  );

const point = fc.double({ min: -2000, max: 2000, noNaN: true });

describe('mapping pixels', () => {
  test('undoes itself', () => {
    fc.assert(
      fc.property(views, fc.array(fc.tuple(point, point), { maxLength: 5 }), (view, points) => {
        const rows = Float64Array.from(points.flat());
        const there = mapPixels(view, rows);
        const back = unmapPixels(view, there);
        const { scaleX, scaleY } = affineOf(view);
        rows.forEach((value, i) => {
          const scale = Math.abs(i % 2 === 0 ? scaleX : scaleY);
          const size = 1 + Math.abs(value) + Math.abs(there[i]) / scale;
          expect(Math.abs(back[i] - value)).toBeLessThan(1e-12 * size * Math.max(1, 1 / scale));
        });
        if (points.length > 0) expect([there[0], there[1]]).toEqual(mapPixel(view, ...points[0]));
      }),
    );
  });

  test('maps the corners of what is kept onto the corners of the view', () => {
    fc.assert(
      fc.property(length, length, length, length, (width, height, toWidth, toHeight) => {
        const view = resize(imageView({ width, height }), { width: toWidth, height: toHeight });
        expect(mapPixel(view, -0.5, -0.5)).toEqual([-0.5, -0.5]);
        const [right, bottom] = mapPixel(view, width - 0.5, height - 0.5);
        expect(right).toBeCloseTo(toWidth - 0.5, 9);
        expect(bottom).toBeCloseTo(toHeight - 0.5, 9);
      }),
    );
  });

  test('has the values that one works out by hand', () => {
    const view = imageView({ width: 10, height: 6 });
    expect(mapPixel(flip(view), 0, 3)).toEqual([9, 3]);
    expect(mapPixel(crop(view, { left: 2, top: 1, width: 4, height: 3 }), 2, 1)).toEqual([0, 0]);
    expect(mapPixel(pad(view, { left: 3, top: 2 }), 0, 0)).toEqual([3, 2]);
    expect(mapPixel(resize(view, { width: 5, height: 3 }), 0.5, 0.5)).toEqual([0, 0]);
    expect(mapPixel(resize(view, { width: 20, height: 12 }), 0, 5)).toEqual([0.5, 10.5]);
    expect(Array.from(mapPixels(flip(view), Float32Array.of(1, 2, 3, 4)))).toEqual([8, 2, 6, 4]);
  });

  test('the record is plain data', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(JSON.parse(JSON.stringify(view))).toEqual(view);
      }),
    );
  });
});

describe('cover', () => {
  test('scales until the size is filled and keeps the middle', () => {
    const view = cover(imageView({ width: 40, height: 20 }), { width: 10, height: 10 });
    expect(view.steps.map(({ kind }) => kind)).toEqual(['resize', 'crop']);
    expect(view).toMatchObject({ width: 10, height: 10 });
    const [x, y] = mapPixel(view, 19.5, 9.5);
    expect([x, y]).toEqual([4.5, 4.5]);
    expect(mapPixel(view, 9.5, -0.5)).toEqual([-0.5, -0.5]);
  });

  test('gives the asked size for every picture', () => {
    fc.assert(
      fc.property(length, length, length, length, (width, height, toWidth, toHeight) => {
        const view = cover(imageView({ width, height }), { width: toWidth, height: toHeight });
        expect([view.width, view.height]).toEqual([toWidth, toHeight]);
      }),
    );
  });
});

describe('what cannot be', () => {
  test.each<[string, Change]>([
    ['a crop to the right', (view) => crop(view, { left: 5, top: 0, width: 6, height: 1 })],
    ['a crop above', (view) => crop(view, { left: 0, top: -1, width: 1, height: 1 })],
    ['half a pixel', (view) => crop(view, { left: 0.5, top: 0, width: 1, height: 1 })],
    ['no pixels', (view) => resize(view, { width: 0, height: 5 })],
    ['too many pixels', (view) => resize(view, { width: 1e5, height: 1e5 })],
    ['a size that is no number', (view) => resize(view, { width: Number.NaN, height: 5 })],
    ['a negative border', (view) => pad(view, { left: -1 })],
    ['a negative blur', (view) => recolour(view, { kind: 'blur', sigma: -1, kernel: 3 })],
    ['a blur without a middle', (view) => recolour(view, { kind: 'blur', sigma: 1, kernel: 4 })],
    ['a hue that is no number', (view) => recolour(view, { kind: 'hue', turns: Number.NaN })],
    ['a fourth channel', (view) => recolour(view, { kind: 'keep-channel', channel: 3, noise: 1, seed: 1 })],
    [
      'an endless brightness',
      (view) => recolour(view, { kind: 'brightness', factor: Number.POSITIVE_INFINITY }),
    ],
  ])('%s is refused', (_, change) => {
    expect(() => change(imageView({ width: 10, height: 10 }))).toThrow(RangeError);
  });
});
