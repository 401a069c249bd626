import type { Random } from '../../../engine/random.ts';
import type { Box3 } from '../../../geometry/box.ts';
import { car } from '../car.ts';
import { boxOf } from '../compose-scene.ts';
import { cyclist } from '../cyclist.ts';
import type { MaterialTable } from '../materials.ts';
import { Mesh } from '../mesh.ts';
import { pedestrian } from '../people.ts';
import { truck } from '../truck.ts';

/** What an object of a drive looks like, in its own frame: x ahead, z up, on the ground. */
export interface Body {
  readonly type: string;
  /** The box about all of its shapes. */
  readonly box: Box3;
  /** One shape, or those of a walk or of turning cranks, in equal steps. */
  readonly shapes: readonly Mesh[];
  /** Metres on the ground after which the shapes begin again. */
  readonly cycleM: number;
}

/** So many shapes has what walks or pedals. */
const shapesOfCycle = 12;

/** A car, van or truck, more often a car. */
export function vehicleBody(random: Random, materials: MaterialTable, vans: number, fine: boolean): Body {
  const mesh = new Mesh();
  const roll = random.uniform();
  const made =
    roll < vans * 0.25
      ? truck(mesh, random, materials)
      : car(mesh, random, materials, { van: roll < vans, fine });
  return { type: made.type, box: boxOf(mesh, 0, 0, made.sizeM), shapes: [mesh], cycleM: Infinity };
}

/** Somebody on foot, standing with a stride of 0. */
export function pedestrianBody(random: Random, materials: MaterialTable, stride: number): Body {
  const shapes = (stride === 0 ? [0] : cycle()).map((turn) => {
    const mesh = new Mesh();
    pedestrian(mesh, random.fork('person'), materials, { stride, phase: Math.sin(turn) });
    return mesh;
  });
  const box = boxAbout(shapes);
  // Two steps, with legs of half the body's height.
  const cycleM = stride === 0 ? Infinity : 4 * 0.49 * box.sizeM[2] * Math.sin(stride);
  return { type: 'Pedestrian', box, shapes, cycleM };
}

/** A rider on a bicycle. */
export function cyclistBody(random: Random, materials: MaterialTable): Body {
  const shapes = cycle().map((turn) => {
    const mesh = new Mesh();
    cyclist(mesh, random.fork('rider'), materials, -turn);
    return mesh;
  });
  // One turn of the cranks in a usual gear.
  return { type: 'Cyclist', box: boxAbout(shapes), shapes, cycleM: 5.2 };
}

/** The number of the shape after metres on the ground. */
export function shapeAfter(body: Body, travelledM: number): number {
  const count = body.shapes.length;
  if (count === 1) return 0;
  const turns = travelledM / body.cycleM;
  return Math.floor((turns - Math.floor(turns)) * count) % count;
}

function cycle(): number[] {
  return Array.from({ length: shapesOfCycle }, (_, i) => (2 * Math.PI * i) / shapesOfCycle);
}

function boxAbout(shapes: readonly Mesh[]): Box3 {
  const boxes = shapes.map((mesh) => boxOf(mesh, 0, 0));
  const low = [0, 1, 2].map((a) => Math.min(...boxes.map((box) => box.center[a] - box.sizeM[a] / 2)));
  const high = [0, 1, 2].map((a) => Math.max(...boxes.map((box) => box.center[a] + box.sizeM[a] / 2)));
  return {
    center: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2],
    sizeM: [high[0] - low[0], high[1] - low[1], high[2] - low[2]],
    yaw: 0,
  };
}
