import sharp from 'sharp';
import type { CameraImage, ObjectLabel } from '../datasets/frame.ts';
import type { Outcomes } from '../evaluation/kitti/detection-outcomes.ts';
import { type Box3, cornersOf } from '../geometry/box.ts';
import { projectBox, projectBoxEdges } from '../geometry/box-projection.ts';
import { type Matrix34, multiply34by44 } from '../geometry/matrix.ts';
import { type Chip, chipsSvg, plainText } from './chips.ts';
import { outcomeColours } from './outcome-colours.ts';

/** A frame with what is labelled and what was detected in it, and which of them belong together. */
export interface DetectedFrame {
  readonly points: Float32Array;
  readonly camera: CameraImage;
  readonly labels: readonly ObjectLabel[];
  readonly detections: readonly ObjectLabel[];
  readonly outcomes: Outcomes;
}

/** A box to be drawn. */
interface DrawnBox {
  readonly box: Box3;
  readonly kind: keyof typeof outcomeColours;
  readonly detected: boolean;
  readonly words: string | undefined;
  /** What appears where the pointer rests. */
  readonly title: string;
}

/** What is shown from above: so far ahead, and to each side what there is, metres. */
const AHEAD_M = [-2, 70] as const;
const [LEAST_SIDE_M, MOST_SIDE_M] = [7, 20] as const;
/** Points from above are drawn as squares of so many units. */
const POINT = 2;
const GAP = 6;
const NIGHT = '#0d1016';

/**
 * A frame as an SVG that stands alone: the picture with boxes as wires, the scores of detections and what was missed, and
 * below it the same from above, ahead to the right. Labels are solid, detections dashed.
 */
