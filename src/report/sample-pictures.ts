import type { DataSelection } from '../datasets/data-selection.ts';
import { openFrames, type PointFrames } from '../datasets/open-frames.ts';
import { Random } from '../engine/random.ts';
import { applyImageView } from '../image/augment.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { drawPointPair, type PointPair, type PointPairView } from '../views/point-pair.ts';
import { type DrawColor, drawBirdsEye, drawLine } from './birds-eye.ts';
import { pictureOf, type ReportSection } from './run-report.ts';

const rangeM = 72;
/** How much of what lies behind the sensor is shown; rotated views reach there. */
const behindM = 10;

/** What is compared in the first frame of a selection: points with their pixels, and the two views with their matches. */
export async function sampleSections(data: DataSelection, config: PointPairView): Promise<ReportSection[]> {
  const frames = (await openFrames(data, ['image', 'points'])) as PointFrames;
  const frame = await frames.frame(0);
  const sample = drawPointPair(frame, Random.fromSeed('report'), config);
  const image = drawCenters(applyImageView(frame.cameras[0].image, sample.imageView), sample);
  const far = sample.distanceM.filter((distance) => distance > 1).length;
  return [
    {
      title: 'What is compared',
      text: `Frame ${frame.id}: ${sample.partner.length} places of the sweep, farthest-point sampled. Green ones are matched with a place of the other view within 1 m, red ones (${far}) farther away.`,
      pictures: [
        await pictureOf(
          image,
          'Where the places are seen: the image encoder is sampled there. The picture is mirrored where the other view is.',
        ),
        await pictureOf(
          drawMatches(sample),
          'The sweep from above (left) and its rotated, scaled, perhaps mirrored view (right), with the Hungarian matches.',
        ),
      ],
    },
  ];
}

function colorOf(distanceM: number): DrawColor {
  return distanceM <= 1 ? [80, 230, 120] : [255, 80, 70];
}

/** The places as crosses on the picture, at three times its size. */
function drawCenters(picture: RgbImage, sample: PointPair): RgbImage {
  const zoom = 3;
  const { width, height } = picture;
  const image: RgbImage = {
    width: width * zoom,
    height: height * zoom,
    data: new Uint8Array(3 * width * height * zoom * zoom),
  };
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const from = 3 * (Math.floor(y / zoom) * width + Math.floor(x / zoom));
      image.data.set(picture.data.subarray(from, from + 3), 3 * (y * image.width + x));
    }
  }
  sample.distanceM.forEach((distance, i) => {
    if (sample.inside[i] === 0) return;
    const [x, y] = [(sample.pixels[2 * i] + 0.5) * zoom, (sample.pixels[2 * i + 1] + 0.5) * zoom];
    drawLine(image, x - 4, y, x + 4, y, colorOf(distance));
    drawLine(image, x, y - 4, x, y + 4, colorOf(distance));
  });
  return image;
}

/** Both views from above, side by side, a line for each match; the region behind the sensor is left out. */
function drawMatches({ alpha, beta, partner, distanceM }: PointPair): RgbImage {
  const [sizePx, gapPx] = [640, 8];
  const scale = sizePx / (2 * rangeM);
  const height = Math.ceil((rangeM + behindM) * scale);
  const width = 2 * sizePx + gapPx;
  const image: RgbImage = { width, height, data: new Uint8Array(3 * width * height).fill(255) };
  [alpha, beta].forEach(({ points }, side) => {
    const picture = drawBirdsEye(points, { rangeM, sizePx });
    for (let row = 0; row < height; row++) {
      const from = picture.data.subarray(3 * row * sizePx, 3 * (row + 1) * sizePx);
      image.data.set(from, 3 * (row * width + side * (sizePx + gapPx)));
    }
  });
  const places = [alpha, beta].map(({ points, levels }) =>
    lastCenters(
      points,
      levels.map(({ centers }) => centers),
    ),
  );
  distanceM.forEach((distance, i) => {
    const [a, b] = [places[0][i], places[1][partner[i]]];
    const at = ([x, y]: readonly [number, number], shift: number) =>
      [(rangeM - y) * scale + shift, (rangeM - x) * scale] as const;
    drawLine(image, ...at(a, 0), ...at(b, sizePx + gapPx), colorOf(distance));
  });
  return image;
}

/** x, y of the last level's centres in the view's own frame. */
function lastCenters(points: Float32Array, levels: readonly Int32Array[]): Array<readonly [number, number]> {
  const last = levels[levels.length - 1];
  return Array.from(last, (row) => {
    const point = levels.slice(0, -1).reduceRight((index, centers) => centers[index], row);
    return [points[4 * point], points[4 * point + 1]] as const;
  });
}
