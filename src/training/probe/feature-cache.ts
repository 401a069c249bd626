import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { leavesOf, type Tree } from '../../engine/tree.ts';
import type { Features } from '../../evaluation/probes/features.ts';
import { makeFolder, writeFileAtomically } from '../run/atomic-file.ts';
import { decodeSafetensors, encodeSafetensors } from '../run/safetensors.ts';

/** The folder in a run's folder that keeps frozen features. */
export const FEATURES = 'features';

/** A name for everything that features depend on: the values of an encoder, and whatever else is given. */
export function featureKey(state: Tree<HostTensor>, ...depends: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(depends));
  for (const [path, { data }] of leavesOf(state)) {
    hash.update(path);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex').slice(0, 24);
}

/** The features of a key: from the run's folder where they were computed before, else computed and kept there. */
export async function cachedFeatures(
  run: string,
  key: string,
  compute: () => Promise<Features>,
): Promise<Features> {
  const file = join(run, FEATURES, `${key}.safetensors`);
  const known = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new InputError({ file, expected: 'a file of features', found: reasonOf(error) });
  });
  if (known !== undefined) {
    const { tensors } = decodeSafetensors(new Uint8Array(known), { file });
    const { data, shape } = tensors.get('features')!;
    return { rows: data as Float32Array, count: shape[0], width: shape[1] };
  }
  const features = await compute();
  const tensor = float32(features.rows, [features.count, features.width]);
  await makeFolder(join(run, FEATURES));
  await writeFileAtomically(file, encodeSafetensors([['features', tensor]], { format: 'pointpair' }));
  return features;
}
