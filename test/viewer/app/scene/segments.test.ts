import { describe, expect, it } from 'vitest';
import { rangeLabels } from '../../../../src/viewer/app/scene/ground.ts';
import {
  boxSegments,
  clipSegments,
  cornerPlaces,
  frustumOf,
  middlePlace,
  type StageBox,
  trailSegments,
} from '../../../../src/viewer/app/scene/segments.ts';
import { bytesOf } from '../../../../src/viewer/app/scene/themes.ts';

const CAR: StageBox = {
  box: { center: [10, 2, -1], sizeM: [4, 2, 1.5], yaw: Math.PI / 2 },
  colour: '#ff8000',
};

describe('boxSegments', () => {
  it('has twelve edges and a tick through the front, in the colour as written', () => {
    const { segments, colours, dashed } = boxSegments([CAR, { ...CAR, dashed: true }]);
    expect(segments.length).toBe(2 * 13 * 6);
    expect([...colours.subarray(0, 8)]).toEqual([255, 128, 0, 255, 255, 128, 0, 255]);
    const [fromX, fromY, fromZ, toX, toY, toZ] = segments.subarray(12 * 6, 13 * 6);
    expect([fromX, fromY, fromZ]).toEqual([10, 2, -1.75]);
    expect([toX, toZ]).toEqual([10, -1.75]);
    expect(toY).toBeGreaterThan(4.3);
    // A dashed box keeps a whole tick.
    expect([...dashed]).toEqual([...Array(13).fill(0), ...Array(12).fill(1), 0]);
  });

  it('goes where a matrix brings it', () => {
    const matrix = [1, 0, 0, 100, 0, 1, 0, 0, 0, 0, 1, 5];
    expect(middlePlace({ ...CAR, matrix })).toEqual([110, 2, 4]);
    const heights = cornerPlaces({ ...CAR, matrix }).map(([, , z]) => z);
    expect([Math.min(...heights), Math.max(...heights)]).toEqual([3.25, 4.75]);
  });
});

describe('clipSegments', () => {
  const clip = { nearM: 0, farM: Infinity, low: [-1, -2, -3], high: [1, 2, 3] } as const;

  it('are the twelve edges of a closed box', () => {
    const { segments } = clipSegments(clip, undefined, '#ffffff');
    expect(segments.length).toBe(12 * 6);
    const lengths = Array.from({ length: 12 }, (_, k) => {
      const [x, y, z, toX, toY, toZ] = segments.subarray(6 * k, 6 * k + 6);
      return Math.hypot(toX - x, toY - y, toZ - z);
    });
    expect(lengths.sort()).toEqual([2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6]);
  });

  it('end where the points do along an open side, and are none between open ones', () => {
    const open = { ...clip, high: [1, 2, Infinity] } as const;
    const extent = { low: [-50, -50, -50], high: [50, 50, 9] } as const;
    const { segments } = clipSegments(open, extent, '#ffffff');
    const edges = Array.from({ length: segments.length / 6 }, (_, k) => [
      ...segments.subarray(6 * k, 6 * k + 6),
    ]);
    expect(edges).toContainEqual([1, 2, -3, 1, 2, 9]);
    // Four around the bottom, and four that go up.
    expect(edges.length).toBe(8);
    expect(
      clipSegments({ ...clip, low: [-Infinity, -Infinity, -3] }, extent, '#fff').segments.length / 6,
    ).toBe(5);
    expect(clipSegments(undefined, extent, '#ffffff').segments.length).toBe(0);
  });
});

describe('trailSegments', () => {
  it('joins the points and fades towards the oldest', () => {
    const points = Float32Array.of(0, 0, 0, 1, 0, 0, 2, 1, 0);
    const { segments, colours } = trailSegments([{ points, colour: '#00ff00' }]);
    expect([...segments]).toEqual([0, 0, 0, 1, 0, 0, 1, 0, 0, 2, 1, 0]);
    expect([colours[3], colours[15]]).toEqual([50, 255]);
    expect(colours[7]).toBe(colours[11]);
  });

  it('has nothing to join in a single point', () => {
    expect(trailSegments([{ points: Float32Array.of(1, 2, 3), colour: 'red' }]).segments.length).toBe(0);
  });
});

describe('frustumOf', () => {
  it('begins at the camera and opens to what it sees', () => {
    // At (0.3, 0, 0) in the LiDAR frame, looking along +x.
    const pixelFromLidar = [600, -700, 0, -180, 180, 0, -700, -54, 1, 0, 0, -0.3];
    const { eye, corners } = frustumOf({ pixelFromLidar, width: 1200, height: 360 });
    expect(eye.map((value) => Math.round(value * 1e9) / 1e9 + 0)).toEqual([0.3, 0, 0]);
    const [topLeft, , bottomRight] = corners;
    expect(topLeft[1]).toBeGreaterThan(0);
    expect(topLeft[2]).toBeGreaterThan(0);
    expect(bottomRight[1]).toBeLessThan(0);
    expect(bottomRight[2]).toBeLessThan(0);
    expect(topLeft[0]).toBeCloseTo(1.5);
  });
});

describe('rangeLabels', () => {
  it('stand on the rings along the half axes, in steps that suit the distance', () => {
    const [first] = rangeLabels([1, 2, -1.73], 30);
    expect(first).toEqual({ text: '10 m', at: [11, 2, -1.73] });
    expect(rangeLabels([0, 0, 0], 8)[0].text).toBe('2 m');
    expect(rangeLabels([0, 0, 0], 300)[0].text).toBe('50 m');
  });
});

describe('bytesOf', () => {
  it('takes CSS colours as they are on the screen', () => {
    expect(bytesOf('#336699', 128)).toEqual([51, 102, 153, 128]);
    expect(bytesOf('rgb(10, 20, 30)')).toEqual([10, 20, 30, 255]);
  });
});
