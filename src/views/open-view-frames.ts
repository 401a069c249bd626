import { type ClipOptions, type Clips, clipsOf } from '../datasets/clips.ts';
import type { DataSelection } from '../datasets/data-selection.ts';
import { type Frames, openFrames } from '../datasets/open-frames.ts';
import { selectFrames } from '../datasets/select-frames.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { needsOf, takesPixels, type Views } from './view-config.ts';

/** The frames that views can be drawn of. */
export interface ViewFrames extends Frames {
  /** The frames of a clip that holds the one at `index`, for a view by its name; their numbers are those of `whole`. */
  clip(view: string, index: number, random: Random): readonly number[];
  /** All frames of the data set, those that lie in no clip included. */
  readonly whole: Frames;
  /** The number that a frame has in `whole`. */
  numberInWhole(index: number): number;
}

/**
 * Opens the frames that all of these views can be drawn of: with a view of clips those that lie in one, which the notes say. Throws an
 * InputError where there is none, and as `openFrames` does.
 */
export async function openViewFrames(data: DataSelection, views: Views): Promise<ViewFrames> {
  const whole = await openFrames(data, needsOf(views), { withPictures: takesPixels(views) });
  const clips = new Map<string, Clips>();
  let chosen = Array.from({ length: whole.length }, (_, index) => index);
  const notes = [...whole.notes];
  for (const [name, view] of Object.entries(views)) {
    if (!('clip' in view)) continue;
    const options: ClipOptions = { ...view.clip, posed: view.kind === 'point-clip' };
    const found = clipsOf(whole, options);
    clips.set(name, found);
    const members = new Set(found.members);
    const kept = chosen.filter((index) => members.has(index));
    if (kept.length === 0) throw noClip(data.root, whole, options);
    if (kept.length < chosen.length)
      notes.push(`left out ${chosen.length - kept.length} frames that lie in no clip of ${inWords(options)}`);
    chosen = kept;
  }
  const frames = clips.size === 0 ? whole : selectFrames(whole, chosen);
  return {
    ...frames,
    notes,
    whole,
    numberInWhole: (index) => chosen[index],
    clip: (view, index, random) => clips.get(view)!.draw(chosen[index], random),
  };
}

function inWords({ frames, gapS, posed = false }: ClipOptions): string {
  return `${frames} frames ${gapS} s apart${posed ? ' with poses' : ''}`;
}

function noClip(root: string, { sequences, length, place, kind }: Frames, options: ClipOptions): InputError {
  const moments = Array.from({ length: sequences.length === 0 ? 0 : length }, (_, index) => {
    const { sequence, moment } = place(index);
    return sequences[sequence].moments[moment];
  });
  const timed = moments.filter(({ timeS }) => timeS !== undefined);
  const posed = timed.filter(({ worldFromLidar }) => worldFromLidar !== undefined);
  let found = `${length} frames without any so far apart`;
  if (moments.length === 0) found = `${kind}, whose frames have no order in time`;
  else if (timed.length === 0) found = `${length} frames, none of which has a time`;
  else if (options.posed && posed.length === 0) found = `${length} frames, none of which has a pose`;
  return new InputError({ file: root, expected: `a clip of ${inWords(options)}`, found });
}
