import type { Box3 } from '../../../geometry/box.ts';
import { clipKeys } from '../../clip.ts';
import { api, messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { saveFile } from '../widgets/capture.ts';

/** Saves the points that the scene shows as a binary PCD file, in the coordinates of the present frame, or those of its own sweep in a box. */
export async function savePoints(
  { frame, session, store, say }: Context,
  box?: { readonly name: string; readonly box: Box3 },
): Promise<void> {
  const { state } = store;
  const { sweep } = frame.parts;
  if (sweep === undefined) {
    say('There are no points to save yet');
    return;
  }
  const { origin } = sweep;
  const keys = sweep.isAboutSensor ? clipKeys : clipKeys.filter((key) => key !== 'near' && key !== 'far');
  const limits = Object.fromEntries(keys.map((key) => [key, state[key]]));
  const hasPoses = frame.sequence.frames.some(({ worldFromLidar }) => worldFromLidar !== undefined);
  const numbers = box && [
    ...box.box.center.map((value, axis) => value + origin[axis]),
    ...box.box.sizeM,
    box.box.yaw,
  ];
  say('Saving the points');
  try {
    const shown = {
      ...limits,
      neighbours: state.neighbours,
      steady: state.steady && hasPoses ? 'yes' : 'no',
    };
    // An object that moves is elsewhere in other sweeps.
    const choice = numbers === undefined ? shown : { box: numbers.join(',') };
    const content = await api.savedPoints(frame.index, choice);
    const names = [session.title, frame.info.id, ...(box === undefined ? [] : [box.name])];
    const name = `${names.join('-').replace(/\.(pcd|ply|bin)(?=-|$)/gi, '')}.pcd`.replace(/[^\w.-]+/g, '-');
    saveFile(content, name);
    say(`Saved ${name}`);
  } catch (error) {
    say(messageOf(error) ?? 'The points could not be saved');
  }
}
