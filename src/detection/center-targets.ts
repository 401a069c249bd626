import type { ImageBox } from '../geometry/box-projection.ts';

/** The map that centres are looked for on: cells of `stride` pixels of the canvas. */
export interface CenterGrid {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
}

/** An object as a centre head is to find it, in pixels of the canvas. */
export interface CenterObject {
  readonly classIndex: number;
  /** Where its peak is: for boxes in space the picture of their centre, which may lie outside of the canvas. */
  readonly center: readonly [x: number, y: number];
  readonly box: ImageBox;
}

/** What a centre head is to say of one picture; K classes, M the most objects. */
export interface CenterTargets {
  /** float32 [H·W·K]: 1 at a peak, a Gaussian around it. */
  readonly heat: Float32Array;
  /** float32 [H·W]: 0 in ignored regions. */
  readonly heatWeights: Float32Array;
  /** int32 [M]: the cell of each object's peak, row·width + column; float32 [M]: 1 where there is one. */
  readonly cells: Int32Array;
  readonly mask: Float32Array;
  /** float32 [M·2]: from the cell to the centre, in cells; float32 [M·4]: from the cell to the box's sides, in `SIDE_UNIT` cells. */
  readonly offset: Float32Array;
  readonly sides: Float32Array;
}

/** The unit of the distances to a box's sides, in cells. */
export const SIDE_UNIT = 8;

/** A Gaussian's deviations are this share of its box's sides, and not below this many cells. */
const SPREAD = 0.1;
const LEAST_SPREAD = 0.6;

/** A place of the canvas on the map, in cells: the centre of the first cell is 0. */
export function toCells(pixel: number, stride: number): number {
  return (pixel + 0.5) / stride - 0.5;
}

/** A place of the map in pixels of the canvas; undoes `toCells`. */
export function toPixels(cell: number, stride: number): number {
  return (cell + 0.5) * stride - 0.5;
}

/**
 * What a centre head (Zhou et al. 2019) is to say of a picture. A peak that lies outside of the canvas is put on its edge,
 * and the offset carries the rest. Objects beyond `maxObjects` are ignored, the smallest first; of objects whose peaks fall
 * into one cell, only the largest is described.
 */
export function centerTargets(
  objects: readonly CenterObject[],
  ignored: readonly ImageBox[],
  options: { readonly grid: CenterGrid; readonly classes: number; readonly maxObjects: number },
): { readonly targets: CenterTargets; readonly order: readonly number[] } {
  const { grid, classes, maxObjects } = options;
  const { width, height, stride } = grid;
  const targets: CenterTargets = {
    heat: new Float32Array(classes * height * width),
    heatWeights: new Float32Array(height * width).fill(1),
    cells: new Int32Array(maxObjects),
    mask: new Float32Array(maxObjects),
    offset: new Float32Array(maxObjects * 2),
    sides: new Float32Array(maxObjects * 4),
  };
  const areas = objects.map(({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top));
  const bySize = objects.map((_, i) => i).sort((a, b) => areas[b] - areas[a]);
  const order = bySize.slice(0, maxObjects);
  const beyond = bySize.slice(maxObjects).map((i) => objects[i].box);
  for (const [left, top, right, bottom] of [...ignored, ...beyond]) {
    const from = (pixel: number, most: number) =>
      Math.max(0, Math.min(most, Math.round(toCells(pixel, stride))));
    for (let row = from(top, height); row <= from(bottom, height - 1); row++)
      targets.heatWeights.fill(0, row * width + from(left, width), row * width + from(right, width - 1) + 1);
  }
  const described = new Set<number>();
  order.forEach((index, m) => {
    const { classIndex, center, box } = objects[index];
    const place = center.map((pixel) => toCells(pixel, stride));
    const column = Math.max(0, Math.min(width - 1, Math.round(place[0])));
    const row = Math.max(0, Math.min(height - 1, Math.round(place[1])));
    targets.cells[m] = row * width + column;
    targets.mask[m] = described.has(targets.cells[m]) ? 0 : 1;
    described.add(targets.cells[m]);
    targets.offset.set([place[0] - column, place[1] - row], 2 * m);
    const [left, top, right, bottom] = box.map((pixel) => toCells(pixel, stride));
    targets.sides.set(
      [column - left, row - top, right - column, bottom - row].map((cells) => cells / SIDE_UNIT),
      4 * m,
    );
    const spread: [number, number] = [SPREAD * (right - left), SPREAD * (bottom - top)];
    addGaussian(targets.heat, grid, { classes, classIndex, column, row, spread });
    targets.heatWeights[row * width + column] = 1;
  });
  return { targets, order };
}

function addGaussian(
  heat: Float32Array,
  { width, height }: CenterGrid,
  peak: {
    readonly classes: number;
    readonly classIndex: number;
    readonly column: number;
    readonly row: number;
    readonly spread: readonly [number, number];
  },
): void {
  const [sx, sy] = peak.spread.map((spread) => Math.max(LEAST_SPREAD, spread));
  const [reachX, reachY] = [Math.ceil(3 * sx), Math.ceil(3 * sy)];
  const [right, bottom] = [
    Math.min(width - 1, peak.column + reachX),
    Math.min(height - 1, peak.row + reachY),
  ];
  for (let row = Math.max(0, peak.row - reachY); row <= bottom; row++) {
    for (let column = Math.max(0, peak.column - reachX); column <= right; column++) {
      const dx = (column - peak.column) / sx;
      const dy = (row - peak.row) / sy;
      const at = (row * width + column) * peak.classes + peak.classIndex;
      heat[at] = Math.max(heat[at], Math.exp(-(dx * dx + dy * dy) / 2));
    }
  }
}
