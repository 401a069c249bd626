import { leavesOf, type Tree, treeOf } from '../../engine/tree.ts';

type Json = { readonly [key: string]: unknown };

/**
 * Runs from before a run could have any other objective than one: `objective` named it, its configuration held the
 * encoders and what they look at, and its heads were the branch `heads` of the state. They are read, exported, looked at
 * and gone on with as if they had today's form.
 */
const OLD = 'simipu';

/** A run's configuration in today's form; one that has it already is given back as it is. */
export function upgradedConfig(config: Json): Json {
  if (config.objective !== OLD || typeof config[OLD] !== 'object' || config[OLD] === null) return config;
  const { objective: _, [OLD]: own, ...rest } = config;
  const { points, image, imageEncoder, pointEncoder, ...options } = own as { readonly [key: string]: Json };
  const { scale, ...canvas } = image ?? {};
  return {
    encoders: { image: { ...imageEncoder, input: canvas }, points: { ...pointEncoder, input: points } },
    objectives: { [OLD]: { ...options, imageScale: scale } },
    ...rest,
    schedule: { ...(rest.schedule as Json), per: 'epoch' },
  };
}

/** A configuration in the old form, as its checkpoints were made under; undefined where it had none. */
export function oldForm(config: Json): Json | undefined {
  const { encoders, objectives, schedule, ...rest } = config as { readonly [key: string]: Json };
  const { image, points } = encoders as { readonly [key: string]: Json };
  const own = objectives[OLD] as Json | undefined;
  if (own === undefined || Object.keys(objectives).length > 1 || image === undefined || points === undefined)
    return undefined;
  const { imageScale, ...options } = own;
  const [{ input: canvas, ...imageEncoder }, { input: sampled, ...pointEncoder }] = [image, points];
  const { per, ...steps } = schedule;
  if (per !== undefined && (per as unknown) !== 'epoch') return undefined;
  return {
    objective: OLD,
    [OLD]: {
      ...options,
      points: sampled,
      image: { ...(canvas as Json), scale: imageScale },
      imageEncoder,
      pointEncoder,
    },
    schedule: steps,
    ...rest,
  };
}

/** A state with the heads where they are today: in the branch of their objective. */
export function upgradedState<Leaf>(state: Tree<Leaf>): Tree<Leaf> {
  return treeOf(
    leavesOf(state).map(([path, leaf]) => {
      const [part, ...keys] = path.split('/');
      // `optimizer/heads` is the name of a group; what follows its moments are paths of parameters.
      const from = part === 'optimizer' ? 2 : 0;
      const moved = keys.map((key, i) => (i === from && key === 'heads' ? OLD : key));
      return [[part, ...moved].join('/'), leaf] as const;
    }),
  );
}
