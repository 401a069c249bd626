/** Length, width and height in metres. */
export type SizeM = readonly [length: number, width: number, height: number];

/** The mean sizes of KITTI's classes, on its training frames (MonoRUn's coder; the Van's and Truck's are round numbers), and a round one of Waymo's vehicles. */
const MEAN_SIZES: { readonly [name: string]: SizeM } = {
  Car: [3.89, 1.62, 1.53],
  Pedestrian: [0.82, 0.63, 1.78],
  Cyclist: [1.77, 0.57, 1.72],
  Van: [5.1, 1.9, 2.2],
  Truck: [10, 2.6, 3.2],
  Vehicle: [4.8, 2.1, 1.8],
};

/** The classes whose mean sizes are known. */
export const sizedClasses: readonly string[] = Object.keys(MEAN_SIZES);

/** The mean size of a class. Throws a RangeError for one whose size is not known. */
export function meanSizeOf(name: string): SizeM {
  if (Object.hasOwn(MEAN_SIZES, name)) return MEAN_SIZES[name];
  throw new RangeError(`no mean size of class ${name}`);
}
