import type { Box3 } from '../geometry/box.ts';
import { cornersOf } from '../geometry/box.ts';
import type { RgbImage } from '../image/rgb-image.ts';

/** Red, green, blue, 0..255. */
export type DrawColor = readonly [r: number, g: number, b: number];

/** The colour of boxes that have none of their own. */
export const amber: DrawColor = [255, 196, 64];

export interface BirdsEyeOptions {
  /** Boxes in the LiDAR frame, drawn with a line to their front. */
  readonly boxes?: ReadonlyArray<{ readonly box: Box3; readonly color?: DrawColor }>;
  /** The picture reaches so far ahead, back, left and right of the sensor, metres. */
  readonly rangeM?: number;
  /** Width and height. */
  readonly sizePx?: number;
  readonly colorBy?: 'height' | 'reflectance';
  /** The heights at the ends of the colours, metres; those about a car's sensor by default. */
  readonly heightsM?: readonly [low: number, high: number];
  /** Numbers a point; x, y, z come first, then reflectance where that gives the colours. */
  readonly stride?: number;
  /** Whether there is a sensor in the middle, which is then marked; true by default. */
  readonly sensor?: boolean;
}

/** From the road to the roof of a van, as a sensor on a car sees them, metres. */
export const usualHeightsM = [-2.5, 3] as const;

/**
 * A sweep from above, the sensor in the middle, ahead (+x) up and left (+y) left: dark ground, points coloured by
 * height or reflectance (0 to 0.7), the highest on top, rings every 10 m with their distance, and boxes. Points without a place, and those
 * outside, are not drawn.
 */
export function drawBirdsEye(points: Float32Array, options: BirdsEyeOptions = {}): RgbImage {
  const { boxes = [], rangeM = 50, sizePx = 800, colorBy = 'height', stride = 4 } = options;
  const [lowest, highest] = options.heightsM ?? usualHeightsM;
  if (!(rangeM > 0)) throw new RangeError(`rangeM must be above 0, not ${rangeM}`);
  if (!Number.isInteger(sizePx) || sizePx < 1 || sizePx > 8192)
    throw new RangeError(`sizePx must be a whole number from 1 to 8192, not ${sizePx}`);
  const data = new Uint8Array(3 * sizePx * sizePx);
  for (let i = 0; i < data.length; i += 3) data.set([13, 16, 22], i);
  const image: RgbImage = { width: sizePx, height: sizePx, data };
  const scale = sizePx / (2 * rangeM);
  for (let ring = 10; ring < rangeM * 1.42; ring += 10) drawRing(image, ring * scale);
  const top = new Float32Array(sizePx * sizePx).fill(-Infinity);
  for (let i = 0; i + stride <= points.length; i += stride) {
    const column = Math.floor((rangeM - points[i + 1]) * scale);
    const row = Math.floor((rangeM - points[i]) * scale);
    if (!(column >= 0 && row >= 0 && column < sizePx && row < sizePx)) continue;
    const at = row * sizePx + column;
    const z = points[i + 2];
    if (!(z > top[at])) continue;
    top[at] = z;
    const t = colorBy === 'height' ? (z - lowest) / (highest - lowest) : points[i + 3] / 0.7;
    data.set(ramp(t), 3 * at);
  }
  for (let ring = 10; ring <= rangeM - 2; ring += 10) drawNumber(image, ring, ring * scale);
  for (const { box, color = amber } of boxes) drawBox(image, box, color, rangeM, scale);
  if (options.sensor === false) return image;
  drawLine(image, sizePx / 2 - 4, sizePx / 2, sizePx / 2 + 4, sizePx / 2, [255, 255, 255]);
  drawLine(image, sizePx / 2, sizePx / 2 - 7, sizePx / 2, sizePx / 2 + 4, [255, 255, 255]);
  return image;
}

/** Draws a line of one pixel's width, parts outside the picture left out. */
export function drawLine(
  image: RgbImage,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  color: DrawColor,
): void {
  // A line is walked inside a frame a little larger than the picture, however far its ends are.
  const clipped = clipLine(x0, y0, x1, y1, image.width, image.height);
  if (clipped === undefined) return;
  const [ax, ay, bx, by] = clipped;
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(bx - ax), Math.abs(by - ay))));
  for (let i = 0; i <= steps; i++) {
    const column = Math.round(ax + ((bx - ax) * i) / steps);
    const row = Math.round(ay + ((by - ay) * i) / steps);
    if (column < 0 || row < 0 || column >= image.width || row >= image.height) continue;
    image.data.set(color, 3 * (row * image.width + column));
  }
}

