/** The classes that KITTI's files name. */
export const kittiClasses = [
  'Car',
  'Van',
  'Truck',
  'Pedestrian',
  'Person_sitting',
  'Cyclist',
  'Tram',
  'Misc',
  'DontCare',
] as const;

const classOfName = new Map<string, string>(kittiClasses.map((name) => [name.toLowerCase(), name]));
// KITTI's tracking labels say it so.
classOfName.set('person', 'Person_sitting');

/** A type as KITTI spells it, whatever its case; `Person` of the tracking labels is `Person_sitting`. Other types stay as they are. */
export function kittiClassOf(type: string): string {
  return classOfName.get(type.toLowerCase()) ?? type;
}

/** Whether a type, as `kittiClassOf` gives it, is one of KITTI's. */
export function isKittiClass(type: string): boolean {
  return (kittiClasses as readonly string[]).includes(type);
}
