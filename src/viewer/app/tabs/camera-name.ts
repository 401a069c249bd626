/** KITTI's cameras by the last digit of their folders. */
const kittiCameras: { readonly [digit: string]: string } = {
  0: 'left, grey',
  1: 'right, grey',
  2: 'left, colour',
  3: 'right, colour',
};

/** What a camera is called on the page: its own name, with what it is where that is a number. */
export function cameraName(name: string, kind: string): string {
  const digit = /^image_0?([0-3])$/.exec(name)?.[1];
  return kind.startsWith('KITTI') && digit !== undefined ? `${name} (${kittiCameras[digit]})` : name;
}