/** Liang and Barsky's clipping to -1 … width and -1 … height. */
function clipLine(
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  width: number,
  height: number,
): [number, number, number, number] | undefined {
  const dx = x1 - x0;
  const dy = y1 - y0;
  if (!Number.isFinite(dx) || !Number.isFinite(dy)) return undefined;
  let from = 0;
  let to = 1;
  const edges = [
    [-dx, x0 + 1],
    [dx, width - x0],
    [-dy, y0 + 1],
    [dy, height - y0],
  ];
  for (const [direction, room] of edges) {
    if (direction === 0) {
      if (room < 0) return undefined;
      continue;
    }
    const t = room / direction;
    if (direction < 0) from = Math.max(from, t);
    else to = Math.min(to, t);
  }
  return from > to ? undefined : [x0 + from * dx, y0 + from * dy, x0 + to * dx, y0 + to * dy];
}

function drawBox(image: RgbImage, box: Box3, color: DrawColor, rangeM: number, scale: number): void {
  const corners = cornersOf(box);
  const column = (k: number): number => (rangeM - corners[3 * k + 1]) * scale;
  const row = (k: number): number => (rangeM - corners[3 * k]) * scale;
  for (let k = 0; k < 4; k++)
    drawLine(image, column(k), row(k), column((k + 1) % 4), row((k + 1) % 4), color);
  const reach = box.sizeM[0] / 2 + 0.8;
  const x = box.center[0] + reach * Math.cos(box.yaw);
  const y = box.center[1] + reach * Math.sin(box.yaw);
  drawLine(
    image,
    (rangeM - box.center[1]) * scale,
    (rangeM - box.center[0]) * scale,
    (rangeM - y) * scale,
    (rangeM - x) * scale,
    color,
  );
}

function drawRing(image: RgbImage, radius: number): void {
  const steps = Math.ceil(2 * Math.PI * radius);
  for (let i = 0; i < steps; i++) {
    const angle = (2 * Math.PI * i) / steps;
    const column = Math.round(image.width / 2 + radius * Math.cos(angle));
    const row = Math.round(image.height / 2 + radius * Math.sin(angle));
    if (column < 0 || row < 0 || column >= image.width || row >= image.height) continue;
    image.data.set([36, 42, 54], 3 * (row * image.width + column));
  }
}

/** The digits 0 to 9 in 3 x 5 dots, row by row. */
const digits = [
  '111101101101111',
  '010110010010111',
  '111001111100111',
  '111001111001111',
  '101101111001001',
  '111100111001111',
  '111100111101111',
  '111001010010010',
  '111101111101111',
  '111101111001111',
];

/** Writes a ring's distance where it lies ahead to the right, at 45 degrees, two pixels a dot. */
function drawNumber(image: RgbImage, value: number, radius: number): void {
  const left = Math.round(image.width / 2 + radius * Math.SQRT1_2) + 3;
  const top = Math.round(image.height / 2 - radius * Math.SQRT1_2) - 5;
  [...String(value)].forEach((digit, place) => {
    [...digits[Number(digit)]].forEach((dot, i) => {
      if (dot === '0') return;
      for (let pixel = 0; pixel < 4; pixel++) {
        const column = left + 8 * place + 2 * (i % 3) + (pixel % 2);
        const row = top + 2 * Math.floor(i / 3) + Math.floor(pixel / 2);
        if (column < 0 || row < 0 || column >= image.width || row >= image.height) continue;
        image.data.set([150, 160, 178], 3 * (row * image.width + column));
      }
    });
  });
}

/** Blue over green and yellow to red for 0..1: Mikhailov's Turbo map, in few stops. */
function ramp(t: number): DrawColor {
  const stops: readonly DrawColor[] = [
    [60, 70, 160],
    [62, 135, 235],
    [40, 200, 190],
    [120, 235, 95],
    [225, 215, 60],
    [245, 125, 40],
    [190, 40, 30],
  ];
  const at = Math.max(0, Math.min(0.9999, t || 0)) * (stops.length - 1);
  const i = Math.floor(at);
  const [a, b] = [stops[i], stops[i + 1]];
  return [0, 1, 2].map((c) => Math.round(a[c] + (b[c] - a[c]) * (at - i))) as unknown as DrawColor;
}
