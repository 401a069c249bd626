import { InputError } from '../engine/input-error.ts';
import type { Moment, Sequence } from './sequence.ts';

/** The sequence with a camera as its first one, which parts of moments and calls without a camera mean. Throws InputError, with the names there are, for a camera that it has not. */
export function seenBy(sequence: Sequence, camera: string): Sequence {
  const { kind, name, root, cameras, moments, unboundedIntensity } = sequence;
  if (!cameras.includes(camera)) {
    const expected = cameras.length === 0 ? 'data with cameras' : `a camera of ${cameras.join(', ')}`;
    throw new InputError({ file: root, place: `camera ${camera}`, expected, found: 'none of that name' });
  }
  return {
    ...{ kind, name, root, unboundedIntensity },
    cameras: [camera, ...cameras.filter((other) => other !== camera)],
    moments: moments.map((moment) => momentSeenBy(moment, camera)),
    cloud: (index) => sequence.cloud(index),
    picture: (index, which = camera) => sequence.picture(index, which),
    camera: (index, which = camera) => sequence.camera(index, which),
    labels: (index) => sequence.labels(index),
  };
}

function momentSeenBy(moment: Moment, camera: string): Moment {
  const { picture: _, ...files } = moment.files;
  const own = moment.pictures[camera];
  return { ...moment, files: own === undefined ? files : { ...files, picture: own } };
}
