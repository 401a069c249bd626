import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../src/datasets/frame.ts';
import { outcomesOf } from '../../src/evaluation/kitti/detection-outcomes.ts';
import { chipsSvg, plainText } from '../../src/report/chips.ts';
import { detectionSvg } from '../../src/report/draw-detections.ts';
import { outcomeColours } from '../../src/report/outcome-colours.ts';

const [width, height] = [720, 220];
const camera = {
  name: 'image_2',
  pixelFromCamera: Float64Array.of(360, 0, 360, 0, 0, 360, 110, 0, 0, 0, 1, 0),
  cameraFromLidar: Float64Array.of(0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, 0, 1),
  image: { width, height, data: new Uint8Array(3 * width * height).fill(128) },
};
const box = (x: number, y: number, type = 'Car', score?: number): ObjectLabel => ({
  type,
  truncation: 0,
  occlusion: 0,
  alpha: 0,
  box2: [0, 0, 0, 0],
  box3: { center: [x, y, 0], sizeM: [4, 2, 1.5], yaw: 0 },
  score,
});
const labels = [box(20, 4), box(30, -6), box(15, 0, 'Truck')];
const detections = [box(20.5, 4, 'Car', 0.75), box(40, 2, 'Car', 0.5)];
const frame = {
  points: Float32Array.of(10, 5, -1, 0, 50, -4, 2, 0),
  camera,
  labels,
  detections,
  outcomes: outcomesOf(labels, detections),
};

/** The drawing's pixels, at a pixel a unit. */
async function drawn(svg: string) {
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const near = (colour: string, x: number, y: number, reach = 3) => {
    const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    let count = 0;
    for (let row = Math.round(y) - reach; row <= Math.round(y) + reach; row++)
      for (let column = Math.round(x) - reach; column <= Math.round(x) + reach; column++) {
        const at = info.channels * (row * info.width + column);
        if (wanted.every((value, c) => Math.abs(data[at + c] - value) < 40)) count++;
      }
    return count;
  };
  return { info, near };
}

describe('detectionSvg', () => {
  it('draws the boxes where they are, on the picture and from above, in the colours of their outcomes', async () => {
    const svg = await detectionSvg(frame);
    const { info, near } = await drawn(svg);
    // 72 m across the width; 7 m to the left with 3 m to spare, and as far as the box 6 m to the right.
    expect(info.width).toBe(width);
    expect(info.height).toBe(height + 6 + 200);
    const pixel = ([x, y, z]: readonly number[]) =>
      [360 - (360 * y) / x + 0.5, 110 - (360 * z) / x + 0.5] as const;
    const above = (x: number, y: number) => [(x + 2) * 10, height + 6 + (10 - y) * 10] as const;
    // The right rear edge of the label that was missed.
    const [u, v] = pixel([28, -7, 0]);
    expect(near(outcomeColours.missed, u, v)).toBeGreaterThan(4);
    expect(near(outcomeColours.missed, ...above(28, -6))).toBeGreaterThan(4);
    expect(near(outcomeColours.found, ...above(18, 4.5))).toBeGreaterThan(2);
    expect(near(outcomeColours.right, ...above(18.5, 4), 4)).toBeGreaterThan(2);
    expect(near(outcomeColours.false, ...above(38, 2), 8)).toBeGreaterThan(2);
    expect(near(outcomeColours.ignored, ...above(13, 0))).toBeGreaterThan(2);
    for (const colour of Object.values(outcomeColours)) expect(near(colour, ...above(55, -3), 4)).toBe(0);
    // Points: the higher the lighter.
    expect(near('#7d7d7d', ...above(10, 5))).toBeGreaterThan(0);
    expect(near('#ebebeb', ...above(50, -4))).toBeGreaterThan(0);
  });

  it('writes scores and what was missed, and tells the rest where the pointer rests', async () => {
    const svg = await detectionSvg(frame);
    const words = [...svg.matchAll(/<text[^>]*text-anchor[^>]*>([^<]*)</g)].map(([, each]) => each).sort();
    expect(words).toEqual(['Car 0.50', 'Car 0.75', 'Car missed']);
    expect(svg).toContain('<title>label: Truck, ignored</title>');
    expect(svg).toContain('<title>detection: Car 0.50, false</title>');
    expect(svg).not.toContain('NaN');
  });

  it('leaves out what cannot be seen or was not labelled in space', async () => {
    const behind = [box(-20, 0), { ...box(1, 1, 'DontCare'), box3: undefined }, box(30, 0, 'a<b>"&')];
    const svg = await detectionSvg({
      ...frame,
      labels: behind,
      detections: [],
      outcomes: outcomesOf(behind, []),
    });
    expect(svg.match(/<text[^>]*text-anchor/g)).toBeNull();
    expect(svg).toContain('<title>label: ab, ignored</title>');
    expect(svg).not.toContain('NaN');
  });
});

describe('chipsSvg', () => {
  const size = { width: 300, height: 100 };
  const tops = (svg: string) =>
    [...svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="(?!3")/g)].map(([, , y]) => Number(y));

  it('lets later words rise, or leaves them out where there is no room', () => {
    const chip = { x: 100, y: 60, words: 'Car 0.50', colour: '#fff' };
    expect(tops(chipsSvg([chip, chip, chip, chip], size))).toEqual([37, 17]);
    expect(tops(chipsSvg([chip, { ...chip, x: 220 }], size))).toEqual([37, 37]);
  });

  it('stays inside of the picture', () => {
    const svg = chipsSvg([{ x: 299, y: 500, words: 'Pedestrian missed', colour: '#fff' }], size);
    const [, left, top, width] = svg.match(/<rect x="(\d+)" y="(\d+)" width="(\d+)"/)!.map(Number);
    expect(left + width).toBeLessThanOrEqual(300);
    expect(top).toBe(81);
    expect(plainText('<Car & "x">')).toBe('Car  x');
  });
});
