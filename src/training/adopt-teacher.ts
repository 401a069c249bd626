import { InputError } from '../engine/input-error.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import { systems } from '../objectives/systems.ts';
import { parseRunConfig, type RunConfig } from './config.ts';
import { loadEncoderRun } from './run/encoder-run.ts';
import { type Teacher, taughtIn } from './teacher.ts';

/**
 * A configuration with the image encoder of another run as the teacher of its systems, and that encoder's values. Throws an
 * InputError where no system takes a teacher, where the run has no image encoder, and where its pictures have other colours.
 */
export async function adoptTeacher(
  config: RunConfig,
  run: string,
  options: { readonly step?: number } = {},
): Promise<{ readonly config: RunConfig; readonly teacher: Teacher }> {
  const taught = taughtIn(config);
  if (taught.length === 0) {
    const able = systems.filter(({ teacher }) => teacher).map(({ name }) => name);
    throw new InputError({
      file: 'configuration',
      place: 'objectives',
      expected: `a system that learns from a teacher: ${able.join(', ')}`,
      found: Object.keys(config.objectives).join(', '),
    });
  }
  const { config: theirs, state, step } = await loadEncoderRun(run, options);
  const { image } = theirs.encoders;
  if (image === undefined)
    throw new InputError({ file: run, place: 'encoders.image', expected: 'an image encoder', found: 'none' });
  const { input, ...encoder } = image;
  const colours = config.encoders.image?.input.colours;
  if (input.colours !== colours) {
    const expected = `${colours}, the colours of the student's pictures`;
    throw new InputError({
      file: run,
      place: 'encoders.image.input.colours',
      expected,
      found: input.colours,
    });
  }
  const objectives = { ...config.objectives } as { [name: string]: object };
  for (const name of taught) objectives[name] = { ...objectives[name], teacher: encoder };
  const part = (name: 'params' | 'stats') => branchOrNone(branchAt(state, name), 'imageEncoder');
  return {
    config: parseRunConfig({ ...config, objectives }, { file: run }),
    teacher: { run, step, params: part('params'), stats: part('stats') },
  };
}
