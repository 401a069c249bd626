import type { ObjectsInfo, ObjectsTable } from '../../protocol.ts';
import type { Pixel } from '../picture/picture-pane.ts';
import { colourValues, rangeOf, type ValueRange } from '../sweep/colouring.ts';
import { shown } from '../widgets/dom.ts';

/** The maps behind a frame's detected objects, as `ObjectsTable` has them. */
export interface Objects {
  readonly info: ObjectsInfo;
  readonly coordinates: Float32Array;
  readonly places: Float32Array;
  readonly logStd: Float32Array;
  readonly errorPx: Float32Array;
}

/** Which of the maps is shown. */
export type ObjectMap = 'coordinates' | 'uncertainty' | 'error';

/** A cell of an object's region, by their numbers. */
export interface ObjectCell {
  readonly object: number;
  readonly cell: number;
}

/** How cells of objects are coloured. */
export interface ObjectColours {
  /** Rows of red, green, blue, alpha: of the cells of each object that is shown. */
  readonly colours: ReadonlyMap<number, Uint8ClampedArray<ArrayBuffer>>;
  /** Pixels at the ends of the scale, on which equal steps are equal factors; undefined for coordinates. */
  readonly range: ValueRange | undefined;
}

/** The colour map of uncertainty and error. */
export const objectMap = 'magma';
/** What is smaller has the colour of this, pixels. */
const leastPx = 0.01;
/** A cell fades by a quarter for each doubling of its deviation over the object's surest cells, the tenth part of them. */
const fadePerDoubling = 0.25;
const surest = 0.1;

/** A table's arrays by name. */
export function objectsOf({ info, arrays }: ObjectsTable): Objects {
  return { info, ...arrays } as unknown as Objects;
}

/** The numbers of the objects with enough of a score. */
export function scoredObjects({ info }: Objects, least: number): number[] {
  return info.objects.flatMap(({ score }, i) => (score >= least ? [i] : []));
}

/** The deviation of a cell over both axes of the picture, pixels: the geometric mean. */
export function deviationOf({ logStd }: Objects, at: number): number {
  return Math.exp((logStd[2 * at] + logStd[2 * at + 1]) / 2);
}

/** How sure each cell of an object is beside the object's surest ones, 0 to 1; cells at 0 see something else. */
export function certainties(objects: Objects, object: number): Float32Array {
  const cells = objects.info.cells ** 2;
  const deviations = Float32Array.from({ length: cells }, (_, k) => deviationOf(objects, object * cells + k));
  const best = deviations.slice().sort()[Math.floor(surest * cells)];
  return deviations.map((value) => Math.max(0, Math.min(1, 1 - fadePerDoubling * Math.log2(value / best))));
}

/** The colours of the cells of some objects; coordinates as shares of the object's length, height and width. */
export function objectColours(objects: Objects, seen: readonly number[], map: ObjectMap): ObjectColours {
  const cells = objects.info.cells ** 2;
  const made = new Map(seen.map((object) => [object, new Uint8ClampedArray(4 * cells)]));
  if (map === 'coordinates') {
    for (const [object, colours] of made) paintCoordinates(objects, object, colours);
    return { colours: made, range: undefined };
  }
  const pixelsOf = (at: number) => (map === 'error' ? objects.errorPx[at] : deviationOf(objects, at));
  const logsOf = (object: number) =>
    Float32Array.from({ length: cells }, (_, k) => Math.log(Math.max(leastPx, pixelsOf(object * cells + k))));
  const logs = new Map(seen.map((object) => [object, logsOf(object)]));
  const ends = rangeOf([...logs.values()].flatMap((values) => [...values]));
  for (const [object, colours] of made) {
    colourValues(logs.get(object)!, ends, { map: objectMap, into: new Uint8Array(colours.buffer) });
  }
  return { colours: made, range: { low: Math.exp(ends.low), high: Math.exp(ends.high) } };
}

function paintCoordinates(objects: Objects, object: number, colours: Uint8ClampedArray): void {
  const cells = objects.info.cells ** 2;
  const [length, width, height] = objects.info.objects[object].pose.sizeM;
  const certainty = certainties(objects, object);
  for (let k = 0; k < cells; k++) {
    const [x, y, z] = objects.coordinates.subarray(3 * (object * cells + k), 3 * (object * cells + k) + 3);
    const shares = [x / length + 0.5, -y / height, z / width + 0.5];
    colours.set([...shares.map((share) => 255 * share), 255 * certainty[k]], 4 * k);
  }
}

/** The cell that is seen at a pixel, of the surest object there; undefined where there is none. */
export function cellAt(objects: Objects, seen: readonly number[], [u, v]: Pixel): ObjectCell | undefined {
  const { cells, objects: all } = objects.info;
  let found: ObjectCell | undefined;
  let best = -Infinity;
  for (const object of seen) {
    const { box, score } = all[object];
    const [left, top, right, bottom] = box;
    const column = Math.floor((cells * (u - left)) / (right - left));
    const row = Math.floor((cells * (v - top)) / (bottom - top));
    if (column < 0 || row < 0 || column >= cells || row >= cells || score <= best) continue;
    best = score;
    found = { object, cell: row * cells + column };
  }
  return found;
}

/** What is known of a cell, in words. */
export function cellFacts(objects: Objects, { object, cell }: ObjectCell): Array<readonly [string, string]> {
  const at = object * objects.info.cells ** 2 + cell;
  const [x, y, z] = objects.coordinates.subarray(3 * at, 3 * at + 3);
  const [u, v] = [Math.exp(objects.logStd[2 * at]), Math.exp(objects.logStd[2 * at + 1])];
  const { score, deviations } = objects.info.objects[object];
  const degrees = (180 / Math.PI) * deviations.rotationY;
  return [
    ['Ahead of its middle', `${shown(x)} m`],
    ['Above its bottom', `${shown(-y)} m`],
    ['Left of its middle', `${shown(z)} m`],
    ['Deviation in u, v', `${shown(u)}, ${shown(v)} px`],
    ['Reprojection error', `${shown(objects.errorPx[at])} px`],
    ['Pose: depth, heading', `± ${shown(deviations.depthM)} m, ± ${shown(degrees)}°`],
    ['Score', shown(score)],
  ];
}

/** Where a cell's place is in the LiDAR frame. */
export function placeOfCell(
  objects: Objects,
  { object, cell }: ObjectCell,
): readonly [number, number, number] {
  const at = 3 * (object * objects.info.cells ** 2 + cell);
  return [objects.places[at], objects.places[at + 1], objects.places[at + 2]];
}