export async function detectionSvg(frame: DetectedFrame): Promise<string> {
  const { camera, points } = frame;
  const { width, height } = camera.image;
  const boxes = boxesOf(frame);
  const scale = width / (AHEAD_M[1] - AHEAD_M[0]);
  const sides = boxes.filter(isAhead).map(({ box }) => box.center[1]);
  const reach = (far: readonly number[]) => Math.min(MOST_SIDE_M, Math.max(LEAST_SIDE_M, ...far) + 3);
  const [leftM, rightM] = [reach(sides), reach(sides.map((y) => -y))];
  const above = { width, height: Math.round((leftM + rightM) * scale), scale, leftM };
  const total = height + GAP + above.height;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" font-family="system-ui, sans-serif">
<rect width="${width}" height="${total}" fill="${NIGHT}"/>
<svg width="${width}" height="${height}">${await pictureSvg(camera, boxes)}</svg>
<svg y="${height + GAP}" width="${width}" height="${above.height}">${await aboveSvg(points, boxes, above)}</svg>
</svg>`;
}

function boxesOf({ labels, detections, outcomes }: DetectedFrame): DrawnBox[] {
  const ofLabels = labels.flatMap(({ type, box3 }, i): DrawnBox[] => {
    const kind = outcomes.labels[i];
    if (box3 === undefined) return [];
    const words = kind === 'missed' ? `${type} missed` : undefined;
    return [{ box: box3, kind, detected: false, words, title: `label: ${type}, ${kind}` }];
  });
  const ofDetections = detections.flatMap(({ type, box3, score = 0 }, i): DrawnBox[] => {
    const kind = outcomes.detections[i];
    if (box3 === undefined) return [];
    const words = `${type} ${score.toFixed(2)}`;
    return [{ box: box3, kind, detected: true, words, title: `detection: ${words}, ${kind}` }];
  });
  // What matters most lies on top.
  return [...ofLabels, ...ofDetections].sort((a, b) => weightOf(a) - weightOf(b));
}

function weightOf({ kind }: DrawnBox): number {
  return ['ignored', 'found', 'right', 'false', 'missed'].indexOf(kind);
}

function isAhead({ box: { center } }: DrawnBox): boolean {
  return center[0] > AHEAD_M[0] && center[0] < AHEAD_M[1];
}

async function pictureSvg(camera: CameraImage, boxes: readonly DrawnBox[]): Promise<string> {
  const { width, height, data } = camera.image;
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 82 })
    .toBuffer();
  const pixelFromLidar: Matrix34 = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const lines = boxes.map((each) => {
    const edges = projectBoxEdges(each.box, pixelFromLidar);
    let path = '';
    for (let at = 0; at < edges.length; at += 4) {
      const [u0, v0, u1, v1] = edges.subarray(at, at + 4);
      path += `M${pixel(u0)} ${pixel(v0)}L${pixel(u1)} ${pixel(v1)}`;
    }
    return strokes(path, each);
  });
  const chips = boxes.flatMap(({ box, kind, words }): Chip[] => {
    const seen = words === undefined ? undefined : projectBox(box, pixelFromLidar, { width, height });
    if (seen === undefined) return [];
    return [{ x: (seen[0] + seen[2]) / 2, y: seen[1], words: words!, colour: outcomeColours[kind] }];
  });
  const image = `<image width="${width}" height="${height}" href="data:image/jpeg;base64,${jpeg.toString('base64')}"/>`;
  // Those on top were drawn last, and choose their places first.
  return image + lines.join('') + chipsSvg(chips.reverse(), { width, height });
}

interface AboveView {
  readonly width: number;
  readonly height: number;
  /** Units a metre. */
  readonly scale: number;
  /** How far it reaches to the left, metres. */
  readonly leftM: number;
}

async function aboveSvg(points: Float32Array, boxes: readonly DrawnBox[], view: AboveView): Promise<string> {
  const { width, height, scale, leftM } = view;
  const x = (ahead: number) => (ahead - AHEAD_M[0]) * scale;
  const y = (left: number) => (leftM - left) * scale;
  const png = await pointsFromAbove(points, view);
  const rings = [10, 20, 30, 40, 50, 60].map((radius) => {
    const ring = `<circle cx="${x(0)}" cy="${y(0)}" r="${radius * scale}" fill="none" stroke="#2b3442"/>`;
    const text = `<text x="${x(radius) + 4}" y="${height - 8}" font-size="14" fill="#7b8798">${radius} m</text>`;
    return ring + text;
  });
  const rectangles = boxes.map((each) => {
    const corners = cornersOf(each.box);
    const { center, sizeM, yaw } = each.box;
    const corner = (k: number) => `${rounded(x(corners[3 * k]))} ${rounded(y(corners[3 * k + 1]))}`;
    const tip = sizeM[0] / 2 + 0.7;
    const ahead = `${rounded(x(center[0] + tip * Math.cos(yaw)))} ${rounded(y(center[1] + tip * Math.sin(yaw)))}`;
    const path = `M${corner(0)}L${corner(1)}L${corner(2)}L${corner(3)}ZM${rounded(x(center[0]))} ${rounded(y(center[1]))}L${ahead}`;
    return strokes(path, each);
  });
  const [size, ox, oy] = [7, x(0), y(0)];
  const sensor = `<path d="M${ox - size} ${oy - size}L${ox + size} ${oy}L${ox - size} ${oy + size}Z" fill="#e4e8ef"/>`;
  const image = `<image width="${width}" height="${height}" style="image-rendering:pixelated" preserveAspectRatio="none" href="data:image/png;base64,${png.toString('base64')}"/>`;
  return rings.join('') + image + sensor + rectangles.join('');
}

/** Points as grey squares, lighter the higher they lie, on nothing. */
async function pointsFromAbove(
  points: Float32Array,
  { width, height, scale, leftM }: AboveView,
): Promise<Buffer> {
  const [columns, rows] = [Math.ceil(width / POINT), Math.ceil(height / POINT)];
  const data = new Uint8Array(2 * columns * rows);
  for (let at = 0; at + 3 < points.length; at += 4) {
    const column = Math.floor(((points[at] - AHEAD_M[0]) * scale) / POINT);
    const row = Math.floor(((leftM - points[at + 1]) * scale) / POINT);
    if (!(column >= 0 && row >= 0 && column < columns && row < rows)) continue;
    const cell = 2 * (row * columns + column);
    const light = Math.max(70, Math.min(235, 70 + 55 * (points[at + 2] + 2)));
    data[cell] = Math.max(data[cell], light);
    data[cell + 1] = 255;
  }
  return sharp(data, { raw: { width: columns, height: rows, channels: 2 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Lines with a dark rim, so that they can be seen on anything. */
function strokes(path: string, { kind, detected, title }: DrawnBox): string {
  if (path === '') return '';
  const isWrong = kind === 'missed' || kind === 'false';
  const width = isWrong ? 2.6 : kind === 'ignored' ? 1.6 : 2;
  const dashes = detected ? ' stroke-dasharray="7 4"' : '';
  return `<g fill="none" stroke-linecap="round"><title>${plainText(title)}</title><path d="${path}" stroke="#000" stroke-opacity="0.35" stroke-width="${width + 1.6}"/><path d="${path}" stroke="${outcomeColours[kind]}" stroke-width="${width}"${dashes}/></g>`;
}

/** A pixel's place in units, whose middle is half a unit on. */
function pixel(value: number): number {
  return rounded(value + 0.5);
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10;
}
