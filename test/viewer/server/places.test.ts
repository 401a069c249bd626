import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HostTensor, int32 } from '../../../src/engine/host-tensor.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import { multiply34by44, transformPoint } from '../../../src/geometry/matrix.ts';
import { flip, type ImageView, imageView, mapPixels, resize } from '../../../src/image/image-view.ts';
import { Encoders } from '../../../src/viewer/server/encoders.ts';
import { cellsOf, featuresOf, interpolation, placesOf } from '../../../src/viewer/server/places.ts';
import { bilinearCorners } from '../../../src/views/bilinear-corners.ts';
import { drawPointPair, type PointPairView } from '../../../src/views/point-pair.ts';
import { distance, uploadTree, valuesOf } from '../../nn/tensors.ts';
import {
  bothEncoders,
  changed,
  embedded,
  observedModel,
  pairView,
  syntheticFrame,
} from '../../objectives/tiny-simipu.ts';
import { lookingAt, wideRun } from './tiny-model.ts';

const drawnBy = 'a test';

describe('the places of a frame', () => {
  const frame = syntheticFrame('places');
  const { encoders: wide } = wideRun;
  const places = placesOf(frame, { encoders: wide, drawnBy });
  const { info, arrays } = places.table;

  it('are points of the sweep as it is, of four views, with their pixels on the picture', () => {
    expect(info).toEqual({ id: 'places', cellColumns: 3, cellRows: 2, reachM: 6, drawnBy });
    expect(arrays.places).toHaveLength(3 * 48);
    const known = new Set(
      Array.from({ length: 400 }, (_, i) => String([...frame.points.subarray(4 * i, 4 * i + 3)])),
    );
    const [camera] = frame.cameras;
    const matrix = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
    for (let p = 0; p < 48; p++) {
      const place = [...arrays.places.subarray(3 * p, 3 * p + 3)] as [number, number, number];
      expect(known.has(String(place))).toBe(true);
      const [x, y, w] = transformPoint(matrix, place);
      const [u, v] = arrays.pixels.subarray(2 * p, 2 * p + 2);
      if (w > 1e-5)
        expect(Math.abs(u - x / w) + Math.abs(v - y / w)).toBeLessThan(1e-2 * (1 + Math.abs(x / w)));
      else expect([u, v]).toEqual([Number.NaN, Number.NaN]);
    }
    const sets = [0, 1, 2, 3].map((view) => String(arrays.places.subarray(36 * view, 36 * view + 36)));
    expect(new Set(sets).size).toBe(4);
  });

  it('are drawn without what views and pictures are augmented by', () => {
    const augmented = pairView(wideRun);
    const still: PointPairView = {
      ...augmented,
      view: { ...augmented.view, maxRotation: 0, scale: [1, 1], flipProbability: 0 },
      image: { ...augmented.image, scale: [1, 1] },
    };
    const plain = drawPointPair(frame, Random.fromSeed('places places 0'), still);
    expect(arrays.places.subarray(0, 36)).toEqual(plain.alpha.centers);
    expect(arrays.places.subarray(36, 72)).toEqual(plain.beta.centers);
    expect((places.picture!.image as HostTensor).data).toEqual(plain.image);
  });

  it('are near most points that the encoder takes', () => {
    expect(arrays.nearest).toHaveLength(3 * 400);
    const { min, max } = bothEncoders(wideRun).points.input.range;
    const inRange = Array.from({ length: 400 }, (_, i) => i).filter((i) =>
      [0, 1, 2].every((k) => frame.points[4 * i + k] > min[k] && frame.points[4 * i + k] < max[k]),
    );
    const without = inRange.filter((i) => arrays.nearest[3 * i] === 65535);
    expect(without.length / inRange.length).toBeLessThan(0.05);
  });

  it('have the features of what the losses compare', async () => {
    const model = observedModel(wideRun, Random.fromSeed('places'));
    const encoders = await Encoders.open(lookingAt(wideRun), model);
    const { within, across, cells } = await featuresOf(places, encoders);
    await encoders.close();
    expect([within, across, cells].map(({ width, rows }) => [width, rows.length / width])).toEqual([
      [8, 48],
      [8, 48],
      [8, 6],
    ]);
    // The two views of the first draw as a pair: places are compared with keys of the second, here taken backwards.
    const [alpha, beta] = places.views;
    const partner = int32(
      Int32Array.from({ length: 12 }, (_, i) => 11 - i),
      [12],
    );
    const batch = uploadTree({ simipu: { pair: { ...places.picture!, alpha, beta, partner } } });
    const uploaded = { params: uploadTree(model.params), stats: uploadTree(model.stats) };
    const rows = embedded(wideRun, uploaded, batch, { training: false });
    expect(distance(within.rows.subarray(0, 96), valuesOf(rows.intraQueries))).toBeLessThan(1e-4);
    expect(distance(across.rows.subarray(0, 96), valuesOf(rows.crossKeys))).toBeLessThan(1e-4);
    const keys = Array.from(partner.data, (place) => [
      ...within.rows.subarray(96 + 8 * place, 104 + 8 * place),
    ]);
    expect(distance(keys.flat(), valuesOf(rows.intraKeys))).toBeLessThan(1e-4);
  });

  it('are none where no point is in the range', () => {
    const range = {
      min: [300, 0, 0] as [number, number, number],
      max: [301, 1, 1] as [number, number, number],
    };
    const { encoders } = changed(wideRun, { input: { range } });
    expect(() => placesOf(frame, { encoders, drawnBy })).toThrow(InputError);
    expect(() => placesOf(frame, { encoders, drawnBy })).toThrow(
      /^frame places: points: expected some within \(300,0,0\) to \(301,1,1\) m, found none of 400$/,
    );
  });
});

