import sharp from 'sharp';
import type { DataSelection } from '../datasets/data-selection.ts';
import { openFrames } from '../datasets/open-frames.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { encodePng } from '../image/decode-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { writeFileAtomically } from '../training/run/atomic-file.ts';
import { boxAt, type Correspondences, neighbourCount, pictureCount } from '../views/correspondences.ts';

/** How many pictures are drawn, and neighbours of each, and how large. */
const ROWS = 6;
const NEIGHBOURS = 5;
const CELL = 160;
const GAP = 8;
const BACKGROUND = '#16181d';
const COLOURS = ['#f2b134', '#4fb3ff', '#ff6f91', '#7bd88f', '#c792ea', '#ff9f5a'];

/**
 * Draws pictures from all over a data set, a row each: the picture with all of its boxes, the picture with the box of its best pair
 * with each neighbour, and the neighbours, nearest first, with theirs, in one colour a pair. Writes a PNG.
 */
export async function drawCorrespondences({
  correspondences,
  data,
  file,
}: {
  readonly correspondences: Correspondences;
  readonly data: DataSelection;
  readonly file: string;
}): Promise<void> {
  const frames = await openFrames(data, ['image']);
  const { boxesFrom, neighbours, pairs, pairsFrom } = correspondences;
  const usable = Array.from({ length: pictureCount(correspondences) }, (_, i) => i).filter(
    (picture) => boxesFrom[picture + 1] > boxesFrom[picture],
  );
  const rows = Math.min(ROWS, usable.length);
  const chosen = Array.from(
    { length: rows },
    (_, i) => usable[Math.floor(((i + 0.5) * usable.length) / rows)],
  );
  const near = neighbourCount(correspondences);
  const shown = Math.min(NEIGHBOURS, near);
  const parts: string[] = [];
  for (const [row, picture] of chosen.entries()) {
    const image = await frames.picture(picture);
    const own = Array.from({ length: boxesFrom[picture + 1] - boxesFrom[picture] }, (_, i) =>
      boxAt(correspondences, boxesFrom[picture] + i),
    );
    const best = Array.from({ length: shown }, (_, k) => {
      const pair = pairsFrom[picture * near + k];
      return [pairs[2 * pair], pairs[2 * pair + 1]].map((box) => boxAt(correspondences, box));
    });
    const colour = (i: number) => COLOURS[i % COLOURS.length];
    const mark = (box: ImageBox, i: number) => ({ box, colour: colour(i) });
    parts.push(await cell(image, own.map(mark), { column: 0, row }));
    parts.push(
      await cell(
        image,
        best.map(([first], k) => mark(first, k)),
        { column: 1, row },
      ),
    );
    for (const [k, [, second]] of best.entries()) {
      const other = await frames.picture(neighbours[picture * near + k]);
      parts.push(await cell(other, [mark(second, k)], { column: 2 + k, row }));
    }
  }
  const side = (cells: number) => cells * (CELL + GAP) + GAP;
  const [width, height] = [side(2 + shown), side(rows)];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${BACKGROUND}"/>${parts.join('')}</svg>`;
  await writeFileAtomically(file, await sharp(Buffer.from(svg)).png().toBuffer());
}

/** A picture in its place, as large as fits, with boxes; each box a little inside of the one before, so that equal ones are seen. */
async function cell(
  image: RgbImage,
  boxes: ReadonlyArray<{ readonly box: ImageBox; readonly colour: string }>,
  { column, row }: { readonly column: number; readonly row: number },
): Promise<string> {
  const scale = CELL / Math.max(image.width, image.height);
  const [x, y] = [column, row].map((at) => GAP + at * (CELL + GAP));
  const png = Buffer.from(await encodePng(image)).toString('base64');
  const size = `width="${image.width * scale}" height="${image.height * scale}"`;
  const drawn = boxes.map(({ box: [left, top, right, bottom], colour }, i) => {
    const [inset, line] = [1 + 1.5 * i, 2];
    const at = `x="${left * scale + inset}" y="${top * scale + inset}"`;
    const sides = `width="${Math.max(1, (right - left) * scale - 2 * inset)}" height="${Math.max(1, (bottom - top) * scale - 2 * inset)}"`;
    return `<rect ${at} ${sides} fill="none" stroke="${colour}" stroke-width="${line}"/>`;
  });
  return `<g transform="translate(${x} ${y})"><image ${size} href="data:image/png;base64,${png}"/>${drawn.join('')}</g>`;
}