describe('interpolation', () => {
  it('takes the three nearest places by 1/distance, as plain loops do, within reach', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 40 }), fc.integer(), (count, seed) => {
        const random = Random.fromSeed(seed);
        const places = Float32Array.from({ length: 3 * count }, () => random.uniform(-5, 5));
        const points = Float32Array.from({ length: 4 * 60 }, () => random.uniform(-8, 8));
        points[4 * 7 + 1] = Number.NaN;
        points[4 * 8] = Number.POSITIVE_INFINITY;
        const { nearest, weights } = interpolation(points, places, 3);
        for (let i = 0; i < 60; i++) {
          const away = Array.from({ length: count }, (_, p) => ({
            place: p,
            far: Math.hypot(...[0, 1, 2].map((k) => places[3 * p + k] - points[4 * i + k])),
          })).sort((a, b) => a.far - b.far);
          const own = [...nearest.subarray(3 * i, 3 * i + 3)];
          const parts = [...weights.subarray(3 * i, 3 * i + 3)];
          if (!(away[0].far <= 3)) {
            expect(own).toEqual([65535, 65535, 65535]);
            expect(parts).toEqual([0, 0, 0]);
            continue;
          }
          expect(own).toEqual(away.slice(0, 3).map(({ place }) => place));
          expect(parts.reduce((sum, part) => sum + part, 0)).toBe(255);
          const whole = away.slice(0, 3).reduce((sum, { far }) => sum + 1 / far, 0);
          parts.forEach((part, k) => {
            expect(Math.abs(part - 255 / away[k].far / whole)).toBeLessThan(1.5);
          });
        }
        // A point that is not finite has no place.
        expect([...nearest.subarray(21, 27)]).toEqual(Array(6).fill(65535));
      }),
      { numRuns: 30 },
    );
  });

  it('takes a place that a point lies on alone, and shares between places at one spot', () => {
    const places = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1);
    const points = Float32Array.of(1, 0, 0, 0.5, 0, 0, 1, 0.5);
    const { nearest, weights } = interpolation(points, places, 3);
    expect(nearest[0]).toBe(0);
    expect([...weights.subarray(0, 3)]).toEqual([255, 0, 0]);
    expect([...nearest.subarray(3, 5)]).toEqual([2, 3]);
    expect([...weights.subarray(3, 6)]).toEqual([128, 127, 0]);
  });
});

describe('the cells of a picture', () => {
  const cellsAndCanvas = (canvas: { width: number; height: number }, view: ImageView) => {
    const grid = { columns: canvas.width / 32, rows: canvas.height / 32 };
    return { grid, cells: cellsOf(grid, canvas, view) };
  };

  it.each([
    ['as it is', (view: ImageView) => view],
    ['mirrored', flip],
  ])('have their centres where sampling takes a cell alone, %s', (_, turned) => {
    const canvas = { width: 160, height: 96 };
    const view = turned(resize(imageView({ width: 640, height: 300 }), { width: 160, height: 75 }));
    const { grid, cells } = cellsAndCanvas(canvas, view);
    const corners = bilinearCorners(mapPixels(view, cells.pixels), {
      width: grid.columns,
      height: grid.rows,
      imageWidth: canvas.width,
      imageHeight: canvas.height,
    });
    for (let cell = 0; cell < 15; cell++) {
      const own = [0, 1, 2, 3].filter((corner) => corners.cells[4 * cell + corner] === cell);
      const weight = own.reduce((sum, corner) => sum + corners.weights[4 * cell + corner], 0);
      expect(weight).toBeGreaterThan(1 - 1e-5);
    }
    // The picture is four times as large, pixels have their coordinates at their centres.
    const [, y] = cells.pixels.subarray(2 * 5, 2 * 5 + 2);
    expect(y).toBeCloseTo(4 * 48 + 1.5, 3);
    expect([...cells.onPicture]).toEqual([...Array(10).fill(1), ...Array(5).fill(0)]);
  });

  it('have one in the middle where there is one', () => {
    const canvas = { width: 32, height: 64 };
    const { cells } = cellsAndCanvas(canvas, imageView(canvas));
    expect([...cells.pixels]).toEqual([16, 0, 16, 64]);
    expect([...cells.onPicture]).toEqual([1, 1]);
  });
});
